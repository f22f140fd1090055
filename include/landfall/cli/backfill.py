"""`landfall backfill`, `apply`: runs many partitions, through Airflow or in one Spark job, and waits with a progress bar."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from landfall.cli.outcomes import Outcome, counted, outcome_of, tell
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.partitions import PipelineArgument, feeds_of, planned, planned_json, show_plan
from landfall.cli.waiting import WAIT, FeedBar, bar_of, doing_now
from landfall.errors import RunError
from landfall.ledger import Facts, Standing
from landfall.ledger.survey import Survey, survey
from landfall.partitions import Bulk, Trip
from landfall.runs import AirflowApi
from landfall.runs.many import Doing, Ended, backfill_range, bridged, run_each
from landfall.spec import Feed, Partition, Partitions, Pipeline, Settings

Due = list[tuple[Facts, Standing]]
STOPPED = "another had failed before (--stop-on-failure)"


class Only(StrEnum):
    """Which of the landed partitions are to run."""

    ALL = "all"
    MISSING = "missing"
    FAILED = "failed"
    STALE = "stale"


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(backfill)
    app.command()(apply)


def backfill(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE[/FEED]", help="A pipeline, or one of its feeds.")],
    first: Annotated[
        str,
        typer.Option("--from", metavar="PARTITION", help="First partition: a day, or an hour such as 2012-12-25T07."),
    ],
    last: Annotated[str, typer.Option("--to", metavar="PARTITION", help="Last partition, included.")],
    only: Annotated[
        Only,
        typer.Option(
            help="all: all that landed; missing: not published; failed: the last run failed; stale: made from other inputs."
        ),
    ] = Only.ALL,
    bulk: Annotated[
        bool,
        typer.Option("--bulk", help="Compute the range in one Spark job, not in one run of Airflow per partition."),
    ] = False,
    stop_on_failure: Annotated[
        bool, typer.Option("--stop-on-failure", help="Start no more runs after one failed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; start nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Run every partition in a range that has landed again, through Airflow's own backfill, and wait.

    If it is interrupted, the same command goes on where it was. It says how many partitions were published, skipped and
    failed, and why. Exit code 0: every partition is published from what is there now, or nothing was left to do. Exit code 1:
    at least one is not.
    """
    from landfall.stack import settings

    with answering(json) as out:
        requested = {feed.full_name: feed.landing.calendar.span(first, last) for _, feed in _by_ahead(pipeline)}
        servers = settings()
        feed_surveys = [
            survey(servers, of, feed, since=next((day.start for day in requested[feed.full_name]), None))
            for of, feed in _by_ahead(pipeline)
        ]
        work = [
            partition
            for feed_survey in feed_surveys
            for partition in _chosen(feed_survey, requested[feed_survey.feed.full_name], only)
        ]
        if not work and only is Only.ALL:
            raise _nothing(servers, pipeline, first, last)
        if dry_run:
            _show_dry(out, work)
            return
        words = f"{pipeline} {first}..{last} {only}{' bulk' if bulk else ''}"
        waiting = {feed_survey.feed.dag_id: _waiting(feed_survey) for feed_survey in feed_surveys}
        _run(out, servers, work, Work(words=words, bulk=bulk, stop_on_failure=stop_on_failure, waiting=waiting))


def apply(
    pipeline: PipelineArgument = None,
    first: Annotated[str | None, typer.Option("--from", metavar="PARTITION", help="First partition.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="PARTITION", help="Last partition, included.")] = None,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="In one Spark job per feed, not in one run per partition.")
    ] = False,
    stop_on_failure: Annotated[
        bool, typer.Option("--stop-on-failure", help="Start no more runs after one failed.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Run what `landfall plan` shows, and wait. Its output and exit codes are those of `landfall backfill`."""
    from landfall.stack import settings

    with answering(json) as out:
        servers = settings()
        due = planned(out, servers, pipeline, first, last)
        if not due:
            out.answer([], "nothing is due: everything that landed is published from what is there now")
            return
        if not json:
            show_plan(out, due)
        _run(out, servers, due, Work(words="", bulk=bulk, stop_on_failure=stop_on_failure))


@dataclass(frozen=True, kw_only=True)
class Work:
    """How to run the chosen partitions.

    Args:
        words: The name of a backfill that can be continued; empty for one that cannot.
        bulk: True: in one Spark job.
        stop_on_failure: True: start no more runs after one failed.
        waiting: DAG -> its partitions with a run that waits or is at work.
    """

    words: str
    bulk: bool
    stop_on_failure: bool
    waiting: Mapping[str, Collection[Partition]] = field(default_factory=dict)


def _by_ahead(pipeline: str) -> list[tuple[Pipeline, Feed]]:
    """Forecasts before actuals, so that predictions are published before their errors are measured."""
    return sorted(feeds_of(pipeline), key=lambda entry: -entry[1].ahead)


def _waiting(feed_survey: Survey) -> set[Partition]:
    return {facts.partition for facts, _ in feed_survey.partitions if facts.run and facts.run.active}


def _chosen(feed_survey: Survey, requested: Partitions, only: Only) -> Due:
    days = set(requested)
    landed = [entry for entry in feed_survey.partitions if entry[0].partition in days and entry[0].objects]
    match only:
        case Only.ALL:
            return landed
        case Only.MISSING:
            return [entry for entry in landed if entry[0].made is None and entry[1].state != "skipped"]
        case _:
            return [entry for entry in landed if str(entry[1].state) == str(only)]


def _nothing(servers: Settings, pipeline: str, first: str, last: str) -> RunError:
    feeds = [feed for _, feed in _by_ahead(pipeline)]
    return RunError(
        f"Nothing of `{pipeline}` has landed from {first} to {last}.",
        looked=", ".join(f"{servers.s3.bucket}/{feed.landing.prefix}/" for feed in feeds),
        left="nothing was started",
        next=f"landfall land {pipeline.partition('/')[0]}/{feeds[0].name} {feeds[0].landing.a_file}",
    )


def _show_dry(out: Output, work: Due) -> None:
    if out.wants_json:
        out.json([planned_json(*each) for each in work])
        return
    rows = [(facts.name, facts.partition, standing.state, standing.why) for facts, standing in work]
    out.table(("feed", "partition", "state now", "why"), rows, title=f"would run {len(work)} partitions")


def _run(out: Output, servers: Settings, work: Due, how: Work) -> None:
    """Runs the work feed after feed and prints the result; see `tell` for the exit code."""
    from landfall.ledger.backfills import begin, finish

    dags = list(dict.fromkeys(facts.feed.dag_id for facts, _ in work))
    refused = {} if how.bulk or not dags else _refused(servers, dags)
    began = begin(servers, how.words) if how.words else datetime.now(UTC)
    outcomes: dict[tuple[str, Partition], Outcome] = {}
    stopped = False
    for dag_id in dags:
        mine = {facts.partition: (facts, standing) for facts, standing in work if facts.feed.dag_id == dag_id}
        done_before = [entry for entry in mine.values() if _done_since(*entry, began)]
        for facts, standing in done_before:
            outcomes[dag_id, facts.partition] = _as_it_is(facts, standing)
        left = [facts for facts, standing in mine.values() if (facts, standing) not in done_before]
        if stopped or dag_id in refused:
            reason = refused.get(dag_id, STOPPED)
            outcomes |= {(dag_id, facts.partition): _not_started(facts, reason) for facts in left}
            continue
        if done_before:
            out.remark(f"{dag_id}: {len(done_before)} of {len(mine)} were done before it was interrupted")
        with bar_of(out, dag_id, len(left)) as step:
            for ended_run in (
                _bulk(servers, left, step.say) if how.bulk else _native(servers, left, how, step, out.remark)
            ):
                facts = mine[ended_run.partition][0]
                outcomes[dag_id, ended_run.partition] = ended = _outcome(servers, facts, began, ended_run)
                step.done(counted(outcome for (name, _), outcome in outcomes.items() if name == dag_id))
                if ended.state == "failed" and how.stop_on_failure:
                    stopped = True
                    break
    all_outcomes = [
        outcomes.get((facts.feed.dag_id, facts.partition)) or _not_started(facts, STOPPED) for facts, _ in work
    ]
    if how.words and not any(outcome.state in ("failed", "not started") for outcome in all_outcomes):
        finish(servers, how.words)
    failed = next((outcome for outcome in all_outcomes if outcome.state == "failed"), None)
    page = f"{servers.airflow_url}/dags/{failed.dag_id}/runs/{failed.run_id}" if failed and not how.bulk else ""
    tell(out, all_outcomes, page)


def _outcome(servers: Settings, facts: Facts, began: datetime, ended: Ended) -> Outcome:
    """What became of a partition: as a bulk reports it, else as the ledger and, for a failed run, its task's log say."""
    if ended.state in ("published", "skipped") or (ended.state == "failed" and ended.why):
        return Outcome(
            feed=facts.name, dag_id=ended.dag_id, partition=ended.partition, state=ended.state, why=ended.why,
            run_id=ended.run_id,
        )  # fmt: skip
    failed = ended.state == "failed"
    why = AirflowApi(servers).why(ended.dag_id, ended.run_id).what if failed else ""
    return outcome_of(servers, facts, began, ended.run_id, failed=failed, why=why)


def _as_it_is(facts: Facts, standing: Standing) -> Outcome:
    why = facts.read.said if standing.state == "skipped" and facts.read else ""
    return Outcome(feed=facts.name, dag_id=facts.feed.dag_id, partition=facts.partition, state=standing.state, why=why)


def _not_started(facts: Facts, why: str) -> Outcome:
    return Outcome(
        feed=facts.name, dag_id=facts.feed.dag_id, partition=facts.partition, state="not started", why=why
    )  # fmt: skip


def _refused(servers: Settings, dags: list[str]) -> dict[str, str]:
    """The DAGs whose runs would not go on, with the reason.

    Raises:
        RunError: none of the DAGs can run; or Airflow is away.
    """
    api, errors = AirflowApi(servers), dict[str, RunError]()
    for dag_id in dags:
        try:
            api.check_runnable(dag_id)
        except RunError as error:
            if error.fault == "server":
                raise
            errors[dag_id] = error
    if errors and len(errors) == len(dags):
        raise next(iter(errors.values()))
    return {dag_id: f"{error.what} Next: {error.next}" for dag_id, error in errors.items()}


def _done_since(facts: Facts, standing: Standing, began: datetime) -> bool:
    return facts.read is not None and facts.read.at >= began and standing.state in ("published", "skipped")


def _bulk(servers: Settings, work: list[Facts], say: Callable[[str], None]) -> Iterator[Ended]:
    if not work:
        return
    from landfall.pipelines import find_pipeline

    facts = work[0]
    run_id = f"bulk__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    job = Bulk(Trip(servers, find_pipeline(facts.feed.pipeline), facts.feed, run_id), tell=say)
    for done in job.run(Partitions.of(entry.partition for entry in work)):
        yield Ended(facts.feed.dag_id, done.partition, run_id, done.state, done.why)


def _native(
    servers: Settings, work: list[Facts], how: Work, step: FeedBar, remark: Callable[[str], None]
) -> Iterator[Ended]:
    """Runs partitions through Airflow: the longest stretch of days as one backfill, the others as single runs."""
    if not work:
        return
    api, feed = AirflowApi(servers), work[0].feed
    held = {facts.partition for facts in work if facts.run and facts.run.held}
    days = [facts.partition for facts in work]

    def tell(doing: Doing) -> None:
        step.tell(doing_now(servers, feed, doing), bool(doing.held) or doing.task == WAIT)

    # Airflow's backfill leaves out days that are not over.
    calendar, now = feed.landing.calendar, datetime.now(UTC)
    over = Partitions.of(day for day in days if how.words and day not in held and calendar.window(day)[1] < now)
    together = bridged(calendar, over, how.waiting.get(feed.dag_id, ()))
    if len(together):
        yield from backfill_range(
            api, feed.dag_id, together, stop_on_failure=how.stop_on_failure, tell=tell, remark=remark
        )
    alone = [day for day in days if day not in set(together)]
    yield from run_each(api, feed.dag_id, alone, stop_on_failure=how.stop_on_failure, tell=tell, held=held)
