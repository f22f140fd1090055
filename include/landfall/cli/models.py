"""`landfall models`, `promote`, `rollback`, `served`: which model version serves, which one did, and which one will."""

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
from landfall.freshness import PromotionRecord, Serving
from landfall.models import registry
from landfall.models.registry import ListedVersion
from landfall.pipelines import PIPELINES, TABLE_MODELS, find_pipeline, find_trainable
from landfall.publishing import Published, find_publication
from landfall.reporting import words
from landfall.spec import Pipeline, PredictionTable, Settings
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
    limit: Annotated[int, typer.Option(min=1, help="How many versions, newest first.")] = 20,
    json: JsonFlag = False,
) -> None:
    """List the versions of a model, newest first: what each has learnt from, how good it is, when and why it served."""
    with answering(json) as out:
        servers = settings()
        if name not in PIPELINES:
            listed = _of_no_pipeline(servers, name, limit)
            serving = _serving(servers, name) if listed else None
            list_versions(out, name, listed, serving.version if serving else None)
            if serving and serving.remark:
                out.remark(serving.remark)
            return
        pipeline = find_pipeline(name)
        listed = registry.versions(servers, pipeline.trained.model, limit=limit)
        serving = _serving(servers, pipeline.trained.model)
        with database.connect(servers) as conn:
            changes = freshness.history(conn, pipeline.trained.model)
        latest = {change.version: change for change in reversed(changes) if change.version}
        rows = [_listed(entry, latest.get(entry.version.version), pipeline, serving.version) for entry in listed]
        if serving.remark:
            out.remark(serving.remark)
        if json:
            out.json(rows)
        elif not rows:
            out.say(f"no version of `{pipeline.trained.model}` yet    (landfall train {pipeline.name})")
        else:
            _show(out, rows, pipeline)


def _serving(servers: Settings, name: str) -> Serving:
    with database.connect(servers) as conn:
        return freshness.notice(servers, conn, name)


def _of_no_pipeline(servers: Settings, name: str, limit: int) -> list[ListedVersion]:
    """The versions of a table model, or of any other model that somebody has registered.

    Raises:
        SpecError: there is nothing of that name.
        ModelError: the registry does not answer.
    """
    if name in TABLE_MODELS:
        return registry.versions(servers, name, limit=limit)
    listed: list[ListedVersion] = []
    with suppress(ModelError):
        listed = registry.versions(servers, name, limit=limit)
    if not listed:
        find_trainable(name)
    return listed


def _listed(
    entry: ListedVersion, change: PromotionRecord | None, pipeline: Pipeline, serving: str | None
) -> dict[str, object]:
    version, metric = entry.version, pipeline.trained.freshness.gate.metric
    error = version.metrics.get(f"gate_{metric}", version.metrics.get(f"holdout_{metric}"))
    return {
        "version": version.version,
        "aliases": aliases_of(entry, serving),
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


def _show(out: Output, versions: list[dict[str, object]], pipeline: Pipeline) -> None:
    metric = pipeline.trained.freshness.gate.metric
    rows = [
        (
            entry["version"],
            ", ".join(map(str, entry["aliases"] if isinstance(entry["aliases"], list) else ())),
            entry["trained_until"],
            f"{entry[metric]:.4g}" if isinstance(entry[metric], float) else "",
            f"{str(entry['served_since'])[:16].replace('T', ' ')}" if entry["served_since"] else "",
            _why(entry),
        )
        for entry in versions
    ]
    columns = ("version", "alias", "trained until", metric, "served since", "why")
    styles = ["green" if "champion" in str(row[1]) else "" for row in rows]
    title = f"{pipeline.trained.model}: {words.count(len(rows), 'version')}"
    out.table(columns, rows, title=title, styles=styles)


def _why(entry: Mapping[str, object]) -> str:
    """Why the version served, else why it was refused; and why it was trained, unless that is part of it already."""
    is_repeated = str(entry["promoted_because"]).startswith(f"{entry['reason']};")
    trained = f"trained: {entry['reason']}" if entry["reason"] and not is_repeated else ""
    served = f"{entry['promotion']}: {entry['promoted_because']}" if entry["promotion"] else ""
    refused = f"refused: {entry['verdict']}" if entry["gate"] == "refused" and not served else ""
    return "; ".join(filter(None, (served, refused, trained)))


def promote(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pipeline, a table model, or any registered model.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version that `landfall models` lists.")],
    reason: Annotated[str, typer.Option(help="Why; the history keeps it.")] = "by hand",
    json: JsonFlag = False,
) -> None:
    """Make a version the champion, whatever its gate said. Partitions ahead are stale then: `landfall plan` shows them.

    If the version serves already, this puts MLflow's alias back on it.
    """
    with answering(json) as out:
        servers, model = settings(), model_of(name)
        if name not in PIPELINES:
            _of_no_pipeline(servers, name, 1)
        with database.connect(servers) as conn:
            before = freshness.notice(servers, conn, model)
            expected = before.version
            promotion = freshness.promote(
                servers, conn, model, version, expected=expected, reason=reason, by_run="landfall promote"
            )
        if expected == promotion.version:
            text = f"version {promotion.version} of `{model}` serves already, {_since(promotion)}"
            text += "\nMLflow's alias is on it again" if before.remark else ""
        else:
            text = f"version {promotion.version} of `{model}` serves now; before it: "
            text += f"version {expected}" if expected else "none"
            text += f"\nthe partitions ahead are stale now: landfall plan {name}" if name in PIPELINES else ""
        out.answer(_changed(promotion), text)


def _since(change: PromotionRecord) -> str:
    return f"{change.kind} {change.at:%Y-%m-%d %H:%M:%S} UTC: {change.reason}"


def _changed(change: PromotionRecord) -> dict[str, object]:
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
        typer.Option(
            metavar="N", help="Only this publication and its day; by default the publication before the present one."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Go back: to the model version that served before and the rows that it had published; or, with DAY, to earlier rows.

    For a TABLE that a model is deployed to, the version that scored before scores again; its rows stay. For a pipeline without
    DAY or --publication, the registry and every partition that a later version published go back together.
    """
    if to is not None and (partition or publication is not None):
        raise typer.BadParameter("--to names a model version; for one day, use --publication", param_hint="--to")
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
    day = table.calendar.parse(partition) if partition else None
    with database.connect(settings()) as conn:
        if day is None and publication is not None:
            day = find_publication(conn, table, publication).partition
        if day:
            restored = publishing.rollback(conn, table, day, to=publication)
            out.answer(_published(restored), _restored(restored))


def _restored(restored: Published) -> str:
    return (
        f"`{restored.table}` {restored.partition}: publication {restored.id} is back ({restored.rows} rows, "
        f"model {restored.model_version}), publication {restored.replaced} is rolled back; "
        f"readers waited {restored.lock_ms:.1f} ms"
    )


def _published(published: Published) -> dict[str, object]:
    return {name: plain(value) for name, value in {**asdict(published), "partition": str(published.partition)}.items()}


def _roll_back_model(out: Output, pipeline: Pipeline, to: str | None) -> None:
    servers = settings()
    with database.connect(servers) as conn:
        back = freshness.roll_back_model(servers, conn, pipeline, to)
    lines = [
        f"version {back.version} of `{back.model}` serves"
        + (f" again; version {back.replaced} is withdrawn" if back.replaced != back.version else "")
    ]
    lines += [_restored(published) for published in back.restored]
    if len(back.kept):
        lines.append(
            f"no publication by version {back.version} is kept for {back.kept}: readers still see rows of "
            f"{', '.join(f'version {number}' for number in back.withdrawn)}; "
            f"those ahead are stale: landfall apply {pipeline.name}"
        )
    result = {
        "model": back.model,
        "version": back.version,
        "replaced": back.replaced,
        "withdrawn": list(back.withdrawn),
        "restored": [_published(published) for published in back.restored],
        "kept": str(back.kept),
    }
    out.answer(result, "\n".join(lines))


def served(
    pipeline: PipelineName,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601, UTC unless it says otherwise; by default now.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show which model version served at a time, since when, and why."""
    with answering(json) as out:
        chosen, servers = find_pipeline(pipeline), settings()
        name, moment = chosen.trained.model, moment_of(at) if at else datetime.now(UTC)
        with database.connect(servers) as conn:
            now = freshness.notice(servers, conn, name).line if at is None else None
            change = now if at is None else freshness.served_at(conn, name, moment)
            changes = freshness.history(conn, name)
        if change is None:
            first = f"the first change is of {changes[-1].at:%Y-%m-%d %H:%M:%S} UTC" if changes else "nothing is there"
            raise ModelError(
                f"No version of `{name}` served at {moment:%Y-%m-%d %H:%M:%S} UTC.",
                looked=f"landfall.promotions: {first}",
                next=f"landfall models {chosen.name}",
            )
        until = min((entry.at for entry in changes if entry.id > change.id), default=None)
        text = f"version {change.version} of `{name}`, {_since(change)}"
        text += f"\nuntil {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""
        out.answer({**_changed(change), "until": plain(until)}, text)
