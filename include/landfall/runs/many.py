"""Runs of many partitions through Airflow: its own backfill over a range, or one run each, a few at a time."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from landfall.errors import RunError
from landfall.json_values import Json
from landfall.runs.airflow_api import ENDED, AirflowApi
from landfall.runs.backfills import Backfill, Hold, hold_of, moment_of
from landfall.spec import Calendar, Partition, Partitions
from landfall.spec.run_form import BACKFILL

AT_ONCE = 4
LOOK = 2.0
"""Seconds between two looks at what a run is doing, for the progress bar."""


@dataclass(frozen=True)
class Ended:
    """A partition's run that has ended. `state`: success or failed; or published or skipped, if no run was needed."""

    dag_id: str
    partition: Partition
    run_id: str
    state: str
    why: str = ""


@dataclass(frozen=True)
class Doing:
    """What a run that is waited for is doing: `task` and its `state`; or, in `held`, why it does not go on."""

    partition: Partition
    run_id: str
    state: str
    task: str = ""
    held: str = ""


Tell = Callable[[Doing], None]


def backfill_range(
    api: AirflowApi, dag_id: str, days: Partitions, *, stop_on_failure: bool, tell: Tell, remark: Callable[[str], None]
) -> Iterator[Ended]:
    """Runs Airflow's own backfill from the first to the last of `days`; yields each of these days when its run has ended.

    Airflow leaves a day alone that has a run at work or waiting: see `bridged` for days in between. The backfill is never
    cancelled, not even if a run failed and no more shall start: runs of a cancelled backfill could not be cleared later. While
    another backfill of the DAG is not over (it may wait for days), the days are run one by one beside it.

    Raises:
        RunError: Airflow refuses or is away.
    """
    try:
        backfill = api.backfill(dag_id, days.days[0], days.days[-1])
    except RunError as error:
        if error.status != 409:
            raise
        remark(_beside(api, dag_id))
        yield from run_each(api, dag_id, days.days, stop_on_failure=stop_on_failure, tell=tell)
        return
    names = {str(day): day for day in days}
    reported: set[Partition] = set()
    looks = _Looks(api, dag_id, tell)
    while True:
        active: list[tuple[Partition, Json]] = []
        for run in api.list_runs(dag_id, run_type=BACKFILL, **_window(days)):
            day = names.get(run["logical_date"][:10])
            if day is None or day in reported or moment_of(run["queued_at"]) < backfill.created_at:
                continue
            if run["state"] not in ENDED:
                active.append((day, run))
                continue
            reported.add(day)
            stop = run["state"] == "failed" and stop_on_failure
            if stop:
                _start_no_more(api, dag_id, backfill, days)
            yield Ended(dag_id, day, str(run["dag_run_id"]), str(run["state"]), _never_started(run, backfill))
            if stop:
                return
        if not active:
            break
        looks.at(active)
        time.sleep(1)
    # Airflow's backfill skips a run that was already waiting or at work, so these are waited for.
    left = [day for day in days if day not in reported]
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
    """Runs partitions, `at_once` at a time; yields each when its run has ended.

    A partition's run is the one that waits or runs already, else the old one run again, else a new one.

    Args:
        api: Airflow.
        dag_id: The DAG.
        days: The partitions.
        stop_on_failure: True if no more runs shall start after one failed.
        tell: Called now and then with what the first of the runs is doing.
        held: The partitions whose queued run is known to be held up, so that another run is made.
        at_once: How many runs may go on at the same time.

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
    """Looks at what runs are doing, at most once every `LOOK` seconds, and reports on the first of them."""

    def __init__(self, api: AirflowApi, dag_id: str, tell: Tell) -> None:
        self.api, self.dag_id, self.tell, self.next = api, dag_id, tell, 0.0

    def at(self, active: Sequence[tuple[Partition, Json]]) -> list[Partition]:
        """The partitions whose queued run will never start; empty if it is too soon to look again."""
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


def bridged(calendar: Calendar, days: Partitions, waiting: Collection[Partition]) -> Partitions:
    """The longest stretch of `days` that one backfill can run without running other days in between.

    Args:
        calendar: The feed's partitions.
        days: The days or hours to run.
        waiting: Days that have a run which waits or is at work: Airflow's backfill leaves these alone.

    Returns:
        The days of the longest stretch; a day that is missing within it is always one of `waiting`.
    """
    best: list[Partition] = []
    stretch: list[Partition] = []
    for day in days:
        gap = calendar.between(stretch[-1], day).days[1:-1] if stretch else ()
        stretch = [*stretch, day] if all(missing in waiting for missing in gap) else [day]
        best = max(best, stretch, key=len)
    return Partitions.of(best)


def _beside(api: AirflowApi, dag_id: str) -> str:
    """The remark that says why a backfill's days are run one by one."""
    unfinished = next((backfill for backfill in api.backfills(dag_id) if not backfill.ended), None)
    description = (
        f"backfill {unfinished.number}, {unfinished.first:%Y-%m-%d}..{unfinished.last:%Y-%m-%d}, is not over"
        if unfinished
        else "one is not over"
    )
    return f"{dag_id}: Airflow makes one backfill of a DAG at a time, and {description}: the days are run one by one beside it"


def _start_no_more(api: AirflowApi, dag_id: str, backfill: Backfill, days: Partitions) -> None:
    """Ends the queued runs of the backfill; those at work go on."""
    for run in api.list_runs(dag_id, run_type=BACKFILL, state=["queued"], **_window(days)):
        if moment_of(run["queued_at"]) >= backfill.created_at:
            note = f"not started: another run of backfill {backfill.number} had failed (--stop-on-failure)"
            api.give_up(dag_id, run["dag_run_id"], note)


def _never_started(run: Json, backfill: Backfill) -> str:
    """Why a failed run of a backfill was never started; empty for any other run."""
    if run["state"] == "failed" and run["start_date"] is None:
        return f"its run was not started: the backfill {backfill.number} was cancelled in Airflow"
    return ""


def _window(days: Partitions) -> dict[str, str]:
    return {"logical_date_gte": days.days[0].start.isoformat(), "logical_date_lt": days.days[-1].end.isoformat()}
