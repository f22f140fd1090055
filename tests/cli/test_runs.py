"""`landfall train` and `backfill` on real servers: what runs by itself, what waits, what is published or refused."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess
from typing import Any, Protocol

import pytest
from typer.testing import CliRunner, Result

from landfall.cli.app import build
from landfall.landing.landed import iterate_folder
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import ACTUALS, FORECAST
from landfall.runs import AirflowApi
from landfall.spec import Partition, Settings

Json = dict[str, Any]
Landfall = Callable[..., "CompletedProcess[str]"]

LANDED = ["2014-04-01", "2014-04-02"]
ALONE = Partition.parse("2014-04-05")
"""A day that only the test of waiting lands."""


class Stack(Protocol):
    """The suite's stack, as far as these tests ask it."""

    @property
    def settings(self) -> Settings: ...


class Sample(Protocol):
    """Hours of 2014, to land."""

    def land(self, feed: str, first: str, last: str) -> None: ...


def answer(done: "CompletedProcess[str]") -> Any:
    """What a command that is to succeed answered with --json."""
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def refused(done: "CompletedProcess[str]") -> Json:
    """The error of a command that is to fail with --json."""
    assert done.returncode == 1, done.stdout + done.stderr
    told: Json = json.loads(done.stdout)
    return told


def ticks(what: str, *, patience: float = 300) -> Iterator[None]:
    """Twice a second, until the caller has seen what it waits for."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        yield
        time.sleep(0.5)
    pytest.fail(f"{what}: not after {patience:.0f} s")


def is_landed(stack: Stack, partition: Partition) -> bool:
    s3 = stack.settings.s3
    return bool(list(iterate_folder(connect(s3), s3.bucket, FORECAST.landing, partition)))


def forget(stack: Stack, partition: Partition) -> None:
    """Takes a day's forecast out of S3 again."""
    s3 = stack.settings.s3
    client: Any = connect(s3)
    for each in list(iterate_folder(client, s3.bucket, FORECAST.landing, partition)):
        client.delete_object(Bucket=s3.bucket, Key=each.key)


def task_of(api: AirflowApi, run_id: str, task_id: str) -> Json:
    return next(task for task in api.tasks("bike_forecast", run_id) if task["task_id"] == task_id)


def test_the_run_of_tomorrow_s_forecast_is_there_and_waits_in_the_triggerer(stack: Stack, api: AirflowApi) -> None:
    for _ in ticks("the run of tomorrow's forecast waits"):
        tomorrow = Partition(datetime.now(UTC).date() + timedelta(days=1))
        runs = api.runs("bike_forecast", tomorrow, tomorrow)
        state = task_of(api, runs[0]["dag_run_id"], "wait_for_landing")["state"] if runs else None
        if state == ("success" if is_landed(stack, tomorrow) else "deferred"):
            break

    [run] = [each for each in runs if each["run_type"] == "scheduled"]
    assert run["logical_date"] == f"{tomorrow}T00:00:00Z"
    assert run["data_interval_end"] == tomorrow.end.strftime("%Y-%m-%dT00:00:00Z")
    assert run["run_after"] == (tomorrow.start - timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
    assert task_of(api, run["dag_run_id"], "wait_for_landing")["start_date"] < run["logical_date"]


@pytest.mark.usefixtures("trained")
def test_a_run_waits_without_a_worker_until_its_day_lands(
    stack: Stack, api: AirflowApi, sample: Sample, landfall: Landfall
) -> None:
    forget(stack, ALONE)
    run_id = api.run_partition("bike_forecast", ALONE)
    for _ in ticks("the run waits for its day"):
        waiting = task_of(api, run_id, "wait_for_landing")
        if waiting["state"] == "deferred" and waiting["triggerer_job"]:
            break
    assert task_of(api, run_id, "make_features")["state"] is None
    pool = api.http.get("/api/v2/pools/default_pool").json()
    assert pool["include_deferred"] is False
    assert pool["deferred_slots"] >= 1

    sample.land("forecast", str(ALONE), str(ALONE))
    api.wait("bike_forecast", run_id, lambda _: None, patience=600)
    assert len(predictions(landfall, [str(ALONE)])) == 24


@dataclass(frozen=True)
class Backfilled:
    """What one backfill answered, and the tables after it."""

    told: Json
    predictions: list[Json]
    errors: list[Json]

    def of(self, day: str) -> "Backfilled":
        """The part of one day."""
        return Backfilled(
            {"partitions": [each for each in self.told["partitions"] if each["partition"] == day]},
            [row for row in self.predictions if row["time"].startswith(day)],
            [row for row in self.errors if row["time"].startswith(day)],
        )

    @property
    def model_versions(self) -> set[str]:
        return {row["model_version"] for row in self.predictions}


def predictions(landfall: Landfall, days: list[str]) -> list[Json]:
    return rows(landfall, "SELECT time, partition, predicted, model_version FROM predictions.bike_demand", days)


def errors(landfall: Landfall, days: list[str]) -> list[Json]:
    return rows(landfall, "SELECT time, predicted, actual, error FROM predictions.bike_demand_errors", days)


def rows(landfall: Landfall, select: str, days: list[str]) -> list[Json]:
    among = ", ".join(f"'{day}'" for day in days)
    found: list[Json] = answer(landfall("sql", f"{select} WHERE partition IN ({among}) ORDER BY time", "--json"))
    return found


def backfill(landfall: Landfall, first: str, last: str, days: list[str]) -> Backfilled:
    told = answer(landfall("backfill", "bike_demand", "--from", first, "--to", last, "--json"))
    return Backfilled(told, predictions(landfall, days), errors(landfall, days))


@pytest.fixture(scope="module")
def backfilled(landfall: Landfall, sample: Sample, trained: None) -> Backfilled:
    """Two days of both feeds landed, and backfilled; a day before and a day after them are asked for too."""
    for feed in ("forecast", "actuals"):
        sample.land(feed, LANDED[0], LANDED[-1])
    return backfill(landfall, "2014-03-31", "2014-04-03", LANDED)


@pytest.fixture(scope="module")
def twice(landfall: Landfall, backfilled: Backfilled) -> tuple[Backfilled, Backfilled]:
    """A day after two equal backfills with the same model, even if another run promoted a new one after the first."""
    day = LANDED[0]
    first, second = backfilled.of(day), backfill(landfall, day, day, [day])
    while first.model_versions != second.model_versions:
        first, second = second, backfill(landfall, day, day, [day])
    return first, second


def test_a_backfill_runs_every_day_that_has_landed_and_leaves_the_others_out(backfilled: Backfilled) -> None:
    told = backfilled.told
    assert told["counts"] == {"published": 4, "skipped": 0, "failed": 0}
    assert [(each["feed"], each["partition"], each["state"]) for each in told["partitions"]] == [
        (f"bike_demand/{feed}", day, "published") for feed in ("actuals", "forecast") for day in LANDED
    ]


def test_every_backfilled_day_is_published(backfilled: Backfilled, landfall: Landfall) -> None:
    published = answer(landfall("publications", "bike_demand", "--limit", "1000", "--json"))
    state = {each["partition"]: each["rows"] for each in published if each["state"] == "published"}

    assert {day: state[day] for day in LANDED} == dict.fromkeys(LANDED, 24)
    assert [row["partition"] for row in backfilled.predictions] == [day for day in LANDED for _ in range(24)]
    assert all(row["predicted"] >= 0 for row in backfilled.predictions)


def test_a_lookup_gives_the_backfilled_row(backfilled: Backfilled, landfall: Landfall) -> None:
    evening = next(row for row in backfilled.predictions if row["time"].startswith("2014-04-01T17:00"))
    epoch = int(datetime(2014, 4, 1, 17, tzinfo=UTC).timestamp() * 1000)

    found = answer(landfall("lookup", "bike_demand", "city=Washington", "state=D.C.", f"time={epoch}", "--json"))
    assert (found["city"], found["state"]) == ("Washington", "D.C.")
    assert found["predicted"] == evening["predicted"]
    assert found["model_version"] == evening["model_version"]
    assert datetime.fromisoformat(found["published_at"]).tzinfo is not None


def test_what_happened_is_held_against_what_was_published(backfilled: Backfilled) -> None:
    predicted = {row["time"]: row["predicted"] for row in backfilled.predictions}

    assert {row["time"][:10] for row in backfilled.errors} == set(LANDED)
    assert len(backfilled.errors) > 40  # an hour without a rider is not in the actuals
    for row in backfilled.errors:
        assert row["predicted"] == predicted[row["time"]]
        assert row["error"] == pytest.approx(row["predicted"] - row["actual"])


@pytest.mark.usefixtures("backfilled")
@pytest.mark.parametrize(
    ("dag_id", "task_id", "asset", "told"),
    [
        ("bike_forecast", "make_features", "features.bike_forecast", {"partition", "rows", "quarantined"}),
        ("bike_actuals", "make_features", "features.bike_actuals", {"partition", "rows", "quarantined"}),
        ("bike_forecast", "publish", FORECAST.table.name, {"partition", "rows", "model_version", "publication"}),
        ("bike_actuals", "publish", ACTUALS.table.name, {"partition", "rows", "model_version", "publication"}),
    ],
)
def test_each_backfilled_day_told_its_assets(
    api: AirflowApi, dag_id: str, task_id: str, asset: str, told: set[str]
) -> None:
    page: dict[str, str | int] = {
        "source_dag_id": dag_id,
        "source_task_id": task_id,
        "order_by": "-timestamp",
        "limit": 50,
    }
    events = api.http.get("/api/v2/assets/events", params=page).json()["asset_events"]
    extras = {each["extra"]["partition"]: each["extra"] for each in events if each["name"] == asset}

    assert {day: set(extras[day]) for day in LANDED} == dict.fromkeys(LANDED, told)
    assert all(extras[day]["rows"] > 20 for day in LANDED)


@pytest.mark.usefixtures("backfilled")
def test_the_event_of_a_published_forecast_names_the_model_version(api: AirflowApi, backfilled: Backfilled) -> None:
    page: dict[str, str | int] = {
        "source_dag_id": "bike_forecast",
        "source_task_id": "publish",
        "order_by": "-timestamp",
        "limit": 50,
    }
    events = api.http.get("/api/v2/assets/events", params=page).json()["asset_events"]
    versions = {each["extra"]["partition"]: each["extra"]["model_version"] for each in reversed(events)}

    assert {row["partition"]: row["model_version"] for row in backfilled.predictions} == {
        day: versions[day] for day in LANDED
    }


def test_the_same_backfill_again_gives_the_same_rows_and_no_more(twice: tuple[Backfilled, Backfilled]) -> None:
    first, second = twice

    assert len(first.predictions) == 24
    assert second.of(LANDED[0]).told["partitions"] == first.of(LANDED[0]).told["partitions"]
    assert second.predictions == first.predictions
    assert second.errors == first.errors


def test_a_backfill_of_days_that_never_landed_starts_nothing(stack: Stack, landfall: Landfall) -> None:
    bucket = stack.settings.s3.bucket
    done = landfall("backfill", "bike_demand", "--from", "1999-01-01", "--to", "1999-01-05", "--json")

    assert refused(done) == {
        "type": "RunError",
        "error": "Nothing of `bike_demand` has landed from 1999-01-01 to 1999-01-05.",
        "looked": f"{bucket}/bike_sharing/forecast/, {bucket}/bike_sharing/actuals/",
        "left": "nothing was started",
        "next": "landfall land bike_demand/forecast FILE.csv",
    }


@pytest.mark.parametrize("command", [("backfill", "--from", "2014-04-01", "--to", "2014-04-02"), ("train",)])
def test_while_airflow_is_down_a_command_says_where_it_looked(landfall: Landfall, command: tuple[str, ...]) -> None:
    name, *options = command
    done = landfall(name, "bike_demand", *options, "--json", LANDFALL_AIRFLOW_URL="http://127.0.0.1:9")

    assert refused(done) == {
        "type": "RunError",
        "error": "Airflow does not answer.",
        "looked": "http://127.0.0.1:9/auth/token ([Errno 111] Connection refused)",
        "next": "landfall ps",
    }


def run(*words: str) -> Result:
    return CliRunner().invoke(build(), list(words))


def test_an_unknown_pipeline_is_refused_with_the_nearest() -> None:
    done = run("backfill", "bike_demnd", "--from", "2014-04-01", "--to", "2014-04-02")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "error: There is no pipeline `bike_demnd`. Did you mean `bike_demand`?\n  "
        "looked: known: bike_demand, bike_hourly, bike_weather\n"
    )


@pytest.mark.parametrize("options", [("--from", "2014-04-31", "--to", "2014-05-01")])
def test_a_backfill_from_a_day_that_is_none_is_refused(options: tuple[str, ...]) -> None:
    done = run("backfill", "bike_demand", *options)

    assert (done.exit_code, done.stderr) == (
        1,
        "error: `2014-04-31` is not a partition.\n  looked: expected a day written YYYY-MM-DD, such as 2012-12-25\n",
    )
