"""Many partitions through Airflow: its own backfill over a range, or a run each, a few at a time."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from landfall.errors import RunError
from landfall.runs.airflow_api import ENDED, AirflowApi
from landfall.runs.backfills import Backfill, Hold, hold_of, moment_of
from landfall.runs.client import Json
from landfall.spec import Partition, Partitions
from landfall.spec.run_form import BACKFILL

AT_ONCE = 4
LOOK = 2.0
"""Seconds between two looks at what a run is doing, for the progress bar."""


@dataclass(frozen=True)
class Ended:
    """A partition's run that has ended, `state` success or failed (or published, skipped where no run was needed)."""

    dag_id: str
    partition: Partition
    run_id: str
    state: str
    why: str = ""


@dataclass(frozen=True)
class Doing:
    """What a run that is waited for is at. `task` and its `state`; or `held`: why it goes on no further."""

    partition: Partition
    run_id: str
    state: str
    task: str = ""
    held: str = ""


Tell = Callable[[Doing], None]


def backfill_range(
    api: AirflowApi, dag_id: str, days: Partitions, *, stop_on_failure: bool, tell: Tell, remark: Callable[[str], None]
) -> Iterator[Ended]:
    """Airflow's own backfill from the first to the last of `days`; each of these is told when its run has ended.

    A day that has a run at work, or one that waits, is left to it by Airflow: see `bridged` for the days between. The backfill
    is never cancelled, also not where one failed and no more are to be started: what was cancelled could not be cleared later.
    While another backfill of the DAG is not over, which may wait for days, the days are run one by one beside it.

    Raises:
        RunError: Airflow refuses or is away.
    """
    try:
        made = api.backfill(dag_id, days.days[0], days.days[-1])
    except RunError as error:
        if not error.looked.endswith(": 409"):
            raise
        remark(_beside(api, dag_id))
        yield from run_each(api, dag_id, days.days, stop_on_failure=stop_on_failure, tell=tell)
        return
    names = {str(day): day for day in days}
    told: set[Partition] = set()
    looks = _Looks(api, dag_id, tell)
    while True:
        active: list[tuple[Partition, Json]] = []
        for run in api.list_runs(dag_id, run_type=BACKFILL, **_window(days)):
            day = names.get(run["logical_date"][:10])
            if day is None or day in told or moment_of(run["queued_at"]) < made.created_at:
                continue
            if run["state"] not in ENDED:
                active.append((day, run))
                continue
            told.add(day)
            stop = run["state"] == "failed" and stop_on_failure
            if stop:
                _start_no_more(api, dag_id, made, days)
            yield Ended(dag_id, day, str(run["dag_run_id"]), str(run["state"]), _never_started(run, made))
            if stop:
                return
        if not active:
            break
        looks.at(active)
        time.sleep(1)
    # A run that was waiting or at work already is not Airflow's to backfill: it is waited for.
    left = [day for day in days if day not in told]
    yield from run_each(api, dag_id, left, stop_on_failure=stop_on_failure, tell=tell)


def run_each(
    api: AirflowApi,
    dag_id: str,
    days: Sequence[Partition],
    *,
    stop_on_failure: bool,
    tell: Tell,
    held: Collection[Partition] = (),
    at_once: int = AT_ONCE,
) -> Iterator[Ended]:
    """A run a partition, `at_once` at a time: the one that is waiting or running, else a new one, or the old one again.

    Args:
        api: Airflow.
        dag_id: The DAG.
        days: The partitions.
        stop_on_failure: Whether to start no more after one failed.
        tell: Told every now and then what the first of the runs is doing.
        held: The partitions whose queued run is known to be held up, so that another one is made.
        at_once: How many to let go on at the same time.

    Raises:
        RunError: Airflow refuses or is away.
    """
    left, active = list(days), dict[Partition, str]()
    looks = _Looks(api, dag_id, tell)
    while left or active:
        while left and len(active) < at_once:
            day = left.pop(0)
            active[day] = api.run_partition(dag_id, day, instead=day in held)
        time.sleep(0.5)
        runs = {day: api.run(dag_id, run_id) for day, run_id in active.items()}
        for day, run in runs.items():
            if run["state"] in ENDED:
                run_id = active.pop(day)
                left = [] if run["state"] == "failed" and stop_on_failure else left
                yield Ended(dag_id, day, run_id, run["state"])
        for day in looks.at([(day, runs[day]) for day in active]):
            active[day] = api.run_partition(dag_id, day)


class _Looks:
    """Looks at what runs are doing, not more often than every `LOOK` seconds, and tells of the first."""

    def __init__(self, api: AirflowApi, dag_id: str, tell: Tell) -> None:
        self.api, self.dag_id, self.tell, self.next = api, dag_id, tell, 0.0

    def at(self, active: Sequence[tuple[Partition, Json]]) -> list[Partition]:
        """The partitions whose queued run will never start, if it was time to look."""
        if not active or time.monotonic() < self.next:
            return []
        self.next = time.monotonic() + LOOK
        queued = any(run["run_type"] == BACKFILL and run["state"] == "queued" for _, run in active)
        backfills = self.api.backfills(self.dag_id) if queued else []
        holds = {day: hold_of(run, backfills, datetime.now(UTC)) for day, run in active}
        self.tell(self._doing(*active[0], held=holds[active[0][0]]))
        return [day for day, hold in holds.items() if hold and hold.state == "stuck"]

    def _doing(self, day: Partition, run: Json, held: Hold | None) -> Doing:
        run_id, state = str(run["dag_run_id"]), str(run["state"])
        if self.api.dag(self.dag_id).get("is_paused"):
            return Doing(day, run_id, state, held=f"the DAG `{self.dag_id}` is paused")
        if held:
            return Doing(day, run_id, state, held=held.why)
        tasks = self.api.tasks(self.dag_id, run_id) if state == "running" else []
        busy = next(
            (task for task in tasks if task["state"] in ("running", "deferred", "queued", "up_for_retry")), None
        )
        return Doing(day, run_id, str(busy["state"]), str(busy["task_id"])) if busy else Doing(day, run_id, state)


def bridged(days: Partitions, waiting: Collection[Partition]) -> Partitions:
    """The longest stretch of `days` that one backfill can run: no day lies between that it would run beside them.

    Args:
        days: The days to run.
        waiting: Days that have a run which waits or is at work: Airflow's backfill leaves these alone.

    Returns:
        Those of `days` in the longest stretch, from which others than `waiting` are missing nowhere.
    """
    best: list[Partition] = []
    stretch: list[Partition] = []
    for day in days:
        gap = Partitions.between(stretch[-1], day).days[1:-1] if stretch else ()
        stretch = [*stretch, day] if all(each in waiting for each in gap) else [day]
        best = max(best, stretch, key=len)
    return Partitions.of(best)


def _beside(api: AirflowApi, dag_id: str) -> str:
    """Why a backfill's days are run one by one."""
    other = next((each for each in api.backfills(dag_id) if not each.ended), None)
    which = (
        f"backfill {other.number}, {other.first:%Y-%m-%d}..{other.last:%Y-%m-%d}, is not over"
        if other
        else "one is not over"
    )
    return (
        f"{dag_id}: Airflow makes one backfill of a DAG at a time, and {which}: the days are run one by one beside it"
    )


def _start_no_more(api: AirflowApi, dag_id: str, made: Backfill, days: Partitions) -> None:
    """End the backfill's runs that are queued; those that are at work go on."""
    for run in api.list_runs(dag_id, run_type=BACKFILL, state=["queued"], **_window(days)):
        if moment_of(run["queued_at"]) >= made.created_at:
            note = f"not started: another run of backfill {made.number} had failed (--stop-on-failure)"
            api.give_up(dag_id, run["dag_run_id"], note)


def _never_started(run: Json, made: Backfill) -> str:
    """Why a failed run of a backfill was never started; empty for any other."""
    if run["state"] == "failed" and run["start_date"] is None:
        return f"its run was not started: the backfill {made.number} was cancelled in Airflow"
    return ""


def _window(days: Partitions) -> dict[str, str]:
    return {"logical_date_gte": days.days[0].start.isoformat(), "logical_date_lt": days.days[-1].end.isoformat()}
