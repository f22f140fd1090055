"""`landfall backfill`, `apply`: many partitions, through Airflow or in one Spark job, waited for with a progress bar."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from landfall.cli.outcomes import Outcome, counted, outcome_of, tell
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.partitions import PipelineArgument, feeds_of, planned, planned_json, show_plan
from landfall.cli.waiting import WAIT, Step, bar_of, doing_now
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
    """Which of the partitions that have landed."""

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
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First partition.")],
    last: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="Last partition, included.")],
    only: Annotated[
        Only, typer.Option(help="all that landed; missing: not published; failed; stale: made from something else.")
    ] = Only.ALL,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="Compute the range in one Spark job, not in one run of Airflow a partition.")
    ] = False,
    stop_on_failure: Annotated[bool, typer.Option("--stop-on-failure", help="Start no more after one failed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; start nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Run every partition that has landed in a range again, through Airflow's own backfill, and wait.

    Interrupted and started again with the same words, it goes on where it was. It says how many partitions were published,
    skipped and failed, and why. Exit code 0: every one is published from what is there now, or nothing was left to do. Exit
    code 1: one is not.
    """
    from landfall.stack import settings

    with answering(json) as out:
        asked, feeds = Partitions.between(Partition.parse(first), Partition.parse(last)), _by_ahead(pipeline)
        where = settings()
        found = [survey(where, *one, since=asked.days[0].start if len(asked) else None) for one in feeds]
        work = [each for one in found for each in _chosen(one, asked, only)]
        if not work and only is Only.ALL:
            raise _nothing(where, pipeline, first, last)
        if dry_run:
            _show_dry(out, work)
            return
        words = f"{pipeline} {first}..{last} {only}{' bulk' if bulk else ''}"
        waiting = {each.feed.dag_id: _waiting(each) for each in found}
        _run(out, where, work, Work(words=words, bulk=bulk, stop_on_failure=stop_on_failure, waiting=waiting))


def apply(
    pipeline: PipelineArgument = None,
    first: Annotated[str | None, typer.Option("--from", metavar="PARTITION", help="First partition.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="PARTITION", help="Last partition, included.")] = None,
    bulk: Annotated[bool, typer.Option("--bulk", help="In one Spark job a feed, not in one run a partition.")] = False,
    stop_on_failure: Annotated[bool, typer.Option("--stop-on-failure", help="Start no more after one failed.")] = False,
    json: JsonFlag = False,
) -> None:
    """Run what `landfall plan` shows, and wait. What it answers and its exit codes are those of `landfall backfill`."""
    from landfall.stack import settings

    with answering(json) as out:
        where = settings()
        due = planned(out, where, pipeline, first, last)
        if not due:
            out.answer([], "nothing is due: everything that landed is published from what is there")
            return
        if not json:
            show_plan(out, due)
        _run(out, where, due, Work(words="", bulk=bulk, stop_on_failure=stop_on_failure))


class Work:
    """How to run what was chosen.

    Args:
        words: The name of a backfill that can be gone on with; empty for one that cannot.
        bulk: In one Spark job.
        stop_on_failure: Start no more after one failed.
        waiting: DAG -> its partitions that have a run which waits or is at work.
    """

    def __init__(
        self, *, words: str, bulk: bool, stop_on_failure: bool, waiting: Mapping[str, Collection[Partition]] = {}
    ) -> None:
        self.words, self.bulk, self.stop_on_failure, self.waiting = words, bulk, stop_on_failure, waiting


def _by_ahead(pipeline: str) -> list[tuple[Pipeline, Feed]]:
    """Forecasts before actuals: what was published is there when its errors are measured."""
    return sorted(feeds_of(pipeline), key=lambda each: -each[1].ahead)


def _waiting(found: Survey) -> set[Partition]:
    return {facts.partition for facts, _ in found.partitions if facts.run and facts.run.active}


def _chosen(found: Survey, asked: Partitions, only: Only) -> Due:
    wanted = set(asked)
    landed = [each for each in found.partitions if each[0].partition in wanted and each[0].objects]
    match only:
        case Only.ALL:
            return landed
        case Only.MISSING:
            return [each for each in landed if each[0].made is None and each[1].state != "skipped"]
        case _:
            return [each for each in landed if str(each[1].state) == str(only)]


def _nothing(where: Settings, pipeline: str, first: str, last: str) -> RunError:
    feeds = [feed for _, feed in _by_ahead(pipeline)]
    return RunError(
        f"Nothing of `{pipeline}` has landed from {first} to {last}.",
        looked=", ".join(f"{where.s3.bucket}/{feed.landing.prefix}/" for feed in feeds),
        left="nothing was started",
        next=f"landfall land {pipeline.partition('/')[0]}/{feeds[0].name} FILE.csv",
    )


def _show_dry(out: Output, work: Due) -> None:
    if out.wants_json:
        out.json([planned_json(*each) for each in work])
        return
    rows = [(facts.name, facts.partition, standing.state, standing.why) for facts, standing in work]
    out.table(("feed", "partition", "state now", "why"), rows, title=f"would run {len(work)} partitions")


def _run(out: Output, where: Settings, work: Due, how: Work) -> None:
    """Run the work feed after feed and tell the end; see `tell` for the exit code."""
    from landfall.ledger.backfills import begin, finish

    dags = list(dict.fromkeys(facts.feed.dag_id for facts, _ in work))
    refused = {} if how.bulk or not dags else _refused(where, dags)
    began = begin(where, how.words) if how.words else datetime.now(UTC)
    outcomes: dict[tuple[str, Partition], Outcome] = {}
    stopped = False
    for dag_id in dags:
        mine = {facts.partition: (facts, standing) for facts, standing in work if facts.feed.dag_id == dag_id}
        done = [each for each in mine.values() if _done_since(*each, began)]
        for facts, standing in done:
            outcomes[dag_id, facts.partition] = _as_it_is(facts, standing)
        left = [facts for facts, standing in mine.values() if (facts, standing) not in done]
        if stopped or dag_id in refused:
            why = refused.get(dag_id, STOPPED)
            outcomes |= {(dag_id, facts.partition): _not_started(facts, why) for facts in left}
            continue
        if done:
            out.remark(f"{dag_id}: {len(done)} of {len(mine)} were done before it was interrupted")
        with bar_of(out, dag_id, len(left)) as step:
            for each in _bulk(where, left, step.say) if how.bulk else _native(where, left, how, step, out.remark):
                facts = mine[each.partition][0]
                outcomes[dag_id, each.partition] = ended = _outcome(where, facts, began, each)
                step.done(counted(outcome for (name, _), outcome in outcomes.items() if name == dag_id))
                if ended.state == "failed" and how.stop_on_failure:
                    stopped = True
                    break
    whole = [outcomes.get((facts.feed.dag_id, facts.partition)) or _not_started(facts, STOPPED) for facts, _ in work]
    if how.words and not any(each.state in ("failed", "not started") for each in whole):
        finish(where, how.words)
    failed = next((each for each in whole if each.state == "failed"), None)
    page = f"{where.airflow_url}/dags/{failed.dag_id}/runs/{failed.run_id}" if failed and not how.bulk else ""
    tell(out, whole, page)


def _outcome(where: Settings, facts: Facts, began: datetime, ended: Ended) -> Outcome:
    """What became of a partition: as a bulk tells it, or as the ledger has it and, for a failed run, the log of its task."""
    if ended.state in ("published", "skipped") or (ended.state == "failed" and ended.why):
        return Outcome(
            feed=facts.name, dag_id=ended.dag_id, partition=ended.partition, state=ended.state, why=ended.why,
            run_id=ended.run_id,
        )  # fmt: skip
    failed = ended.state == "failed"
    why = AirflowApi(where).why(ended.dag_id, ended.run_id).what if failed else ""
    return outcome_of(where, facts, began, ended.run_id, failed=failed, why=why)


def _as_it_is(facts: Facts, standing: Standing) -> Outcome:
    why = facts.read.said if standing.state == "skipped" and facts.read else ""
    return Outcome(feed=facts.name, dag_id=facts.feed.dag_id, partition=facts.partition, state=standing.state, why=why)


def _not_started(facts: Facts, why: str) -> Outcome:
    return Outcome(
        feed=facts.name, dag_id=facts.feed.dag_id, partition=facts.partition, state="not started", why=why
    )  # fmt: skip


def _refused(where: Settings, dags: list[str]) -> dict[str, str]:
    """The DAGs whose runs would not go on, and why.

    Raises:
        RunError: that is so of all of them; or Airflow is away.
    """
    api, errors = AirflowApi(where), dict[str, RunError]()
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


def _bulk(where: Settings, work: list[Facts], say: Callable[[str], None]) -> Iterator[Ended]:
    if not work:
        return
    from landfall.pipelines import find_pipeline

    facts = work[0]
    run_id = f"bulk__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    job = Bulk(Trip(where, find_pipeline(facts.pipeline), facts.feed, run_id), tell=say)
    for done in job.run(Partitions.of(each.partition for each in work)):
        yield Ended(facts.feed.dag_id, done.partition, run_id, done.state, done.why)


def _native(
    where: Settings, work: list[Facts], how: Work, step: Step, remark: Callable[[str], None]
) -> Iterator[Ended]:
    """Through Airflow: the longest stretch of days in one backfill of its own, the others as single runs."""
    if not work:
        return
    api, feed = AirflowApi(where), work[0].feed
    held = {facts.partition for facts in work if facts.run and facts.run.held}
    days = [facts.partition for facts in work]

    def tell(doing: Doing) -> None:
        step.tell(doing_now(where, feed, doing), bool(doing.held) or doing.task == WAIT)

    # Airflow backfills no day that is not over.
    over = Partitions.of(day for day in days if how.words and day not in held and day.end < datetime.now(UTC))
    together = bridged(over, how.waiting.get(feed.dag_id, ()))
    if len(together):
        yield from backfill_range(
            api, feed.dag_id, together, stop_on_failure=how.stop_on_failure, tell=tell, remark=remark
        )
    alone = [day for day in days if day not in set(together)]
    yield from run_each(api, feed.dag_id, alone, stop_on_failure=how.stop_on_failure, tell=tell, held=held)
