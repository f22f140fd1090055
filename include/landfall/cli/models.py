"""`landfall models`, `promote`, `rollback`, `served`: which model version serves, did, and is to."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from landfall import database, freshness, publishing
from landfall.cli.deploy import roll_back_table
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.predictions import PipelineName, table_of
from landfall.cli.table_models import aliases_of, list_versions
from landfall.cli.times import moment_of
from landfall.cli.vouch import model_of
from landfall.database.statements import plain
from landfall.errors import ModelError, SpecError
from landfall.freshness import Promotion, Serving
from landfall.models import registry
from landfall.models.registry import Listed
from landfall.pipelines import PIPELINES, TABLE_MODELS, find_pipeline, find_trainable
from landfall.publishing import Published, find_publication
from landfall.reporting import words
from landfall.spec import Partition, Pipeline, PredictionTable, Settings
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(models)
    app.command()(promote)
    app.command()(rollback)
    app.command()(served)


def models(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A pipeline, a table model, or any registered model: bike_demand, iris."),
    ],
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    json: JsonFlag = False,
) -> None:
    """List the versions of a model, newest first: what each learnt from, how good it is, when and why it served."""
    with answering(json) as out:
        where = settings()
        if name not in PIPELINES:
            listed = _of_no_pipeline(where, name, limit)
            serving = _serving(where, name) if listed else None
            list_versions(out, name, listed, serving.version if serving else None)
            if serving and serving.remark:
                out.remark(serving.remark)
            return
        found = find_pipeline(name)
        listed = registry.versions(where, found.training.model, limit=limit)
        serving = _serving(where, found.training.model)
        with database.connect(where) as conn:
            changes = freshness.history(conn, found.training.model)
        latest = {each.version: each for each in reversed(changes) if each.version}
        told = [_listed(each, latest.get(each.version.version), found, serving.version) for each in listed]
        if serving.remark:
            out.remark(serving.remark)
        if json:
            out.json(told)
        elif not told:
            out.say(f"no version of `{found.training.model}` yet    (landfall train {found.name})")
        else:
            _show(out, told, found)


def _serving(where: Settings, name: str) -> Serving:
    with database.connect(where) as conn:
        return freshness.notice(where, conn, name)


def _of_no_pipeline(where: Settings, name: str, limit: int) -> list[Listed]:
    """The versions of a table model, or of any other that somebody has registered.

    Raises:
        SpecError: there is nothing of that name.
        ModelError: the registry does not answer.
    """
    if name in TABLE_MODELS:
        return registry.versions(where, name, limit=limit)
    listed: list[Listed] = []
    with suppress(ModelError):
        listed = registry.versions(where, name, limit=limit)
    if not listed:
        find_trainable(name)
    return listed


def _listed(each: Listed, change: Promotion | None, pipeline: Pipeline, serving: str | None) -> dict[str, object]:
    version, metric = each.version, pipeline.training.freshness.gate.metric
    error = version.metrics.get(f"gate_{metric}", version.metrics.get(f"holdout_{metric}"))
    return {
        "version": version.version,
        "aliases": aliases_of(each, serving),
        "trained_until": str(version.snapshot.last) if version.snapshot else None,
        "partitions": version.snapshot.days if version.snapshot else None,
        metric: plain(error),
        "registered_at": plain(version.created_at),
        "reason": version.tags.get("landfall.reason", ""),
        "gate": version.tags.get("landfall.gate", ""),
        "verdict": version.tags.get("landfall.verdict", ""),
        "served_since": plain(change.at) if change else None,
        "promotion": change.kind if change else "",
        "promoted_because": change.reason if change else "",
    }


def _show(out: Output, told: list[dict[str, object]], pipeline: Pipeline) -> None:
    metric = pipeline.training.freshness.gate.metric
    rows = [
        (
            each["version"],
            ", ".join(map(str, each["aliases"] if isinstance(each["aliases"], list) else ())),
            each["trained_until"],
            f"{each[metric]:.4g}" if isinstance(each[metric], float) else "",
            f"{str(each['served_since'])[:16].replace('T', ' ')}" if each["served_since"] else "",
            _why(each),
        )
        for each in told
    ]
    columns = ("version", "alias", "trained until", metric, "served since", "why")
    styles = ["green" if "champion" in str(row[1]) else "" for row in rows]
    title = f"{pipeline.training.model}: {words.count(len(rows), 'version')}"
    out.table(columns, rows, title=title, styles=styles)


def _why(each: Mapping[str, object]) -> str:
    """Why it served, else why it was refused; and why it was trained, unless that was said already."""
    said = str(each["promoted_because"]).startswith(f"{each['reason']};")
    trained = f"trained: {each['reason']}" if each["reason"] and not said else ""
    served = f"{each['promotion']}: {each['promoted_because']}" if each["promotion"] else ""
    refused = f"refused: {each['verdict']}" if each["gate"] == "refused" and not served else ""
    return "; ".join(filter(None, (served, refused, trained)))


def promote(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pipeline, a table model, or any registered model.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version that `landfall models` lists.")],
    reason: Annotated[str, typer.Option(help="Why; the history keeps it.")] = "by hand",
    json: JsonFlag = False,
) -> None:
    """Make a version the champion, whatever its gate said. What lies ahead is then stale: `landfall plan` shows it.

    Of the version that serves: put MLflow's alias back on it.
    """
    with answering(json) as out:
        where, model = settings(), model_of(name)
        if name not in PIPELINES:
            _of_no_pipeline(where, name, 1)
        with database.connect(where) as conn:
            before = freshness.notice(where, conn, model)
            expected = before.version
            done = freshness.promote(
                where, conn, model, version, expected=expected, reason=reason, by_run="landfall promote"
            )
        if expected == done.version:
            text = f"version {done.version} of `{model}` serves already, {_since(done)}"
            text += "\nMLflow's alias is on it again" if before.remark else ""
        else:
            text = f"version {done.version} of `{model}` serves now; before it: "
            text += f"version {expected}" if expected else "none"
            text += f"\nwhat lies ahead is stale: landfall plan {name}" if name in PIPELINES else ""
        out.answer(_changed(done), text)


def _since(change: Promotion) -> str:
    return f"{change.kind} {change.at:%Y-%m-%d %H:%M:%S} UTC: {change.reason}"


def _changed(change: Promotion) -> dict[str, object]:
    return {name: plain(value) for name, value in asdict(change).items()}


def rollback(
    pipeline: Annotated[
        str,
        typer.Argument(
            metavar="PIPELINE|TABLE",
            help="A pipeline, PIPELINE/FEED with a day, or a table that a model is deployed to.",
        ),
    ],
    partition: Annotated[
        str | None, typer.Argument(metavar="[DAY]", help="Only this day, YYYY-MM-DD; the model stays.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Which version; by default the one that served before.")
    ] = None,
    publication: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only this publication's day; by default the one before the present."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Go back: to the model version that served before, with the rows it had published; or, of one DAY, to earlier rows.

    Of a TABLE that a model is deployed to: to the version that scored before; its rows stay. Of a pipeline without DAY and
    --publication: the registry and every partition that a later version published go back together.
    """
    if to is not None and (partition or publication is not None):
        raise typer.BadParameter("--to names a model version; of one day, --publication names which", param_hint="--to")
    with answering(json) as out:
        if partition or publication is not None:
            _roll_back_partition(out, table_of(pipeline), partition, publication)
        elif "/" in pipeline:
            raise SpecError(
                f"`{pipeline}` has no model of its own to roll back.",
                next=f"landfall rollback {pipeline} DAY    (or the model: landfall rollback {pipeline.partition('/')[0]})",
            )
        elif pipeline in PIPELINES:
            _roll_back_model(out, find_pipeline(pipeline), to)
        else:
            roll_back_table(out, pipeline, to)


def _roll_back_partition(out: Output, table: PredictionTable, partition: str | None, publication: int | None) -> None:
    day = Partition.parse(partition) if partition else None
    with database.connect(settings()) as conn:
        if day is None and publication is not None:
            day = find_publication(conn, table, publication).partition
        if day:
            done = publishing.rollback(conn, table, day, to=publication)
            out.answer(_published(done), _told(done))


def _told(done: Published) -> str:
    return (
        f"`{done.table}` {done.partition}: publication {done.id} is back ({done.rows} rows, model {done.model_version}), "
        f"publication {done.replaced} is rolled back; readers waited {done.lock_ms:.1f} ms"
    )


def _published(done: Published) -> dict[str, object]:
    return {name: plain(value) for name, value in {**asdict(done), "partition": str(done.partition)}.items()}


def _roll_back_model(out: Output, pipeline: Pipeline, to: str | None) -> None:
    where = settings()
    with database.connect(where) as conn:
        done = freshness.roll_back_model(where, conn, pipeline, to)
    lines = [
        f"version {done.version} of `{done.model}` serves"
        + (f" again; version {done.replaced} is withdrawn" if done.replaced != done.version else "")
    ]
    lines += [_told(each) for each in done.restored]
    if len(done.kept):
        lines.append(
            f"no publication by version {done.version} is kept for {done.kept}: readers go on seeing rows of "
            f"{', '.join(f'version {each}' for each in done.withdrawn)}; those ahead are stale: landfall apply {pipeline.name}"
        )
    told = {
        "model": done.model,
        "version": done.version,
        "replaced": done.replaced,
        "withdrawn": list(done.withdrawn),
        "restored": [_published(each) for each in done.restored],
        "kept": str(done.kept),
    }
    out.answer(told, "\n".join(lines))


def served(
    pipeline: PipelineName,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601, UTC unless it says otherwise; by default now.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Which model version served at a time, since when, and why."""
    with answering(json) as out:
        found, where = find_pipeline(pipeline), settings()
        name, moment = found.training.model, moment_of(at) if at else datetime.now(UTC)
        with database.connect(where) as conn:
            now = freshness.notice(where, conn, name).line if at is None else None
            change = now if at is None else freshness.served_at(conn, name, moment)
            changes = freshness.history(conn, name)
        if change is None:
            first = f"the first change is of {changes[-1].at:%Y-%m-%d %H:%M:%S} UTC" if changes else "nothing is there"
            raise ModelError(
                f"No version of `{name}` served at {moment:%Y-%m-%d %H:%M:%S} UTC.",
                looked=f"landfall.promotions: {first}",
                next=f"landfall models {found.name}",
            )
        until = min((each.at for each in changes if each.id > change.id), default=None)
        text = f"version {change.version} of `{name}`, {_since(change)}"
        text += f"\nuntil {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""
        out.answer({**_changed(change), "until": plain(until)}, text)
