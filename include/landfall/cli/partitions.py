"""`landfall status`, `plan`: shows where partitions stand, and what would run."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, Output, answering
from landfall.errors import SpecError
from landfall.ledger import Facts, Standing
from landfall.ledger.survey import Survey, survey
from landfall.ledger.trouble import in_trouble
from landfall.runs.airflow_api import unpause
from landfall.spec import Feed, Partition, Pipeline, Settings

STYLES = {
    "late": "red",
    "failed": "red",
    "landed": "yellow",
    "stale": "yellow",
    "paused": "yellow",
    "stuck": "red",
    "running": "cyan",
    "published": "green",
}
PipelineArgument = Annotated[
    str | None, typer.Argument(metavar="[PIPELINE[/FEED]]", help="A pipeline or one of its feeds; by default all.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(status)
    app.command()(plan)


def feeds_of(name: str | None) -> list[tuple[Pipeline, Feed]]:
    """The feeds that `name` stands for: PIPELINE, PIPELINE/FEED, or None for all.

    Raises:
        SpecError: there is no such pipeline or feed.
    """
    from landfall.pipelines import PIPELINES, find_pipeline

    if name is None:
        return [(pipeline, feed) for pipeline in PIPELINES.values() for feed in pipeline.feeds]
    pipeline, slash, feed = name.partition("/")
    chosen = find_pipeline(pipeline)
    return [(chosen, chosen.feed(feed))] if slash else [(chosen, feed_of_pipeline) for feed_of_pipeline in chosen.feeds]


def surveys(out: Output, settings: Settings, name: str | None, since: datetime | None = None) -> Iterator[Survey]:
    """The survey of each feed that `name` stands for, with a remark if Airflow is away."""
    for pipeline, feed in feeds_of(name):
        feed_survey = survey(settings, pipeline, feed, since=since)
        if feed_survey.airflow_away:
            out.remark(f"runs are not known: {feed_survey.airflow_away}")
        yield feed_survey


def as_json(facts: Facts, standing: Standing) -> dict[str, object]:
    """One partition as `--json` gives it."""
    read, made = facts.read, facts.made
    return {
        "feed": facts.name,
        "partition": str(facts.partition),
        "state": standing.state,
        "why": standing.why,
        "reason": standing.reason,
        "again_at": standing.again_at,
        "landed_at": facts.landed_at,
        "objects": dict(facts.objects),
        "rows": made.rows if made else None,
        "quarantined": read.quarantined if read else None,
        "model_version": made.model if made else None,
        "publication": made.publication if made else None,
        "published_at": made.published_at if made else None,
        "run": facts.run.run_id if facts.run else (read.run_id if read else None),
        "run_state": facts.run.state if facts.run else None,
    }


def status(
    pipeline: PipelineArgument = None,
    last: Annotated[int, typer.Option(metavar="N", min=1, help="Show the newest N partitions of each feed.")] = 14,
    everything: Annotated[bool, typer.Option("--all", help="Show every partition.")] = False,
    json: JsonFlag = False,
) -> None:
    """Show where the partitions stand: waiting, late, landed, running, paused, stuck, failed, published, stale.

    Of the older partitions, only those in trouble are shown.
    """
    from landfall.stack import settings

    with answering(json) as out:
        shown: list[dict[str, object]] = []
        for feed_survey in surveys(out, settings(), pipeline):
            older = [] if everything else feed_survey.partitions[:-last]
            partitions = in_trouble(older)[-last:] + feed_survey.partitions[len(older) :]
            shown += [as_json(*each) for each in partitions]
            if not json:
                _show(out, settings(), feed_survey, partitions)
        for remark in _remarks(settings(), pipeline):
            out.remark(remark)
        if json:
            out.json(shown)
        elif not shown:
            out.say("nothing has landed and nothing is waiting    (landfall land --help)")


def _remarks(servers: Settings, name: str | None) -> list[str]:
    """Remarks about champions that somebody has set in MLflow itself."""
    from landfall.database import connect
    from landfall.freshness import other_aliases

    with connect(servers) as conn:
        return other_aliases(
            conn, sorted({pipeline.training.model for pipeline, _ in feeds_of(name) if pipeline.training})
        )


def _show(out: Output, servers: Settings, feed_survey: Survey, partitions: list[tuple[Facts, Standing]]) -> None:
    if not feed_survey.partitions:
        return
    counts = Counter(standing.state for _, standing in feed_survey.partitions)
    name = feed_survey.partitions[0][0].name
    summary = ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda entry: -entry[1]))
    rows = [
        (
            facts.partition,
            standing.state,
            f"{facts.landed_at:%m-%d %H:%M}" if facts.landed_at else "",
            facts.made.rows if facts.made else "",
            facts.read.quarantined if facts.read and facts.read.quarantined else "",
            facts.made.model if facts.made else "",
            f"{facts.made.published_at:%m-%d %H:%M}" if facts.made else "",
            standing.why,
        )
        for facts, standing in partitions
    ]
    columns = ("partition", "state", "landed", "rows", "quarantined", "model", "published", "why")
    out.table(
        columns, rows, title=f"{name}: {summary}", styles=[STYLES.get(standing.state, "") for _, standing in partitions]
    )
    paused = next((facts.feed.dag_id for facts, _ in feed_survey.partitions if facts.dag_paused), None)
    if paused:
        out.say(f"the DAG `{paused}` is paused: {unpause(servers, paused)}")
    older = len(feed_survey.partitions) - len(partitions)
    if older:
        out.say(f"{older} older partitions: landfall status {name} --all")
    if feed_survey.landed.unexpected:
        examples = ", ".join(repr(key) for key in feed_survey.landed.unexpected[:3])
        out.say(f"{len(feed_survey.landed.unexpected)} objects belong to no partition: {examples}")
    out.say("")


def plan(
    pipeline: PipelineArgument = None,
    first: Annotated[str | None, typer.Option("--from", metavar="PARTITION", help="First partition.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="PARTITION", help="Last partition, included.")] = None,
    json: JsonFlag = False,
) -> None:
    """Show what would run, and why; nothing is started. `landfall apply` runs it."""
    from landfall.stack import settings

    with answering(json) as out:
        due = planned(out, settings(), pipeline, first, last)
        if json:
            out.json([planned_json(*entry) for entry in due])
        elif not due:
            out.say("nothing is due: everything that landed is published from what is there now")
        else:
            show_plan(out, due)
            out.say("run it: landfall apply" + (f" {pipeline}" if pipeline else ""))


def planned(
    out: Output, servers: Settings, name: str | None, first: str | None = None, last: str | None = None
) -> list[tuple[Facts, Standing]]:
    """The partitions that have a reason to run, and landed objects to run on, oldest first."""
    ranges = {feed.full_name: _range(feed, first, last) for _, feed in feeds_of(name)}
    entries = [entry for feed_survey in surveys(out, servers, name) for entry in feed_survey.partitions]
    return [
        (facts, standing)
        for facts, standing in entries
        if standing.reason and facts.objects and _within(facts.partition, *ranges[facts.name])
    ]


def _range(feed: Feed, first: str | None, last: str | None) -> tuple[Partition | None, Partition | None]:
    calendar = feed.landing.calendar
    low, high = calendar.first(first) if first else None, calendar.last(last) if last else None
    if low and high and high < low:
        raise SpecError(f"`{first}..{last}` is no range.", looked="--to is before --from")
    return low, high


def _within(partition: Partition, low: Partition | None, high: Partition | None) -> bool:
    return (not low or partition >= low) and (not high or partition <= high)


def planned_json(facts: Facts, standing: Standing) -> dict[str, object]:
    """One planned run as `--json` gives it."""
    return {
        "feed": facts.name,
        "dag_id": facts.feed.dag_id,
        "partition": str(facts.partition),
        "reason": standing.reason,
        "why": standing.why,
        "state": standing.state,
        "automatic": standing.automatic,
        "objects": dict(facts.objects),
        "published_from": dict(facts.made.objects) if facts.made else {},
    }


def show_plan(out: Output, due: list[tuple[Facts, Standing]]) -> None:
    """The plan as a table."""
    rows = [(facts.name, facts.partition, standing.reason, standing.why) for facts, standing in due[:200]]
    out.table(("feed", "partition", "reason", "why"), rows, title=f"{len(due)} partitions are due")
    if len(due) > 200:
        out.say(f"and {len(due) - 200} more (--json has them all)")
