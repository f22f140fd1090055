"""Airflow's runs by partition. The run of a partition is the one that goes on, else the one that was started last.

A partition may have several runs: one with its logical date, which the schedule, the audit and backfills share; one that a
person started with the form, whose logical date is the moment of that; and one that replaces a run that Airflow will not start.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from landfall.errors import RunError, SpecError
from landfall.ledger.facts import Seen
from landfall.runs import ENDED, AirflowApi, Json
from landfall.runs.airflow_api import PAGE
from landfall.runs.backfills import Backfill, covering, hold_of, is_bound, moment_of
from landfall.spec import Feed, Partition, Pipeline
from landfall.spec.run_form import BACKFILL, DAY, named_day

AT_WORK = ("scheduled", "queued", "running")
BY_AUDIT, BY_HAND = "landed__", "manual__"
"""How the names of runs begin: of those that the audit made, and of those that a person started."""


def is_paused(api: AirflowApi, feed: Feed) -> bool:
    """True if the feed's DAG is paused.

    Raises:
        RunError: there is no such DAG, or Airflow is away.
    """
    return bool(api.dag(feed.dag_id)["is_paused"])


def active_runs(api: AirflowApi, feed: Feed) -> dict[Partition, Seen]:
    """The runs of the feed's DAG that have not ended."""
    return _by_partition(api, feed, api.list_runs(feed.dag_id, state=["queued", "running"]))


def newest_run(api: AirflowApi, feed: Feed, partition: Partition) -> Seen | None:
    """The run of one partition; None if it never had one."""
    return newest_runs(api, feed, [partition]).get(partition)


def newest_runs(api: AirflowApi, feed: Feed, partitions: Collection[Partition]) -> dict[Partition, Seen]:
    """The runs of some partitions, whatever became of them. Partitions that never had a run are left out."""
    if not partitions:
        return {}
    form = str(*partitions) if len(partitions) == 1 else ""
    dated = [run for first, last in _windows(partitions) for run in api.runs(feed.dag_id, first, last)]
    known = _by_partition(api, feed, [*dated, *_with_form(api, feed, form)])
    return {partition: run for partition, run in known.items() if partition in partitions}


def unsuccessful_runs(api: AirflowApi, feed: Feed, since: datetime | None = None) -> dict[Partition, Seen]:
    """The runs of the feed's DAG that have not ended, and those that failed. Airflow keeps a run for every partition there ever
    was, so the others are left out: of a year of hours they fill 88 pages.

    A partition whose run failed may have a newer one that succeeded: see `newest_runs`.

    Args:
        api: Airflow.
        feed: The feed.
        since: Of partitions that begin earlier, only the runs that have not ended.
    """
    window = {"logical_date_gte": since.isoformat()} if since else {}
    failed = api.list_runs(feed.dag_id, state=["failed"], **window)
    failed += [] if since is None else _with_form(api, feed, state=["failed"])
    runs = _by_partition(api, feed, failed)
    recent = {day: run for day, run in runs.items() if since is None or day.start >= since}
    return {**recent, **active_runs(api, feed)}


def at_work(api: AirflowApi, pipeline: Pipeline) -> set[tuple[str, str]]:
    """DAG and run of every task of the pipeline that holds a worker or is about to. Tasks that only wait are left out.

    A DAG that is not there has no tasks.
    """
    return {(dag_id, str(task["dag_run_id"])) for dag_id in pipeline.dag_ids for task in _tasks(api, dag_id)}


def _tasks(api: AirflowApi, dag_id: str) -> list[Json]:
    try:
        return api.tasks(dag_id, "~", state=AT_WORK)
    except RunError as error:
        if error.fault == "server":
            raise
        return []


def is_urgent(pipeline: Pipeline, dag_id: str, run_id: str) -> bool:
    """True for a training, and for a run that a person started and waits for."""
    return dag_id not in [feed.dag_id for feed in pipeline.feeds] or run_id.startswith(BY_HAND)


def _with_form(api: AirflowApi, feed: Feed, day: str = "", **filters: str | list[str]) -> list[Json]:
    """The runs whose form names the partition `day`, or any partition. Airflow searches the form's text as Postgres writes it."""
    return api.list_runs(feed.dag_id, conf_contains=f'"{DAY}": "{day}', **filters)


def _windows(partitions: Iterable[Partition]) -> Iterator[tuple[Partition, Partition]]:
    """The first and the last of each group of partitions whose runs come in one answer, if each has one run."""
    ordered = sorted(partitions)
    while ordered:
        first = ordered[0]
        group = [partition for partition in ordered if partition.ordinal < first.ordinal + PAGE]
        yield first, group[-1]
        ordered = ordered[len(group) :]


def _by_partition(api: AirflowApi, feed: Feed, runs: Sequence[Json]) -> dict[Partition, Seen]:
    """The run of each partition: the one that goes on, else the one that was started last, else one that is held."""
    backfills = api.backfills(feed.dag_id) if any(run["run_type"] == BACKFILL for run in runs) else []
    chosen: dict[Partition, Seen] = {}
    now = datetime.now(UTC)
    for answer in sorted(runs, key=_started):
        partition, run = _partition_of(feed, answer), _seen(answer, backfills, now)
        if partition and (partition not in chosen or _weight(run) >= _weight(chosen[partition])):
            chosen[partition] = run
    return chosen


def _weight(run: Seen) -> int:
    return (1 if not run.active else 2) if not run.held else 0


def _seen(run: Json, backfills: Sequence[Backfill], now: datetime) -> Seen:
    """A run as the ledger knows it."""
    hold, ended = hold_of(run, backfills, now), run.get("end_date")
    owner = next(iter(covering(run, backfills)), None)
    return Seen(
        run_id=str(run["dag_run_id"]),
        state=str(run["state"]),
        ended_at=moment_of(ended) if ended else None,
        held=hold.why if hold else "",
        paused=hold is not None and hold.state == "paused",
        bound=run["state"] in ENDED and is_bound(run, backfills),
        backfill=owner.number if owner and not owner.ended else None,
        slots=owner.slots if owner else 0,
    )


def _started(run: Json) -> str:
    """When the run was made or started again, as text. Airflow writes all moments alike, so the texts can be sorted."""
    return str(run.get("queued_at") or run.get("start_date") or run["run_after"])


def _partition_of(feed: Feed, run: Json) -> Partition | None:
    """The partition that the form names, else that of the logical date. The run's own steps find it in the same way."""
    calendar, moment = feed.landing.calendar, run["logical_date"]
    try:
        if name := named_day(run["run_type"], run.get("conf") or {}):
            return calendar.parse(name)
        return calendar.checked(calendar.named(moment_of(moment))) if moment else None
    except SpecError:
        return None
