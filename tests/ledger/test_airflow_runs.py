"""Which runs Airflow is asked for, and what each partition's run is. A stand-in answers as Airflow's API does."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from landfall.ledger.airflow_runs import newest_run, newest_runs, unsuccessful_runs
from landfall.pipelines.bike_hourly import SNAPSHOTS
from landfall.runs import AirflowApi
from landfall.spec import Partition, Partitions
from landfall.spec.run_form import DAY

YEAR = Partitions.between(Partition.parse("2011-01-01T00"), Partition.parse("2011-12-31T23"))
NOON = Partition.parse("2011-06-01T12")


def run(partition: Partition, state: str, *, number: int = 1, form: str = "") -> dict[str, Any]:
    began = f"2012-01-01T00:{number:02}:00Z"
    return {
        "dag_run_id": f"{partition}#{number}", "state": state, "run_type": "manual" if form else "scheduled",
        "conf": {DAY: form} if form else {}, "logical_date": partition.start.isoformat(),
        "queued_at": began, "end_date": None if state in ("queued", "running") else began, "run_after": began,
    }  # fmt: skip


class Airflow:
    """The runs of one DAG, and how many of them were asked for."""

    def __init__(self, *runs: Mapping[str, Any]) -> None:
        self.all, self.given, self.asked = runs, 0, 0

    def list_runs(
        self, dag_id: str, state: tuple[str, ...] = (), conf_contains: str = "", **dates: str
    ) -> list[dict[str, Any]]:
        low, high = (datetime.fromisoformat(dates[name]) if name in dates else None for name in _DATES)
        chosen = [
            dict(each)
            for each in self.all
            if (not state or each["state"] in state)
            and (not conf_contains or (each["conf"] and conf_contains in f'"{DAY}": "{each["conf"][DAY]}'))
            and (low is None or datetime.fromisoformat(each["logical_date"]) >= low)
            and (high is None or datetime.fromisoformat(each["logical_date"]) < high)
        ]
        self.given, self.asked = self.given + len(chosen), self.asked + 1
        return chosen

    def runs(self, dag_id: str, first: Partition, last: Partition) -> list[dict[str, Any]]:
        return self.list_runs(dag_id, logical_date_gte=first.start.isoformat(), logical_date_lt=last.end.isoformat())

    def backfills(self, dag_id: str) -> list[Any]:
        return []


_DATES = ("logical_date_gte", "logical_date_lt")


def api(airflow: Airflow) -> AirflowApi:
    return cast(AirflowApi, airflow)


def test_of_a_year_of_hours_only_the_runs_that_did_not_succeed_are_asked_for() -> None:
    airflow = Airflow(*(run(hour, "failed" if hour == NOON else "success") for hour in YEAR))
    runs = unsuccessful_runs(api(airflow), SNAPSHOTS)
    assert {hour: seen.state for hour, seen in runs.items()} == {NOON: "failed"}
    assert airflow.given == 1


def test_since_leaves_out_earlier_failures_but_no_run_that_goes_on() -> None:
    early, late = YEAR.days[0], YEAR.days[-1]
    formed = run(Partition.parse("2012-05-05T05"), "failed", form=str(late), number=2)
    airflow = Airflow(run(early, "running"), run(YEAR.days[1], "failed"), formed)
    runs = unsuccessful_runs(api(airflow), SNAPSHOTS, since=datetime(2011, 3, 1, tzinfo=UTC))
    assert {hour: seen.run_id for hour, seen in runs.items()} == {early: f"{early}#1", late: formed["dag_run_id"]}


def test_the_newest_run_of_a_partition_counts_however_it_ended() -> None:
    airflow = Airflow(run(NOON, "failed"), run(NOON, "success", number=2), run(YEAR.days[0], "failed", number=3))
    newest = newest_run(api(airflow), SNAPSHOTS, NOON)
    assert newest
    assert (newest.run_id, newest.state) == (f"{NOON}#2", "success")


def test_partitions_near_each_other_are_asked_for_together() -> None:
    airflow = Airflow(*(run(hour, "success") for hour in YEAR))
    wanted = [*YEAR.days[:3], *YEAR.days[90:99], YEAR.days[5000]]
    assert set(newest_runs(api(airflow), SNAPSHOTS, wanted)) == set(wanted)
    assert airflow.asked == 3  # two groups, and the runs with a form
    assert newest_runs(api(Airflow()), SNAPSHOTS, []) == {}
