"""`landfall sample` and `landfall land` as a person types them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner, Result

from landfall.cli.data import register
from landfall.landing.landed import iterate_folder
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import ACTUALS
from landfall.spec import S3, Partition, Settings

DAY = "1998-06-01"  # a day that no other test uses


def run(*words: str | Path) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of servers that are not there."""
    s3 = S3(bucket="landfall", access_key="key", secret_key="secret", endpoint="http://127.0.0.1:9")
    settings = Settings(
        s3=s3, database_url="", mlflow_tracking_uri="", mlflow_artifacts="", spark_remote="", airflow_url=""
    )
    monkeypatch.setattr("landfall.stack.settings", lambda: settings)


def test_a_sample_says_what_it_wrote_and_what_to_type_next(tmp_path: Path) -> None:
    done = run("sample", "bike_demand", "--days", "3", "--until", "2026-07-15", "--out", tmp_path / "data")

    assert done.exit_code == 0
    assert done.stdout == (
        f"{tmp_path}/data/actuals.csv  72 rows, 2026-07-13 to 2026-07-15\n"
        f"{tmp_path}/data/forecast.csv  120 rows, 2026-07-13 to 2026-07-17\n"
        "next:\n"
        f"  landfall land bike_demand/actuals {tmp_path}/data/actuals.csv\n"
        f"  landfall land bike_demand/forecast {tmp_path}/data/forecast.csv\n"
    )


def test_a_sample_as_json_ends_yesterday_and_forecasts_tomorrow(tmp_path: Path) -> None:
    before = datetime.now(UTC).date()
    actuals, forecast = json.loads(run("sample", "bike_demand", "--days", "2", "--out", tmp_path, "--json").stdout)[
        "files"
    ]
    if datetime.now(UTC).date() != before:
        pytest.skip("midnight passed in between")

    first, last, tomorrow = (str(before + timedelta(days=n)) for n in (-2, -1, 1))
    path = str(tmp_path / "actuals.csv")
    assert actuals == {"feed": "bike_demand/actuals", "path": path, "rows": 48, "first": first, "last": last}
    assert (forecast["feed"], forecast["first"], forecast["last"]) == ("bike_demand/forecast", first, tomorrow)


def test_a_sample_of_no_days_is_refused(tmp_path: Path) -> None:
    done = run("sample", "bike_demand", "--days", "0", "--until", "2011-01-31", "--out", tmp_path, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "type": "LandingError",
        "error": "A sample of 0 days ending 2011-01-31 cannot be made.",
        "looked": "the sample starts on 2011-01-01, so --days is 1 to 31",
        "left": "nothing written",
        "next": "landfall sample bike_demand --days 31 --until 2011-01-31 --out data",
    }


@pytest.mark.usefixtures("nowhere")
def test_landing_a_file_that_is_not_there_fails_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "hours.csv").write_text("")
    done = run("land", "bike_demand/actuals", tmp_path / "hour.csv")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == (
        "landing hour.csv\n"
        "error: There is no file `hour.csv`. Did you mean `hours.csv`?\n"
        f"  looked: {tmp_path}\n"
        "  left: nothing landed\n"
        f"  next: landfall land bike_demand/actuals {tmp_path}/hours.csv\n"
    )


@pytest.mark.usefixtures("nowhere")
def test_landing_from_a_day_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run("land", "bike_demand/actuals", tmp_path / "hour.csv", "--from", "2011-1-1")
    assert (done.exit_code, done.stderr) == (
        1,
        "error: `2011-1-1` is not a partition.\n  looked: expected a day written YYYY-MM-DD, such as 2012-12-25\n",
    )


@pytest.mark.usefixtures("nowhere")
def test_landing_while_the_store_is_down_lands_nothing_and_says_so(tmp_path: Path) -> None:
    run("sample", "bike_demand", "--days", "1", "--until", "2026-07-15", "--out", tmp_path)
    done = run("land", "bike_demand/actuals", tmp_path / "actuals.csv", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "type": "LandingError",
        "error": "File `actuals.csv` could not be landed: the object store does not answer.",
        "looked": "bucket `landfall` at http://127.0.0.1:9 (EndpointConnectionError)",
        "left": "nothing landed",
        "next": "landfall ps",
    }


@pytest.fixture
def old_file(stack: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of one old day, for a stack that the commands talk to."""
    monkeypatch.setattr("landfall.stack.settings", lambda: stack.settings)
    path = tmp_path / "old.csv"
    header = ",".join([*ACTUALS.contract.names, "note"])
    path.write_text(f"{header}\n1,{DAY}{',0' * 15},\n2,{DAY}{',0' * 15},\n")
    return path


@pytest.mark.stack
def test_landing_puts_the_objects_and_sums_up(stack: SimpleNamespace, old_file: Path) -> None:
    s3 = stack.settings.s3
    prefix = f"s3://{s3.bucket}/bike_sharing/actuals/"

    told = run("land", "bike_demand/actuals", old_file, "--until", DAY)
    counted = run("land", "bike_demand/actuals", old_file, "--json")
    client = connect(s3)
    objects = list(iterate_folder(client, s3.bucket, ACTUALS.landing, Partition.parse(DAY)))
    client.delete_object(Bucket=s3.bucket, Key=objects[0].key)  # type: ignore[attr-defined]

    assert told.stdout == (
        f"landed 1 object, 2 rows, {DAY} to {DAY}, under {prefix}\nleft out, not in the contract: note\n"
    )
    assert told.stderr == f"landing old.csv\n  reading: {old_file.stat().st_size}\n  landing: 1\n"
    assert json.loads(counted.stdout) == {
        "objects": 1, "rows": 2, "first": DAY, "last": DAY, "prefix": prefix, "left_out": ["note"],
    }  # fmt: skip
    assert [found.key for found in objects] == [f"bike_sharing/actuals/dt={DAY}/hours.csv"]
