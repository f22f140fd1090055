"""Many partitions through Airflow: its own backfill over a range, or a run each, a few at a time."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from landfall.runs.airflow_api import ENDED, AirflowApi, Json
from landfall.spec import Partition, Partitions

AT_ONCE = 4


@dataclass(frozen=True)
class Ended:
    """A partition's run that has ended, `state` success or failed (or published, skipped where no run was needed)."""

    dag_id: str
    partition: Partition
    run_id: str
    state: str
    why: str = ""


def backfill_range(api: AirflowApi, dag_id: str, days: Partitions, *, stop_on_failure: bool) -> Iterator[Ended]:
    """Airflow's own backfill of days side by side; each is told when its run has ended.

    A backfill of the DAG that is still active, such as that of a command that was interrupted, is waited for first.

    Raises:
        RunError: Airflow refuses or is away.
    """
    first, last = days.days[0], days.days[-1]
    for other in api.active_backfills(dag_id):
        api.until_backfilled(dag_id, other)
    number = api.backfill(dag_id, first, last)
    told: set[tuple[str, str]] = set()
    running = True
    while running:
        running = not api.is_backfilled(dag_id, number)
        for each in _ended(dag_id, api.list_runs(dag_id, **_window(days), state=list(ENDED)), days, told):
            yield each
            if each.state == "failed" and stop_on_failure:
                api.cancel_backfill(number)
                return
        if running:
            time.sleep(1)
    # A run that was waiting or at work already is not Airflow's to backfill: it is waited for.
    left = [day for day in days if str(day) not in {run_day for run_day, _ in told}]
    yield from run_each(api, dag_id, left, stop_on_failure=stop_on_failure)


def run_each(
    api: AirflowApi, dag_id: str, days: Sequence[Partition], *, stop_on_failure: bool, at_once: int = AT_ONCE
) -> Iterator[Ended]:
    """A run a partition, `at_once` at a time: the one that is waiting or running, else a new one, or the old one again.

    Raises:
        RunError: Airflow refuses or is away.
    """
    left, active = list(days), dict[Partition, str]()
    while left or active:
        while left and len(active) < at_once:
            day = left.pop(0)
            active[day] = api.run_partition(dag_id, day)
        time.sleep(0.5)
        for day, run_id in list(active.items()):
            state = api.state(dag_id, run_id)
            if state in ENDED:
                del active[day]
                left = [] if state == "failed" and stop_on_failure else left
                yield Ended(dag_id, day, run_id, state)


def _window(days: Partitions) -> dict[str, str]:
    return {"logical_date_gte": days.days[0].start.isoformat(), "logical_date_lt": days.days[-1].end.isoformat()}


def _ended(dag_id: str, runs: Sequence[Json], days: Partitions, told: set[tuple[str, str]]) -> Iterator[Ended]:
    """The runs not told yet."""
    names = {str(day): day for day in days}
    for run in runs:
        day = names.get(run["logical_date"][:10])
        name = (str(day), run["dag_run_id"])
        if day and run["run_type"] == "backfill" and name not in told:
            told.add(name)
            yield Ended(dag_id, day, run["dag_run_id"], run["state"])
