"""`landfall models`, `promote`, `rollback` and `served`, as they are typed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from landfall.cli import models
from landfall.freshness import history
from landfall.models.registry import champion_version, registry, set_champion
from landfall.models.version import Snapshot
from landfall.pipelines.bike_demand import PREDICTIONS
from landfall.publishing import Fingerprint, open_publication, publish
from landfall.spec import Partition, Partitions, Settings

APP = typer.Typer()
models.register(APP)


def type_(*words):
    """What typing `landfall WORDS` gives."""
    return CliRunner().invoke(APP, list(words))


def told(*words):
    """Its answer as JSON."""
    done = type_(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def use(patch, home, url, tracking="unused"):
    patch.setenv("LANDFALL_HOME", str(home))
    patch.setenv("LANDFALL_DATABASE_URL", url)
    patch.setenv("MLFLOW_TRACKING_URI", tracking)


@pytest.fixture
def database(database_url, emptied, registry_url, monkeypatch, tmp_path):
    """A connection to the database that the commands use: no predictions, no history, no version of `bike_demand`."""
    use(monkeypatch, tmp_path, database_url, registry_url)
    yield emptied
    with registry(Settings.read()) as client:
        if client.search_registered_models("name = 'bike_demand'"):
            client.delete_registered_model("bike_demand")


@pytest.fixture
def versions(database):
    """Three versions: of January, of February, and one that its gate refused; none serves."""
    with registry(Settings.read()) as client:
        client.create_registered_model("bike_demand")
        for number, last in enumerate(("2012-01-31", "2012-02-29", "2012-03-31")):
            days = Partitions.between(Partition.parse("2012-01-01"), Partition.parse(last))
            snapshot = Snapshot(
                table="features.bike_actuals",
                version=number,
                first=days.days[0],
                last=days.days[-1],
                days=len(days),
                partitions=days,
            )
            run = client.create_run("0", tags={"landfall.reason": f"{28 + number} new partitions"})
            client.log_metric(run.info.run_id, "holdout_rmse", 50.0 + number)
            tags = {"landfall.snapshot": snapshot.version_tag}
            if number == 2:
                tags |= {"landfall.gate": "refused", "landfall.verdict": "rmse 60, the champion's 40"}
            client.create_model_version("bike_demand", "s3://landfall/mlflow/b/model", run.info.run_id, tags=tags)
    return database


def land(conn, day, predicted, version):
    """One published hour."""
    fingerprint = Fingerprint(objects={}, code_version="c", model_version=version, contract="1")
    opened = open_publication(
        conn, PREDICTIONS, Partition.parse(day), run_id="r", model_version=version, fingerprint=fingerprint
    )
    conn.execute(f"INSERT INTO {opened.staging} VALUES ('Washington', 'D.C.', '{day}T12:00Z', {predicted})")
    conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [opened.id])
    return publish(conn, opened, expected_rows=1)


def seen(conn):
    return [row[0] for row in conn.execute("SELECT predicted FROM predictions.bike_demand ORDER BY time")]


@pytest.mark.stack
def test_before_the_first_training_there_is_nothing_to_list(database):
    assert told("models", "bike_demand") == []
    assert type_("models", "bike_demand").stdout == "no version of `bike_demand` yet    (landfall train bike_demand)\n"


@pytest.mark.stack
def test_the_versions_are_listed_with_why_they_served_or_not(versions):
    told("promote", "bike_demand", "1")
    told("promote", "bike_demand", "2", "--reason", "rmse 40, the champion's 50")
    listed = told("models", "bike_demand")
    assert [(one["version"], one["aliases"], one["trained_until"], one["rmse"]) for one in listed] == [
        ("3", [], "2012-03-31", 52.0),
        ("2", ["champion"], "2012-02-29", 51.0),
        ("1", [], "2012-01-31", 50.0),
    ]
    assert [(one["gate"], one["promotion"], one["promoted_because"]) for one in listed] == [
        ("refused", "", ""),
        ("", "promoted", "rmse 40, the champion's 50"),
        ("", "promoted", "by hand"),
    ]
    shown = [line.rstrip() for line in type_("models", "bike_demand").stdout.splitlines()]
    assert shown[0] == "bike_demand: 3 versions"
    assert shown[2].split(None, 3)[:3] == ["3", "2012-03-31", "52"]
    assert shown[2].endswith("refused: rmse 60, the champion's 40; trained: 30 new partitions")
    assert shown[3].endswith("promoted: rmse 40, the champion's 50; trained: 29 new partitions")
    assert len(told("models", "bike_demand", "--limit", "1")) == 1


@pytest.mark.stack
def test_promoting_says_what_served_before(versions):
    done = type_("promote", "bike_demand", "1")
    assert done.stdout == (
        "version 1 of `bike_demand` serves now; before it: none\nthe partitions ahead are stale now: landfall plan bike_demand\n"
    )
    answer = told("promote", "bike_demand", "2")
    assert (answer["version"], answer["replaced"], answer["kind"], answer["by_run"]) == (
        "2",
        "1",
        "promoted",
        "landfall promote",
    )
    assert type_("promote", "bike_demand", "2").stdout.startswith(
        "version 2 of `bike_demand` serves already, promoted "
    )


@pytest.mark.stack
def test_an_unknown_version_is_told_those_there_are(versions):
    done = type_("promote", "bike_demand", "12")
    assert (done.exit_code, done.stderr) == (
        1,
        "error: There is no version of `bike_demand` `12`. Did you mean `2`?\n  looked: known: 1, 2, 3\n"
        "  next: landfall models bike_demand\n",
    )


@pytest.mark.stack
def test_who_served_at_a_time(versions):
    before = datetime.now(UTC) - timedelta(seconds=1)
    refused = type_("served", "bike_demand")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[1:] == [
        "  looked: landfall.promotions: nothing is there",
        "  next: landfall models bike_demand",
    ]
    told("promote", "bike_demand", "1")
    told("promote", "bike_demand", "2", "--reason", "better")
    second, first = history(versions, "bike_demand")
    answer = told("served", "bike_demand")
    assert (answer["version"], answer["reason"], answer["until"]) == ("2", "better", None)
    between = first.at + (second.at - first.at) / 2
    answer = told("served", "bike_demand", "--at", between.isoformat())
    assert (answer["version"], answer["until"]) == ("1", second.at.isoformat())
    assert type_("served", "bike_demand", "--at", between.isoformat()).stdout == (
        f"version 1 of `bike_demand`, promoted {first.at:%Y-%m-%d %H:%M:%S} UTC: by hand\n"
        f"until {second.at:%Y-%m-%d %H:%M:%S} UTC\n"
    )
    refused = type_("served", "bike_demand", "--at", f"{before:%Y-%m-%dT%H:%M:%S}")
    assert refused.stderr == (
        f"error: No version of `bike_demand` served at {before:%Y-%m-%d %H:%M:%S} UTC.\n"
        f"  looked: landfall.promotions: the first change is of {first.at:%Y-%m-%d %H:%M:%S} UTC\n"
        "  next: landfall models bike_demand\n"
    )


@pytest.mark.stack
def test_what_was_set_in_mlflow_itself_does_not_serve_and_every_command_says_so(versions):
    set_champion(Settings.read(), "bike_demand", "3")
    nothing = (
        "MLflow calls version 3 of `bike_demand` the champion, which Landfall did not promote: it is not used, no version "
        "serves    (to accept it: landfall promote bike_demand 3)\n"
    )
    assert type_("models", "bike_demand").stderr == nothing
    told("promote", "bike_demand", "1")
    set_champion(Settings.read(), "bike_demand", "3")
    listed = type_("models", "bike_demand", "--json")
    assert [each["aliases"] for each in json.loads(listed.stdout)] == [[], [], ["champion"]]
    assert listed.stderr == (
        "MLflow calls version 3 of `bike_demand` the champion, which Landfall did not promote: it is not used, version 1 "
        "serves    (to accept it: landfall promote bike_demand 3; to put the alias back: landfall promote bike_demand 1)\n"
    )
    assert told("served", "bike_demand")["version"] == "1"
    done = type_("promote", "bike_demand", "1")
    assert done.stdout.splitlines()[1] == "MLflow's alias is on it again"
    assert champion_version(Settings.read(), "bike_demand") == "1"
    assert type_("models", "bike_demand").stderr == ""


@pytest.mark.stack
def test_a_version_of_a_model_without_a_pipeline_is_promoted_too(versions):
    with registry(Settings.read()) as client:
        client.create_registered_model("flowers")
        client.create_model_version("flowers", "s3://landfall/mlflow/f/model")
    try:
        assert type_("promote", "flowers", "1").stdout == "version 1 of `flowers` serves now; before it: none\n"
        assert told("models", "flowers")[0]["aliases"] == ["champion"]
    finally:
        with registry(Settings.read()) as client:
            client.delete_registered_model("flowers")
    assert type_("promote", "flower", "1").stderr.startswith("error: There is no pipeline or table model `flower`.")


@pytest.mark.stack
def test_a_model_and_its_rows_are_rolled_back_together(versions):
    told("promote", "bike_demand", "1")
    land(versions, "2012-03-01", 1.0, "1")
    told("promote", "bike_demand", "2")
    land(versions, "2012-03-01", 2.0, "2")
    land(versions, "2012-03-02", 2.0, "2")
    done = type_("rollback", "bike_demand")
    lines = done.stdout.splitlines()
    assert lines[0] == "version 1 of `bike_demand` serves again; version 2 is withdrawn"
    assert lines[1].startswith("`predictions.bike_demand` 2012-03-01: publication 1 is back (1 rows, model 1), ")
    assert lines[2] == (
        "no publication by version 1 is kept for 2012-03-02: readers still see rows of version 2; those ahead are "
        "stale: landfall apply bike_demand"
    )
    assert seen(versions) == [1.0, 2.0]
    answer = told("rollback", "bike_demand", "--to", "2")
    assert (answer["version"], answer["replaced"], answer["withdrawn"], answer["kept"]) == ("2", "1", ["1"], "")
    assert [one["partition"] for one in answer["restored"]] == ["2012-03-01"]
    assert seen(versions) == [2.0, 2.0]


@pytest.mark.stack
def test_one_day_is_rolled_back_and_the_model_stays(versions):
    told("promote", "bike_demand", "2")
    first, second = land(versions, "2012-03-01", 1.0, "1"), land(versions, "2012-03-01", 2.0, "2")
    answer = told("rollback", "bike_demand", "2012-03-01")
    assert (answer["id"], answer["replaced"], answer["partition"]) == (first.id, second.id, "2012-03-01")
    assert seen(versions) == [1.0]
    done = type_("rollback", "bike_demand", "--publication", str(second.id))
    assert done.stdout.startswith(
        f"`predictions.bike_demand` 2012-03-01: publication {second.id} is back (1 rows, model 2), "
        f"publication {first.id} is rolled back; readers waited "
    )
    told("rollback", "bike_demand", "2012-03-01", "--publication", str(first.id))
    assert seen(versions) == [1.0]
    assert told("served", "bike_demand")["version"] == "2"


@pytest.mark.stack
def test_nothing_to_go_back_to_is_exit_code_1(versions):
    assert type_("rollback", "bike_demand").stderr == (
        "error: `bike_demand` was not rolled back: no version served before.\n"
        "  looked: landfall.promotions: 0 changes; no version serves\n"
        "  left: no version serves; readers see what they saw before\n"
        "  next: landfall models bike_demand\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["models"],
        ["models", "bike_demand", "--limit", "0"],
        ["promote", "bike_demand"],
        ["rollback"],
        ["rollback", "bike_demand", "2012-12-25", "--to", "3"],
        ["rollback", "bike_demand", "--to", "3", "--publication", "7"],
        ["rollback", "bike_demand", "2012-12-25", "--publication", "x"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(words):
    assert type_(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["models", "bike_demnd"], "There is no pipeline or table model `bike_demnd`. Did you mean `bike_demand`?"),
        (["served", "iris"], "`iris` is no pipeline but a table model: it has no partitions and no gate."),
        (["rollback", "bike_demand", "Christmas"], "`Christmas` is not a partition."),
        (["rollback", "bike_demand/actuals"], "`bike_demand/actuals` has no model of its own to roll back."),
        (["served", "bike_demand", "--at", "noon"], "`noon` is not a time."),
        (["models", "bike_demand"], "The model registry does not answer."),
        (["served", "bike_demand", "--at", "2012-12-25"], "The predictions database `127.0.0.1:1/p` cannot be used."),
        (["promote", "bike_demand", "1"], "The predictions database `127.0.0.1:1/p` cannot be used."),
        (["rollback", "bike_demand"], "The predictions database `127.0.0.1:1/p` cannot be used."),
    ],
)
def test_an_error_is_exit_code_1_on_stderr_and_in_json(monkeypatch, tmp_path, words, error):
    use(monkeypatch, tmp_path, "postgresql://u:hunter2@127.0.0.1:1/p", "postgresql+psycopg2://u:hunter2@127.0.0.1:1/m")
    done = type_(*words)
    assert (done.exit_code, done.stdout, done.stderr.splitlines()[0]) == (1, "", f"error: {error}")
    done = type_(*words, "--json")
    assert (done.exit_code, json.loads(done.stdout)["error"]) == (1, error)
    assert "hunter2" not in done.output
