"""`landfall explain`: everything that is known about one partition, and what to type next."""

from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, answering
from landfall.cli.partitions import as_json, feeds_of
from landfall.ledger import Facts, Standing
from landfall.ledger.survey import Survey, survey
from landfall.runs.airflow_api import unpause
from landfall.spec import Settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(explain)


def explain(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE[/FEED]", help="A pipeline, or one of its feeds.")],
    partition: Annotated[str, typer.Argument(metavar="PARTITION", help="A partition, such as 2012-12-25.")],
    json: JsonFlag = False,
) -> None:
    """Say all about one partition: what was looked for, what was found, which run read it, what was published, what to do."""
    from landfall.stack import settings

    with answering(json) as out:
        servers = settings()
        explained = [
            _explained(servers, feed_survey, *entry)
            for feed_survey in (
                survey(servers, pipeline_of_feed, feed, only=feed.landing.calendar.parse(partition))
                for pipeline_of_feed, feed in feeds_of(pipeline)
            )
            for entry in feed_survey.partitions
        ]
        if json:
            out.json(explained)
        for entry in () if json else explained:
            out.say(f"{entry['feed']} {entry['partition']}: {entry['state']}")
            for name in ("why", "looked", "found", "run", "read", "published", "made_from", "next"):
                if entry[name]:
                    out.say(f"  {name.replace('_', ' '):<10} {entry[name]}")


def _explained(servers: Settings, feed_survey: Survey, facts: Facts, standing: Standing) -> dict[str, object]:
    landing, read, made = facts.feed.landing, facts.read, facts.made
    objects = ", ".join(f"{key!r} (ETag {etag})" for key, etag in facts.objects.items())
    due = landing.due(facts.partition)
    return {
        **as_json(facts, standing),
        "dag_id": facts.feed.dag_id,
        "looked": f"s3://{servers.s3.bucket}/{landing.folder(facts.partition)} at {servers.s3.endpoint or 'Amazon S3'}, for "
        f"{landing.ready}" + (f", due {due:%Y-%m-%d %H:%M} UTC" if due else ""),
        "found": objects or facts.lacks,
        "run": _run(facts) or feed_survey.airflow_away or "none",
        "read": f"by {read.run_id} at {read.at:%Y-%m-%d %H:%M:%S} UTC"
        + ("" if read.rows is None else f": {read.rows} rows kept, {read.quarantined} quarantined")
        if read
        else "by no run",
        "published": f"publication {made.publication}, {made.rows} rows, at {made.published_at:%Y-%m-%d %H:%M:%S} UTC"
        if made
        else "nothing",
        "made_from": f"{', '.join(f'{key!r} (ETag {etag})' for key, etag in made.objects.items())}; model "
        f"{made.model or 'none of its own'}, code {made.code}, contract {made.contract}"
        if made
        else "",
        "next": next_command(servers, facts, standing),
    }


def _run(facts: Facts) -> str:
    if facts.run is None:
        return ""
    paused = f"the DAG `{facts.feed.dag_id}` is paused" if facts.dag_paused and facts.run.active else ""
    held = "; ".join(filter(None, [facts.run.held, paused]))
    return f"{facts.feed.dag_id} {facts.run.run_id} ({facts.run.state}{': ' if held else ''}{held})"


def next_command(servers: Settings, facts: Facts, standing: Standing) -> str:
    """The next command to type about a partition; empty if nothing has to be done."""
    day, name, landing = facts.partition, facts.name, facts.feed.landing
    page = f"{servers.airflow_url}/dags/{facts.feed.dag_id}/runs/{facts.run.run_id if facts.run else ''}"
    match standing.state:
        case "waiting" | "late" if facts.dag_paused and facts.run and facts.run.active:
            return unpause(servers, facts.feed.dag_id)
        case "waiting" | "late":
            return f"landfall land {name} {landing.a_file} --from {day} --until {day}"
        case "failed" if standing.reason == "refused":
            return f"landfall land {name} {landing.a_file} --from {day} --until {day}"
        case "failed":
            return (
                f"nothing: the audit starts it again; or see {page}, or landfall apply {name} --from {day} --to {day}"
            )
        case "landed" | "stale":
            return f"landfall apply {name} --from {day} --to {day}"
        case "running":
            return f"see {page}"
        case "paused" if facts.dag_paused:
            return unpause(servers, facts.feed.dag_id)
        case "paused" | "stuck":
            return f"nothing: the next audit starts another run; or landfall apply {name} --from {day} --to {day}"
        case _ if standing.reason:
            return f"land the object again, or landfall rollback {name.partition('/')[0]} {day}"
    return ""
