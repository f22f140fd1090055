"""`landfall report`, as it is typed."""

import json

import pytest
import typer
from typer.testing import CliRunner

from landfall.cli import report

APP = typer.Typer()
report.register(APP)


def type_(*words):
    """What typing `landfall report WORDS` gives."""
    return CliRunner().invoke(APP, list(words))


@pytest.fixture
def database(database_url, emptied, monkeypatch, tmp_path):
    """A connection to the database that the command uses, with one promoted version, one error and one decision."""
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    monkeypatch.setenv("LANDFALL_DATABASE_URL", database_url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "unused")
    emptied.execute("""
        INSERT INTO landfall.promotions (model, version, at, kind, reason, by_run, report) VALUES
        ('bike_demand', '7', '2014-04-01 10:00Z', 'promoted', 'rmse 50', 'manual__1',
         '{"challenger": {"metrics": {"rmse": 50.0}}}')""")
    emptied.execute("""
        INSERT INTO landfall.partition_errors (model, version, partition, rows, rmse, mae) VALUES
        ('bike_demand', '7', '2014-04-02', 24, 52.5, 40)""")
    emptied.execute("""
        INSERT INTO landfall.retraining_decisions (model, run_id, at, champion, fired, figures) VALUES
        ('bike_demand', 'r', '2014-04-03 09:00Z', '7', '[]', '{"new_rows": 24}')""")
    emptied.execute("""
        INSERT INTO landfall.drift
            (model, version, window_first, window_last, feature, statistic, value, above, rows) VALUES
        ('bike_demand', '7', '2014-03-20', '2014-04-02', 'temp', 'psi', 0.25, 2.5, 336)""")
    return emptied


SUMMARY = """\
model       version 7 since 2014-04-01 10:00 UTC, promoted: rmse 50
error       rmse 52.5 over the newest 1 partition of the version, its gate measured 50, bound 100
drift       0 of 1 over their bounds; temp (psi) 0.25 of 2.5 (window to 2014-04-02)
actuals     nothing published yet
forecast    nothing published yet
rows        0 kept, 0 quarantined (–) in the newest 14 partitions of each feed
retraining  2014-04-03 09:00 UTC: no reason to retrain
"""


@pytest.mark.stack
def test_without_options_a_few_lines_tell_where_the_pipeline_stands(database):
    told = type_("bike_demand")

    assert told.exit_code == 0
    assert told.stdout == f"{SUMMARY}the page with the charts: landfall report bike_demand --html report.html\n"


@pytest.mark.stack
def test_a_page_is_written_and_where_is_said(database, tmp_path):
    place = tmp_path / "made" / "report.html"

    told = type_("bike_demand", "--html", str(place))

    assert told.exit_code == 0
    assert told.stdout == f"{SUMMARY}written: {place}\n"
    text = place.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert "<title>bike_demand · Landfall report</title>" in text
    assert [each.name for each in place.parent.iterdir()] == ["report.html"]


@pytest.mark.stack
def test_a_page_replaces_the_one_before_it(database, tmp_path):
    place = tmp_path / "report.html"
    place.write_text("before")

    assert type_("bike_demand", "--html", str(place)).exit_code == 0
    assert place.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.stack
def test_the_numbers_come_as_json_with_the_page_beside_them(database, tmp_path):
    place = tmp_path / "report.html"

    told = json.loads(type_("bike_demand", "--html", str(place), "--json").stdout)

    assert (told["pipeline"], told["model"], told["version"], told["html"]) == (
        "bike_demand", "bike_demand", "7", str(place),
    )  # fmt: skip
    assert told["error"] == {
        "metric": "rmse", "version": "7", "partitions": 1, "wanted": 3, "value": 52.5, "gate": 50.0, "above": 2.0,
        "bound": 100.0, "over": False,
    }  # fmt: skip
    assert told["drift"] == [
        {"version": "7", "first": "2014-03-20", "last": "2014-04-02", "feature": "temp", "statistic": "psi", "value": 0.25,
         "above": 2.5, "rows": 336, "over": False}
    ]  # fmt: skip
    assert told["serving"]["figures"] == {"challenger rmse": 50.0}
    assert told["decisions"][0]["figures"] == {"new_rows": 24}
    assert place.exists()


@pytest.mark.stack
def test_the_numbers_alone_write_no_page(database):
    assert json.loads(type_("bike_demand", "--json").stdout)["html"] is None


@pytest.mark.stack
def test_a_page_that_cannot_be_written_is_an_error_and_leaves_nothing(database, tmp_path):
    place = tmp_path / "folder"
    place.mkdir()

    told = type_("bike_demand", "--html", str(place), "--json")

    assert told.exit_code == 1
    assert json.loads(told.stdout) == {
        "type": "ReportError",
        "error": f"The report could not be written to `{place}`.",
        "looked": "is a directory",
        "left": "the file is as it was before",
        "next": "name a file in a folder that may be written to",
    }
    assert [each.name for each in tmp_path.rglob("*")] == ["folder"]


def test_a_pipeline_that_is_not_there_is_named_with_the_nearest(monkeypatch, tmp_path):
    told = type_("bike_demnd", "--json")

    assert told.exit_code == 1
    assert json.loads(told.stdout)["error"] == "There is no pipeline `bike_demnd`. Did you mean `bike_demand`?"
