"""`landfall train` and `landfall models` of a table model, in the real Airflow."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Protocol

import pytest
from typer.testing import CliRunner, Result

from landfall.cli.app import build
from landfall.models.registry import champion_version, version
from landfall.objects.client import connect
from landfall.pipelines.iris import HAGGLING, IRIS, SPECIES
from landfall.spec import Settings

Landfall = Callable[..., "CompletedProcess[str]"]


class Stack(Protocol):
    """The suite's stack, as far as these tests ask it."""

    @property
    def home(self) -> Path: ...
    @property
    def settings(self) -> Settings: ...


@pytest.fixture(autouse=True)
def _on_the_stack(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that start no run are typed in this process."""
    monkeypatch.setenv("LANDFALL_HOME", str(stack.home))


@pytest.fixture(scope="module")
def iris(landfall: Landfall) -> dict[str, Any]:
    """What training iris answered."""
    done = landfall("train", "iris", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def run(*words: str) -> Result:
    return CliRunner().invoke(build(), list(words))


def test_iris_is_trained_and_the_answer_says_how_good_it_is_and_what_is_next(iris: dict[str, Any]) -> None:
    assert iris["model"] == "iris"
    assert (iris["rows"], iris["classes"]) == (150, list(SPECIES))
    assert set(iris["metrics"]) == {"holdout_accuracy", "holdout_f1"}
    assert iris["metrics"]["holdout_accuracy"] > 0.85
    assert iris["next"] == "landfall deploy iris --table iris_live --primary-key id --create-table"


def test_the_version_says_what_it_has_learnt_from_and_serves_nowhere(stack: Stack, iris: dict[str, Any]) -> None:
    made = version(stack.settings, "iris", iris["version"])
    s3: Any = connect(stack.settings.s3)
    assert made.rows is not None
    assert {"key": made.rows.key, "sha256": made.rows.sha256, "rows": 150} == iris["file"]
    assert s3.head_object(Bucket=stack.settings.s3.bucket, Key=made.rows.key)["ContentLength"] > 0
    assert (made.snapshot, made.judged, made.classes) == (None, "", SPECIES)
    assert made.learner == IRIS.learner.to_json()
    assert made.tags["landfall.reason"] == "trained by hand"
    assert champion_version(stack.settings, "iris") != made.version


def test_the_versions_are_listed_newest_first(iris: dict[str, Any]) -> None:
    newest = json.loads(run("models", "iris", "--json").stdout)[0]
    assert newest == {
        "version": iris["version"],
        "aliases": ["challenger"],
        "rows": 150,
        "metrics": iris["metrics"],
        "classes": list(SPECIES),
        "library": "spark",
        "registered_at": newest["registered_at"],
        "reason": "trained by hand",
        "file": iris["file"]["key"],
        "sha256": iris["file"]["sha256"],
    }
    shown = run("models", "iris", "--limit", "1").stdout.splitlines()
    assert shown[0] == "iris: 1 version"
    assert shown[1].split() == ["version", "alias", "rows", "held", "out", "registered", "at", "learnt", "from"]
    assert shown[2].split()[:3] == [iris["version"], "challenger", "150"]


def test_a_price_is_learnt_from_a_species_as_text(landfall: Landfall) -> None:
    done = landfall("train", "species_price")
    assert done.returncode == 0, done.stdout + done.stderr
    learnt, following = done.stdout.splitlines()
    assert "of `species_price`: learnt from 150 rows; on 30 that were held out: mae " in learnt
    assert following == "next: landfall deploy species_price --table species_price_live --primary-key id --create-table"
    newest = json.loads(run("models", "species_price", "--json").stdout)[0]
    assert learnt.startswith(f"model version {newest['version']} of ")
    assert newest["classes"] == []
    assert newest["metrics"]["holdout_rmse"] < 2 * HAGGLING
    assert newest["metrics"]["holdout_r2"] > 0.98


def test_a_table_has_no_last_day_to_learn_from() -> None:
    done = run("train", "iris", "--until", "2012-12-25")
    assert (done.exit_code, done.stderr) == (
        1,
        "error: `iris` learns from a table of rows: there is no last day.\n"
        "  looked: --until 2012-12-25\n"
        "  left: nothing was started\n"
        "  next: landfall train iris\n",
    )


@pytest.mark.parametrize("command", ["train", "models"])
@pytest.mark.parametrize(("name", "near"), [("bike_demnd", "bike_demand"), ("irs", "iris")])
def test_an_unknown_model_is_refused_with_the_nearest_of_both_kinds(command: str, name: str, near: str) -> None:
    done = run(command, name)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: There is no pipeline or table model `{name}`. Did you mean `{near}`?\n"
        "  looked: known: bike_demand, bike_hourly, bike_weather, iris, species_price, libsvm\n"
    )
