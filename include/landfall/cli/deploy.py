"""`landfall deploy`, `redeploy`, `undeploy`, `rescore`: which model scores the rows of which table."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from landfall.cli.deployments import told
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
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything, show each statement whole, take it all back.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(deploy)
    app.command()(redeploy)
    app.command("undeploy")(undeploy_table)
    app.command("rescore")(rescore_table)


def deploy(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A registered model, such as iris.")],
    table: Annotated[str, typer.Option(help="The table whose rows it is to score.")],
    schema: Annotated[str, typer.Option(help="The schema that the table is in.")] = "public",
    primary_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN[:TYPE]",
            help="Of a table that is made; several times for several columns. bigint if no type.",
        ),
    ] = None,
    create_table: Annotated[bool, typer.Option("--create-table", help="Make the table.")] = False,
    classes: Annotated[
        str, typer.Option(metavar="A,B,...", help="What the classes are called, in the order of the model's labels.")
    ] = "",
    run_id: RunOption = None,
    model_version: VersionOption = None,
    after: Annotated[
        str | None, typer.Option(metavar="TABLE", help="A table with a deployment, whose predictions feed this one.")
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(metavar="INPUT=COLUMN", help="With --after: which of its columns feeds an input of another name."),
    ] = None,
    unscorable: Annotated[
        Literal["null", "error"],
        typer.Option(help="What a row gets that the model cannot score: no prediction and a reason, or an error."),
    ] = "null",
    grant: Annotated[
        list[str] | None, typer.Option(metavar="ROLE", help="A role that is to insert rows and read them.")
    ] = None,
    dry_run: DryRun = False,
    json: JsonFlag = False,
) -> None:
    """Let a model score every row of a table as it is inserted. Its present rows are left as they are: `landfall rescore`."""
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


def _carry_out(out: Output, where: Settings, request: Request, *, dry_run: bool) -> None:
    done = carry_out(where, request, say=out.say, only_show=dry_run)
    text = (
        f"{done.table} is scored by {done.model} version {done.version}"
        f"\nnext: landfall sql, and INSERT a row; landfall rescore {done.table}, for rows that were there"
    )
    out.answer({**told(done), "dry_run": dry_run}, "-- taken back: nothing was changed" if dry_run else text)


def redeploy(
    table: TableArgument,
    model_version: VersionOption = None,
    run_id: RunOption = None,
    dry_run: DryRun = False,
    json: JsonFlag = False,
) -> None:
    """Put another version of a table's model in the place of the present one. Writers get the one or the other, never none."""
    with answering(json) as out:
        where = settings()
        _carry_out(out, where, another_version(where, TableName.parse(table), model_version, run_id), dry_run=dry_run)


def undeploy_table(
    table: TableArgument,
    drop_columns: Annotated[
        bool, typer.Option("--drop-columns", help="Drop the columns that were filled, too.")
    ] = False,
    dry_run: DryRun = False,
    json: JsonFlag = False,
) -> None:
    """Take the model away from a table. Its rows stay, with their predictions unless --drop-columns."""
    with answering(json) as out:
        with connect(settings()) as conn:
            done = undeploy(conn, TableName.parse(table), drop_columns=drop_columns, say=out.say, only_show=dry_run)
        text = f"{done.table} is not scored any more; it was by {done.model} version {done.version}"
        out.answer({**told(done), "dry_run": dry_run}, "-- taken back: nothing was changed" if dry_run else text)


def roll_back_table(out: Output, table: str, to: str | None) -> None:
    """What `landfall rollback TABLE` does: the version that scored before scores again.

    Raises:
        SpecError: no pipeline and no table with a deployment has that name.
    """
    name = TableName.parse(table)
    with connect(settings()) as conn:
        known = {each.table: each for each in deployments(conn)}
        if name not in known:
            names = [*PIPELINES, *map(str, known)]
            raise SpecError.unknown("pipeline, or table that a model is deployed to,", table, names)
        done = roll_back(conn, name, to=to, say=out.say)
    out.answer(
        told(done), f"{name} is scored by version {done.version} again; before it: version {known[name].version}"
    )


def rescore_table(table: TableArgument, json: JsonFlag = False) -> None:
    """Score in place the rows that the present version has not scored, in batches that hold no writer up."""
    with answering(json) as out:
        with connect(settings()) as conn, out.bar(f"scoring {table}") as bar:
            done = rescore(
                conn, TableName.parse(table), progress=lambda blocks, of, rows: bar(blocks, of, f"{rows:,} rows")
            )
        out.answer(asdict(done), _scored(done))


def _scored(done: Rescored) -> str:
    """What was scored, in sentences."""
    lines = [f"{words.count(done.fed, 'row')} that its source had before fed to {done.table}"] if done.fed else []
    lines.append(
        f"{words.count(done.rows, 'row')} of {done.table} scored by version {done.version} in {done.seconds:.1f} s"
    )
    if done.unscorable:
        lines.append(f"{done.unscorable:,} of them have a reason and no prediction")
    if done.rows:
        lines.append(f"{words.count(done.batches, 'transaction')}, the slowest took {done.slowest:.2f} s")
    if not done.whole:
        lines.append(f"writers hold others: landfall rescore {done.table}    (again)")
    return "\n".join(lines)
