"""`landfall lookup`, `publications` and `sql`, as they are typed."""

import json
import re

import pytest
import typer
from typer.testing import CliRunner

from landfall.cli import predictions
from landfall.cli.predictions import aligned
from landfall.database.statements import StatementResult
from landfall.pipelines.bike_demand import PREDICTIONS
from landfall.publishing import Fingerprint, open_publication, publish
from landfall.spec import Partition

KEY = ["city=Washington", "state=D.C.", "time=1356436800000"]
APP = typer.Typer()
predictions.register(APP)


def type_(*words, stdin=""):
    """What typing `landfall WORDS` gives."""
    return CliRunner().invoke(APP, list(words), input=stdin)


def use(monkeypatch, tmp_path, url):
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    monkeypatch.setenv("LANDFALL_DATABASE_URL", url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "unused")


@pytest.fixture
def database(database_url, emptied, monkeypatch, tmp_path):
    """A connection to the database that the commands use, empty."""
    use(monkeypatch, tmp_path, database_url)
    return emptied


def land(conn, predicted, version="7"):
    """One published hour of Christmas 2012."""
    fingerprint = Fingerprint(objects={}, code_version="c", model_version=version, contract="1")
    opened = open_publication(
        conn, PREDICTIONS, Partition.parse("2012-12-25"), run_id="r", model_version=version, fingerprint=fingerprint
    )
    conn.execute(f"INSERT INTO {opened.staging} VALUES ('Washington', 'D.C.', '2012-12-25T12:00Z', {predicted})")
    conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [opened.id])
    return publish(conn, opened, expected_rows=1)


@pytest.mark.stack
def test_lookup_prints_the_prediction_its_model_and_its_swap(database):
    done = land(database, 123.5)
    told = type_("lookup", "bike_demand", *KEY)
    assert told.exit_code == 0
    assert told.stdout == (
        "city           Washington\n"
        "state          D.C.\n"
        "time           2012-12-25T12:00:00+00:00\n"
        "predicted      123.5\n"
        "model version  7\n"
        f"published at   {done.published_at.isoformat()}\n"
    )


@pytest.mark.stack
def test_lookup_as_json(database):
    done = land(database, 123.5)
    told = type_("lookup", "bike_demand", *KEY, "--json")
    assert json.loads(told.stdout) == {
        "city": "Washington",
        "state": "D.C.",
        "time": "2012-12-25T12:00:00+00:00",
        "predicted": 123.5,
        "model_version": "7",
        "published_at": done.published_at.isoformat(),
    }


@pytest.mark.stack
def test_publications(database):
    first, second = land(database, 1.0, "1"), land(database, 2.0, "2")
    listed = json.loads(type_("publications", "bike_demand", "--json").stdout)
    assert [(one["id"], one["state"], one["rows"], one["model_version"], one["kept"]) for one in listed] == [
        (second.id, "published", 1, "2", True),
        (first.id, "superseded", 1, "1", True),
    ]
    assert len(json.loads(type_("publications", "bike_demand", "--json", "--limit", "1").stdout)) == 1
    assert "superseded" in type_("publications", "bike_demand").stdout


@pytest.mark.stack
def test_nothing_to_show_is_exit_code_1_and_says_what_to_do(database):
    told = type_("lookup", "bike_demand", *KEY, "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["error"] == "There is no prediction table `predictions.bike_demand` yet."
    assert type_("publications", "bike_demand").exit_code == 1
    land(database, 1.0)
    told = type_("lookup", "bike_demand", "city=Washington", "state=D.C.", "time=2013-01-01")
    assert told.exit_code == 1
    assert told.stderr == (
        "error: `predictions.bike_demand` has no row "
        "`city=Washington state=D.C. time=2013-01-01T00:00:00+00:00`.\n"
        "  looked: 2013-01-01 is not published; nearest: 2012-12-25\n"
        "  next: landfall publications bike_demand\n"
    )


@pytest.mark.stack
def test_sql_prints_a_table_json_or_csv(database):
    query = "SELECT 'a,b' AS text, 1.5::float8 AS number, NULL AS nothing, '2012-12-25T12:00Z'::timestamptz AS time"
    assert type_("sql", query).stdout == (
        "text  number  nothing  time\n"
        "----  ------  -------  -------------------------\n"
        "a,b      1.5           2012-12-25T12:00:00+00:00\n"
        "(1 row)\n"
    )
    assert json.loads(type_("sql", query, "--json").stdout) == [
        {"text": "a,b", "number": 1.5, "nothing": None, "time": "2012-12-25T12:00:00+00:00"}
    ]
    assert type_("sql", query, "--csv").stdout == ('text,number,nothing,time\n"a,b",1.5,,2012-12-25T12:00:00+00:00\n')
    assert json.loads(type_("sql", "CREATE TABLE t (x int)", "--json").stdout) == {"status": "CREATE TABLE"}
    assert type_("sql", "DROP TABLE t").stdout == "DROP TABLE\n"


@pytest.mark.stack
def test_sql_refused_is_exit_code_1(database):
    told = type_("sql", "SELEC 1")
    assert told.exit_code == 1
    assert told.stderr == 'error: The statement failed: syntax error at or near "SELEC"\n  looked: at character 1\n'


@pytest.mark.stack
def test_the_prompt_shows_errors_and_goes_on(database):
    land(database, 1.0)
    typed = "SELECT 1\n AS one;\nSELEC;\n\\dt\n\\d predictions.bike_demand\n\\x\nSELECT 2 AS two;\n\\q\nSELECT 3;\n"
    told = type_("sql", stdin=typed)
    assert told.exit_code == 0
    assert told.stdout.startswith("one\n---\n  1\n(1 row)\n")
    assert re.search(r"^predictions\.bike_demand +table$", told.stdout, re.M)
    assert "published_at   timestamp with time zone  True" in told.stdout
    assert 'syntax error at or near "\\"' in told.stderr
    assert told.stdout.endswith("two\n---\n  2\n(1 row)\n")
    assert told.stderr.startswith('error: The statement failed: syntax error at or near "SELEC"')


@pytest.mark.parametrize(
    "words",
    [
        ["lookup", "bike_demand", "Washington"],
        ["lookup", "bike_demand", "time=1", "time=2"],
        ["lookup", "bike_demand"],
        ["publications", "bike_demand", "--limit", "0"],
        ["sql", "SELECT 1", "--json", "--csv"],
        ["sql", "--json"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(words):
    assert type_(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["lookup", "bike_demnd", *KEY], "There is no pipeline `bike_demnd`. Did you mean `bike_demand`?"),
        (["lookup", "bike_demand", "city=a", "state=b", "time=noon"], "The key column `time` cannot be 'noon'."),
        (["publications", "bike_demand/actual"], "There is no feed of `bike_demand` `actual`. Did you mean `actuals`?"),
        (["lookup", "bike_demand", *KEY], "The predictions database `127.0.0.1:1/p` cannot be used."),
        (["sql", "SELECT 1"], "The predictions database `127.0.0.1:1/p` cannot be used."),
    ],
)
def test_an_error_is_exit_code_1_on_stderr_and_in_json(monkeypatch, tmp_path, words, error):
    use(monkeypatch, tmp_path, "postgresql://u:hunter2@127.0.0.1:1/p")
    told = type_(*words)
    assert (told.exit_code, told.stdout, told.stderr.splitlines()[0]) == (1, "", f"error: {error}")
    told = type_(*words, "--json")
    assert (told.exit_code, json.loads(told.stdout)["error"]) == (1, error)
    assert "hunter2" not in told.output


def test_no_cell_is_cut_and_none_moves_the_cursor():
    wide = StatementResult(("名", "x"), [("東京", 1), ("a\x1b[2J\n", None), ("y" * 500, 22)], "SELECT 3")
    lines = aligned(wide).splitlines()
    assert len(lines) == 6
    assert lines[3].split() == ["a\\x1b[2J\\n"]
    assert lines[4] == "y" * 500 + "  22"
    assert lines[2] == "東京" + " " * 496 + "   1"
