"""Airflow's runs by partition: the run of a partition is the one that is active, else the one that was started last.

A partition may have two: one of its logical date, which the schedule, the audit and backfills share, and one that a person
started with the form, whose logical date is the moment of that.
"""

from collections.abc import Iterable
from datetime import datetime

from landfall.errors import SpecError
from landfall.ledger.facts import Seen
from landfall.runs import AirflowApi, Json
from landfall.spec import Feed, Partition, Pipeline
from landfall.spec.run_form import DAY, named_day

AT_WORK = ("scheduled", "queued", "running")
BY_AUDIT, BY_HAND = "landed__", "manual__"
"""How the names of runs begin that the audit made, and of those that a person did."""


def active_runs(api: AirflowApi, feed: Feed) -> dict[Partition, Seen]:
    """The runs of the feed's DAG that have not ended."""
    return _by_partition(feed, api.list_runs(feed.dag_id, state=["queued", "running"]))


def newest_run(api: AirflowApi, feed: Feed, partition: Partition) -> Seen | None:
    """The run of one partition; None if it never had one."""
    first, after = feed.landing.window(partition)
    dated = api.list_runs(feed.dag_id, logical_date_gte=first.isoformat(), logical_date_lt=after.isoformat())
    return _by_partition(feed, [*dated, *_with_form(api, feed, str(partition))]).get(partition)


def all_runs(api: AirflowApi, feed: Feed, since: datetime | None = None) -> dict[Partition, Seen]:
    """The runs of the feed's DAG of partitions that begin at `since` or later, and those that have not ended."""
    window = {"logical_date_gte": since.isoformat()} if since else {}
    dated, formed = api.list_runs(feed.dag_id, **window), _with_form(api, feed)
    found = _by_partition(feed, [*dated, *formed])
    recent = {each: run for each, run in found.items() if since is None or feed.landing.window(each)[0] >= since}
    return {**recent, **active_runs(api, feed)}


def at_work(api: AirflowApi, pipeline: Pipeline) -> set[tuple[str, str]]:
    """DAG and run of every task of the pipeline that holds a worker or is about to; what only waits is not among them."""
    dags = (pipeline.training.dag_id, *(feed.dag_id for feed in pipeline.feeds))
    return {(dag_id, str(task["dag_run_id"])) for dag_id in dags for task in api.tasks(dag_id, "~", state=AT_WORK)}


def is_urgent(pipeline: Pipeline, dag_id: str, run_id: str) -> bool:
    """True for a training, and for a run that a person started and waits for."""
    return dag_id == pipeline.training.dag_id or run_id.startswith(BY_HAND)


def _with_form(api: AirflowApi, feed: Feed, day: str = "") -> list[Json]:
    """The runs whose form names a partition: `day`, or any. Airflow looks for the text of the form, as Postgres writes it."""
    return api.list_runs(feed.dag_id, conf_contains=f'"{DAY}": "{day}')


def _by_partition(feed: Feed, runs: Iterable[Json]) -> dict[Partition, Seen]:
    found: dict[Partition, Seen] = {}
    for run in sorted(runs, key=_started):
        partition = _partition_of(feed, run)
        ended = run.get("end_date")
        seen = Seen(run_id=str(run["dag_run_id"]), state=str(run["state"]), ended_at=_moment(ended) if ended else None)
        if partition and (seen.active or not (partition in found and found[partition].active)):
            found[partition] = seen
    return found


def _partition_of(feed: Feed, run: Json) -> Partition | None:
    """The day of the form, else the partition of the logical date, as the run's own steps find it."""
    try:
        if day := named_day(run["run_type"], run.get("conf") or {}):
            return Partition.parse(day)
    except SpecError:
        return None
    moment = run["logical_date"]
    return feed.landing.holding(_moment(moment)) if moment else None


def _started(run: Json) -> str:
    """When the run was made or started again; Airflow writes all moments alike."""
    return str(run.get("queued_at") or run.get("start_date") or run["run_after"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
