"""Policies over every DAG file: one short story a file that imports little, asks nobody and can be left alone."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from landfall.pipelines import PIPELINES, TABLE_MODELS
from landfall.spec import Feed

ROOT = Path(__file__).resolve().parents[2]
READER = Path(__file__).with_name("read_dags.py")
FILES = sorted((ROOT / "dags").glob("*.py"))
NAMES = [path.stem for path in FILES]
SHORTEST, LONGEST = 15, 40
DAY = 24 * 3600

PARTITION = ["wait_for_landing", "make_features", "publish"]
TRAINING = ["decide", "collect_features", "train", "judge", "approve", "promote", "find_stale", "start_runs"]
FEEDS = [feed for pipeline in PIPELINES.values() for feed in pipeline.feeds]
TRAININGS = [pipeline.training for pipeline in PIPELINES.values() if pipeline.training]
CHAINS = {
    **{feed.dag_id: PARTITION for feed in FEEDS},
    **{training.dag_id: TRAINING for training in TRAININGS},
    "deploy_model": ["deploy", "rescore"],
    "landing_audit": ["audit_landings", "start_runs", "send_alerts"],
    "libsvm_stream": ["run_stream"],
    "train_model": ["land_rows", "train_rows"],
}
TRAINED = {True: "AssetOrTimeSchedule", False: "AssetTriggeredTimetable"}
TIMETABLES: dict[str, tuple[str, int | None]] = {
    **{feed.dag_id: ("PartitionTimetable", feed.ahead) for feed in FEEDS},
    **{training.dag_id: (TRAINED[bool(training.freshness.retraining.schedule)], None) for training in TRAININGS},
    "deploy_model": ("NullTimetable", None),
    "landing_audit": ("AssetOrTimeSchedule", None),
    "libsvm_stream": ("ContinuousTimetable", None),
    "train_model": ("NullTimetable", None),
}
"""Of pipelines both follow from their declarations, so a new pipeline needs no line here."""
CAUGHT = {
    "reaches_out": "import socket\nsocket.create_connection(('127.0.0.1', 9))\n",
    "asks_a_name": "import socket\ntry:\n    socket.getaddrinfo('localhost', 80)\nexcept Exception:\n    pass\n",
    "loads_pandas": "import pandas\n",
}
"""DAG files that break a policy, to see that they are found."""


def read_dags(home: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """What `read_dags.py ARGUMENTS` tells, in an Airflow of its own below `home`."""
    ours = ("AIRFLOW", "LANDFALL_", "AWS_", "MLFLOW_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, str(READER), *arguments], capture_output=True, text=True, check=False, env=env, cwd=home
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every DAG file, and then the broken ones, imported one after the other in one process."""
    home = tmp_path_factory.mktemp("files")
    for name, text in CAUGHT.items():
        (home / f"{name}.py").write_text(text)
    return read_dags(home, *map(str, FILES), *(str(home / f"{name}.py") for name in CAUGHT))


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAG folder, as Airflow reads it."""
    return read_dags(tmp_path_factory.mktemp("bag"), "--bag", str(ROOT / "dags"))


SQL = re.compile(r"(?is)\b(select\s.+\sfrom|insert\s+into|update\s.+\sset|delete\s+from|create\s+table)\b")
DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
LOOP = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def broken_rules(text: str) -> list[str]:
    """What in a DAG file's text is not a story: definitions, loops, SQL, what is read while parsing."""
    tree = ast.parse(text)
    story = ast.get_docstring(tree, clean=False)
    return [f"line {getattr(node, 'lineno', 0)}: {rule}" for node in ast.walk(tree) if (rule := broken_by(node, story))]


def broken_by(node: ast.AST, story: str | None) -> str:
    """The rule that one node breaks; empty when none."""
    if isinstance(node, DEFINITION):
        return "a definition; it belongs in landfall.orchestration"
    if isinstance(node, LOOP):
        return "a loop; name the steps one by one"
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value != story
        and SQL.search(node.value)
    ):
        return "SQL; it belongs in a job or in landfall.publishing"
    name = next((getattr(node, field) for field in ("id", "attr", "name") if hasattr(node, field)), "")
    return "a Variable; every parse of the file would read it" if name == "Variable" else ""


def test_there_are_dags_and_each_has_an_expected_chain() -> None:
    assert sorted(CHAINS) == sorted(TIMETABLES) == NAMES


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_dag_file_is_a_story_of_one_screen(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert SHORTEST <= len(text.splitlines()) <= LONGEST
    assert broken_rules(text) == []


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_dag_file_is_docstring_imports_one_with_and_one_chain(path: Path) -> None:
    docstring, *imports, frame = ast.parse(path.read_text(encoding="utf-8")).body

    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(one, ast.ImportFrom) for one in imports)
    assert {str(one.module) for one in imports if isinstance(one, ast.ImportFrom)} <= {
        "airflow.sdk", "landfall.orchestration", *(f"landfall.pipelines.{name}" for name in (*PIPELINES, *TABLE_MODELS)),
    }  # fmt: skip
    assert isinstance(frame, ast.With)
    *steps, chain = frame.body
    assert all(isinstance(step, ast.Assign) and isinstance(step.value, ast.Call) for step in steps)
    assert ast.unparse(chain).startswith("chain(")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("def f(): pass", "a definition"),
        ("f = lambda: 1", "a definition"),
        ("class Step: pass", "a definition"),
        ("for day in days: pass", "a loop"),
        ("while True: pass", "a loop"),
        ("steps = [step(n) for n in names]", "a loop"),
        ("chain(*(step(n) for n in names))", "a loop"),
        ('step("SELECT 1 FROM hours")', "SQL"),
        ('step("delete from hours")', "SQL"),
        ('from airflow.sdk import Variable\nx = Variable.get("x")', "a Variable"),
        ('import airflow.sdk\nx = airflow.sdk.Variable.get("x")', "a Variable"),
    ],
)
def test_the_rules_find_what_they_are_for(text: str, rule: str) -> None:
    assert rule in " ".join(broken_rules(text))


def test_the_story_itself_may_speak_of_sql() -> None:
    assert broken_rules('"""Readers `SELECT rows FROM the table` later."""') == []


@pytest.mark.parametrize("name", NAMES)
def test_a_dag_file_imports_without_network_and_without_heavy_libraries(name: str, read: dict[str, Any]) -> None:
    assert read["before"] == []
    assert read["files"][name]["error"] is None
    assert read["files"][name]["heavy"] == []


def test_a_file_that_reaches_out_or_loads_a_heavy_library_is_found(read: dict[str, Any]) -> None:
    files = read["files"]

    assert files["reaches_out"]["error"].startswith("NetworkIsClosed: socket.")
    assert files["asks_a_name"]["error"].startswith("NetworkIsClosed: socket.getaddrinfo")
    assert files["loads_pandas"]["heavy"] == ["pandas"]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_dag_shows_its_file_s_docstring_and_is_called_as_its_file(path: Path, read: dict[str, Any]) -> None:
    [dag] = read["files"][path.stem]["dags"]
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert dag["dag_id"] == path.stem
    assert docstring
    assert docstring.startswith("# ")
    assert "Safe to rerun" in docstring
    assert dag["doc_md"].strip() == docstring.strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_dag_can_be_found_has_an_owner_and_ends(name: str, read: dict[str, Any]) -> None:
    [dag] = read["files"][name]["dags"]

    assert "landfall" in dag["tags"]
    assert len(dag["tags"]) > 1
    assert dag["timeout"] is not None
    assert 0 < dag["timeout"] <= 14 * DAY
    assert dag["catchup"] is False
    assert [task["task_id"] for task in dag["tasks"] if task["retries"] < 1 or task["owner"] in ("", "airflow")] == []


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_list_of_dags_says_what_each_is_for(path: Path, read: dict[str, Any]) -> None:
    heading = path.read_text(encoding="utf-8").partition("# ")[2].partition("\n")[0]

    assert [dag["description"] for dag in read["files"][path.stem]["dags"]] == [heading]
    assert len(heading) > 15


def test_the_asset_graph_leads_from_what_lands_to_what_is_published(read: dict[str, Any]) -> None:
    """Airflow's asset graph goes from an asset to the tasks that read it, and from a task to the assets that it tells."""
    tasks = [task for file in read["files"].values() for dag in file["dags"] for task in dag["tasks"]]
    edges = {(one, other) for task in tasks for one in task["reads"] for other in task["tells"]}

    assert edges >= {
        ("landings.bike_forecast", "features.bike_forecast"),
        ("features.bike_forecast", "predictions.bike_demand"),
        ("models.bike_demand", "predictions.bike_demand"),
        ("predictions.bike_demand", "predictions.bike_demand_errors"),
        ("features.bike_actuals", "models.bike_demand"),
        ("features.bike_weather", "published.bike_weather"),
    }
    assert edges == {edge for feed in FEEDS for edge in edges_of(feed)} | {
        (training.feed.features_table, f"models.{training.model}") for training in TRAININGS
    }


def edges_of(feed: Feed) -> set[tuple[str, str]]:
    """The edges of one feed: from what lands and what it joins to its features, and from there to what it publishes."""
    features, read = feed.features_table, [joined.table.name for joined in feed.joined.values()]
    told = [features, *([f"models.{feed.model}"] if feed.model else [])]
    told += [feed.held_against.name] if feed.held_against else []
    made = {(one, features) for one in (f"landings.{feed.dag_id}", *read)}
    return made | {(one, feed.table.name) for one in told}


@pytest.mark.parametrize("name", NAMES)
def test_the_tasks_of_a_dag_are_one_chain(name: str, read: dict[str, Any]) -> None:
    [dag] = read["files"][name]["dags"]
    chain = CHAINS[name]

    assert [task["task_id"] for task in dag["tasks"]] == chain
    assert [task["next"] for task in dag["tasks"]] == [*([each] for each in chain[1:]), []]


@pytest.mark.parametrize("name", NAMES)
def test_a_sensor_holds_no_worker_and_gives_up_before_its_run_does(name: str, read: dict[str, Any]) -> None:
    [dag] = read["files"][name]["dags"]
    sensors = {task["task_id"]: task for task in dag["tasks"] if task["sensor"]}

    assert list(sensors) == [task for task in CHAINS[name] if task.startswith("wait_for_")]
    for sensor in sensors.values():
        assert sensor["deferrable"] is True
        assert 0 < sensor["timeout"] < dag["timeout"]


LIMITS = {
    "approve": 5, "audit_landings": 20, "collect_features": 125, "decide": 35, "deploy": 30, "judge": 35, "land_rows": 5,
    "make_features": 20, "publish": 20, "rescore": 120,
    "run_stream": 7 * 24 * 60 + 60, "send_alerts": 5, "start_runs": 5, "train": 125, "train_rows": 125,
}  # fmt: skip
"""Minutes that a task may take: those of its job, as declared, and five to ask servers. What is not here has five."""


@pytest.mark.parametrize("name", NAMES)
def test_every_task_has_a_limit_and_all_of_them_fit_into_the_run(name: str, read: dict[str, Any]) -> None:
    [dag] = read["files"][name]["dags"]
    tasks = [task for task in dag["tasks"] if not task["sensor"]]

    assert {task["task_id"]: task["limit"] / 60 for task in tasks} == {
        task["task_id"]: LIMITS.get(task["task_id"], 5) for task in tasks
    }
    assert sum(task["limit"] for task in tasks) < dag["timeout"]


def test_the_pauses_between_tries_are_a_setting(tmp_path: Path, read: dict[str, Any]) -> None:
    def pauses(told: dict[str, Any]) -> list[float]:
        [dag] = told["files"]["bike_forecast"]["dags"]
        [found] = {tuple(task["pauses"]) for task in dag["tasks"]}
        return list(found)

    assert pauses(read) == [10, 120]
    [path] = [path for path in FILES if path.stem == "bike_forecast"]
    assert pauses(read_dags(tmp_path, str(path), LANDFALL_RETRY_SECONDS="0.5")) == [0.5, 6]


def test_airflow_reads_the_folder_without_an_import_error(bag: dict[str, Any]) -> None:
    assert bag["import_errors"] == {}
    assert sorted(bag["dags"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_dag_is_the_same_after_airflow_serialized_it(name: str, bag: dict[str, Any], read: dict[str, Any]) -> None:
    [written], again = read["files"][name]["dags"], bag["dags"][name]

    assert again["tasks"] == [[task["task_id"], task["owner"], task["retries"]] for task in written["tasks"]]
    assert again["next"] == [task["next"] for task in written["tasks"]]
    assert (again["timetable"], again["ahead"]) == TIMETABLES[name]
    for kept in ("doc_md", "timeout", "tags", "params"):
        assert again[kept] == written[kept]


def test_the_schedule_that_the_ui_shows_says_when_a_run_starts(bag: dict[str, Any]) -> None:
    shown = {name: dag["summary"] for name, dag in bag["dags"].items() if dag["ahead"] is not None}

    assert set(shown) == {feed.dag_id for feed in FEEDS}
    assert (
        shown.items()
        >= {
            "bike_actuals": "daily, when it is over",
            "bike_forecast": "daily, a day ahead",
            "bike_hourly_forecast": "hourly, 24 hours ahead",
            "bike_hourly_snapshots": "hourly, when it is over",
            "bike_weather": "daily (America/New_York), when it is over",
        }.items()
    )
