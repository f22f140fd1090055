"""`landfall deploy`, `redeploy`, `undeploy`, `rescore`: says which model scores the rows of which table."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from landfall.cli.deployments import deployment_json
from landfall.cli.output import JsonFlag, Output, answering
from landfall.database import connect
from landfall.deployments import Create, Request, TableName, deployments, rescore, roll_back, undeploy
from landfall.deployments.deploy import another_version, carry_out
from landfall.deployments.request import after_of, key_of
from landfall.deployments.rescore import Rescored
from landfall.errors import SpecError
from landfall.pipelines import PIPELINES
from landfall.reporting import words
from landfall.spec import Settings
from landfall.stack import settings

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="A table, or SCHEMA.TABLE.")]
VersionOption = Annotated[
    str | None,
    typer.Option("--model-version", metavar="N", help="Which version; by default the champion, or the newest."),
]
RunOption = Annotated[str | None, typer.Option("--run-id", metavar="ID", help="The MLflow run that made the version.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Do everything, show every statement in full, and take it all back.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(deploy)
    app.command()(redeploy)
    app.command("undeploy")(undeploy_table)
    app.command("rescore")(rescore_table)


def deploy(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A registered model, such as iris.")],
    table: Annotated[str, typer.Option(help="The table whose rows the model will score.")],
    schema: Annotated[str, typer.Option(help="The schema that the table is in.")] = "public",
    primary_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN[:TYPE]",
            help="For --create-table; repeat it for several columns. The type is bigint if none is given.",
        ),
    ] = None,
    create_table: Annotated[bool, typer.Option("--create-table", help="Make the table.")] = False,
    classes: Annotated[
        str, typer.Option(metavar="A,B,...", help="The names of the classes, in the order of the model's labels.")
    ] = "",
    run_id: RunOption = None,
    model_version: VersionOption = None,
    after: Annotated[
        str | None, typer.Option(metavar="TABLE", help="A table with a deployment, whose predictions feed this one.")
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INPUT=COLUMN", help="With --after: which of its columns feeds an input that has another name."
        ),
    ] = None,
    unscorable: Annotated[
        Literal["null", "error"],
        typer.Option(
            help="A row that the model cannot score: null: has a reason and no prediction; error: is refused."
        ),
    ] = "null",
    grant: Annotated[
        list[str] | None, typer.Option(metavar="ROLE", help="A role that may insert rows and read them.")
    ] = None,
    dry_run: DryRun = False,
    json: JsonFlag = False,
) -> None:
    """Let a model score every row of a table as it is inserted. Present rows stay as they are: see `landfall rescore`."""
    with answering(json) as out:
        request = Request(
            table=TableName(schema, table),
            model=model,
            version=model_version,
            run_id=run_id,
            create=Create(primary_key=key_of(primary_key)) if create_table else None,
            classes=tuple(classes.split(",")) if classes else (),
            unscorable=unscorable,
            after=after_of(after, feed or ()),
            readers=tuple(grant or ()),
        )
        _carry_out(out, settings(), request, dry_run=dry_run)


def _carry_out(out: Output, servers: Settings, request: Request, *, dry_run: bool) -> None:
    deployed = carry_out(servers, request, say=out.say, only_show=dry_run)
    text = (
        f"{deployed.table} is scored by {deployed.model} version {deployed.version}"
        f"\nnext: landfall sql, and INSERT a row; landfall rescore {deployed.table}, for the rows that are there already"
    )
    out.answer(
        {**deployment_json(deployed), "dry_run": dry_run},
        "-- all of it was taken back: nothing was changed" if dry_run else text,
    )


def redeploy(
    table: TableArgument,
    model_version: VersionOption = None,
    run_id: RunOption = None,
    dry_run: DryRun = False,
    json: JsonFlag = False,
) -> None:
    """Replace a table's model by another version. Every write is scored by one of the two versions."""
    with answering(json) as out:
        servers = settings()
        _carry_out(
            out, servers, another_version(servers, TableName.parse(table), model_version, run_id), dry_run=dry_run
        )


def undeploy_table(
    table: TableArgument,
    drop_columns: Annotated[
        bool, typer.Option("--drop-columns", help="Drop the columns that the model filled, too.")
    ] = False,
    dry_run: DryRun = False,
    json: JsonFlag = False,
) -> None:
    """Remove the model from a table. The rows stay, with their predictions unless --drop-columns is given."""
    with answering(json) as out:
        with connect(settings()) as conn:
            gone = undeploy(conn, TableName.parse(table), drop_columns=drop_columns, say=out.say, only_show=dry_run)
        text = f"{gone.table} is not scored any more; it was by {gone.model} version {gone.version}"
        out.answer(
            {**deployment_json(gone), "dry_run": dry_run},
            "-- all of it was taken back: nothing was changed" if dry_run else text,
        )


def roll_back_table(out: Output, table: str, to: str | None) -> None:
    """`landfall rollback TABLE`: the version that scored before scores again.

    Raises:
        SpecError: there is no pipeline of that name, and no table that a model is deployed to.
    """
    name = TableName.parse(table)
    with connect(settings()) as conn:
        deployed_to = {deployment.table: deployment for deployment in deployments(conn)}
        if name not in deployed_to:
            names = [*PIPELINES, *map(str, deployed_to)]
            raise SpecError.unknown("pipeline, or table that a model is deployed to,", table, names)
        back = roll_back(conn, name, to=to, say=out.say)
    out.answer(
        deployment_json(back),
        f"{name} is scored by version {back.version} again; before it: version {deployed_to[name].version}",
    )


def rescore_table(table: TableArgument, json: JsonFlag = False) -> None:
    """Score in place the rows that the present version has not scored, in batches that do not hold up writers."""
    with answering(json) as out:
        with connect(settings()) as conn, out.bar(f"scoring {table}") as bar:
            result = rescore(
                conn, TableName.parse(table), progress=lambda blocks, of, rows: bar(blocks, of, f"{rows:,} rows")
            )
        out.answer(asdict(result), _scored(result))


def _scored(result: Rescored) -> str:
    """The result in sentences."""
    lines = (
        [f"{words.count(result.fed, 'row')} that its source already had fed to {result.table}"] if result.fed else []
    )
    lines.append(
        f"{words.count(result.rows, 'row')} of {result.table} scored by version {result.version} in {result.seconds:.1f} s"
    )
    if result.unscorable:
        lines.append(f"{result.unscorable:,} of them have a reason and no prediction")
    if result.rows:
        lines.append(f"{words.count(result.batches, 'transaction')}, the slowest took {result.slowest:.2f} s")
    if not result.whole:
        lines.append(f"other rows are locked by writers: landfall rescore {result.table}    (again)")
    return "\n".join(lines)
