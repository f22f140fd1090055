"""What steps tell of their inputs and outputs, by the path that Airflow's OpenLineage provider takes, and where it is written."""

import json
import os
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.manager import ExtractorManager
from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
from airflow.providers.openlineage.plugins.listener import OpenLineageListener
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType, TIRunContext
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.utils.state import TaskInstanceState
from openlineage.client.naming import dataset as naming

from landfall.orchestration import (
    collect_features,
    decide,
    judge,
    land_rows,
    make_features,
    promote,
    publish_errors,
    publish_predictions,
    publish_rows,
    train,
    train_rows,
    wait_for_landing,
)
from landfall.orchestration.lineage.datasets import delta_table, landed_objects, model_version, prediction_table
from landfall.orchestration.lineage_files import DailyFiles, DailyFilesConfig
from landfall.orchestration.steps.step import Step
from landfall.pipelines.bike_demand import ACTUALS, FORECAST, PREDICTIONS, TRAINING
from landfall.spec import Partition, Settings
from landfall.stack.variables import TUNABLE

DAY = Partition.parse("2012-12-25")
ENVIRONMENT = {
    "LANDFALL_DATABASE_URL": "postgresql://landfall:pw@db.example.org:6543/landfall",
    "LANDFALL_S3_BUCKET": "lake",
    "LANDFALL_CODE_VERSION": "c0de",
    "MLFLOW_TRACKING_URI": "sqlite://",
}
S3, POSTGRES = "s3://lake", "postgres://db.example.org:6543"
LANDED = (S3, "bike_sharing/forecast")
FEATURES = (S3, "features/bike_forecast")
TABLE = (POSTGRES, "landfall.predictions.bike_demand")
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The variables of a task: those of the stack, with a home of its own. Gives the folder of the events."""
    wanted = {name: value for name, value in TUNABLE.items() if "OPENLINEAGE" in name}
    for name, value in {**wanted, **ENVIRONMENT, "LANDFALL_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "logs" / "openlineage"


@pytest.fixture
def settings() -> Settings:
    return Settings.read()


def run_of(step: BaseOperator) -> RuntimeTaskInstance:
    """The try of `step` that a worker would hand to the listener, in a run of `DAY`."""
    moment = DAY.start
    run = DagRun(
        dag_id=step.dag_id, run_id="test", logical_date=moment, data_interval_start=moment, data_interval_end=DAY.end,
        run_after=moment, start_date=moment, end_date=None, run_type=DagRunType.MANUAL, state=DagRunState.RUNNING,
        consumed_asset_events=[], partition_key=None,
    )  # fmt: skip
    one = RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(), dag_id=step.dag_id, task_id=step.task_id, run_id="test", try_number=1, map_index=-1,
        task=step, start_date=moment, max_tries=0, dag_version_id=uuid.uuid4(),
        bundle_instance=SimpleNamespace(name="dags", version=None),
    )  # fmt: skip
    one._ti_context_from_server = TIRunContext(dag_run=run, max_tries=0)
    return one


def in_dag(make: Callable[[], BaseOperator]) -> BaseOperator:
    """A step in a DAG, as a DAG file makes it."""
    params = {"day": None, "until": None}
    with DAG("bike_demand_test", schedule=None, doc_md="A test.", params=params, tags=["landfall"]):
        return make()


def told(step: BaseOperator, state: TaskInstanceState) -> Any:
    """What the provider extracts."""
    one = run_of(step)
    run = one.get_template_context()["dag_run"]
    return ExtractorManager().extract_metadata(run, one.task, state, one)


def names(datasets: Sequence[Any]) -> list[tuple[str, str]]:
    return [(each.namespace, each.name) for each in datasets]


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_are_those_of_openlineage_s_own_naming(settings: Settings) -> None:
    table = naming.Postgres("db.example.org", "6543", "landfall", "predictions", "bike_demand")
    folder = naming.S3("lake", "bike_sharing/forecast")
    published, landed = prediction_table(settings, PREDICTIONS), landed_objects(settings, FORECAST.landing)

    assert (published.namespace, published.name) == (table.get_namespace(), table.get_name())
    assert (landed.namespace, landed.name) == (folder.get_namespace(), folder.get_name())
    assert delta_table(settings, "features.bike_forecast").name == "features/bike_forecast"
    assert (model_version("bike_demand", "3").namespace, model_version("bike_demand", "3").name) == (
        "mlflow",
        "models:/bike_demand/3",
    )


def test_a_password_is_never_part_of_a_name(settings: Settings) -> None:
    assert "pw" not in repr(prediction_table(settings, PREDICTIONS))


def test_ranges_of_landed_days_are_ranges_of_folders(settings: Settings) -> None:
    assert landed_objects(settings, ACTUALS.landing, "2011-01-01..2011-09-30,2011-10-02").days == (
        "bike_sharing/actuals/dt=2011-01-01..2011-09-30",
        "bike_sharing/actuals/dt=2011-10-02",
    )


# --- steps ------------------------------------------------------------------------------------------------------------

MADE = {"rows": 23, "quarantined": 1, "refused": [], "inputs": [["a.csv", "e1"], ["b.csv", "e2"]], "reading": 4}
ERRORS = {"rows": 24, "metrics": {"2": {}, "3": {}}, "publication": 8, "model_version": "2,3"}
PUBLISHED = {"publication": 7, "partition": str(DAY), "rows": 24, "model_version": "3", "lock_ms": 2}
JUDGED = {"version": "3", "champion": "2", "why": "better", "report": {"days": "2011-09-17..2011-09-30", "rows": 336}}
SNAPSHOT = {"table": "features.bike_actuals", "version": 5, "partitions": "2011-01-01..2011-09-30", "days": 273}
FILE = {"key": "datasets/iris/0a1b.parquet", "sha256": "0a1b2c", "rows": 150}
ROWS = (S3, "datasets/iris")
STEPS: dict[str, tuple[Callable[[], BaseOperator], Any, list[tuple[str, str]], list[tuple[str, str]]]] = {
    "wait_for_landing": (lambda: wait_for_landing(FORECAST.landing), None, [LANDED], []),
    "make_features": (
        lambda: make_features(FORECAST), MADE, [LANDED], [FEATURES, (S3, "quarantine/bike_forecast")],
    ),
    "publish_predictions": (
        lambda: publish_predictions(FORECAST), PUBLISHED, [FEATURES, ("mlflow", "models:/bike_demand/3")], [TABLE]
    ),
    "publish_errors": (
        lambda: publish_errors(ACTUALS), ERRORS,
        [(S3, "features/bike_actuals"), TABLE], [(POSTGRES, "landfall.predictions.bike_demand_errors")],
    ),
    "publish_rows": (
        lambda: publish_rows(replace(FORECAST, model="")), {**PUBLISHED, "model_version": ""}, [FEATURES], [TABLE]
    ),
    "collect_features": (
        lambda: collect_features(TRAINING), {"landed": "2011-01-01..2011-09-30", "rows": 6000, "refused": []},
        [(S3, "bike_sharing/actuals")], [(S3, "features/bike_actuals")],
    ),
    "train": (
        lambda: train(TRAINING), {"version": "3", "rows": 6000, "metrics": {}, "snapshot": SNAPSHOT},
        [(S3, "features/bike_actuals")], [("mlflow", "models:/bike_demand/3")],
    ),
    "land_rows": (land_rows, {"model": "iris", "file": FILE}, [], [ROWS]),
    "train_rows": (
        train_rows, {"model": "iris", "version": "3", "file": FILE}, [ROWS], [("mlflow", "models:/iris/3")]
    ),
    "decide": (lambda: decide(TRAINING), {"reason": "by hand"}, [(S3, "features/bike_actuals")], []),
    "judge": (
        lambda: judge(TRAINING), JUDGED,
        [(S3, "features/bike_actuals"), ("mlflow", "models:/bike_demand/3"), ("mlflow", "models:/bike_demand/2")], [],
    ),
    "promote": (lambda: promote(TRAINING), {"model_version": "3"}, [], [("mlflow", "models:/bike_demand/3")]),
}  # fmt: skip
"""Step -> how it is made, what it reports, and the inputs and outputs that are told of it."""


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_succeeded_tells_what_it_read_and_wrote(name: str) -> None:
    make, report, inputs, outputs = STEPS[name]
    step: Any = in_dag(make)
    step.reported = report

    found = told(step, TaskInstanceState.SUCCESS)

    assert names(found.inputs) == inputs
    assert names(found.outputs) == outputs
    assert found.run_facets["landfall_provenance"].pipeline == (
        "iris" if name in ("land_rows", "train_rows") else "bike_demand"
    )
    assert found.run_facets["landfall_provenance"].codeVersion == "c0de"


@pytest.mark.parametrize("state", [TaskInstanceState.RUNNING, TaskInstanceState.FAILED, TaskInstanceState.SKIPPED])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_has_not_succeeded_tells_no_output(name: str, state: TaskInstanceState) -> None:
    make, _, inputs, _ = STEPS[name]

    found = told(in_dag(make), state)

    assert set(names(found.inputs)) <= set(inputs)
    assert found.outputs == []


def test_features_tell_the_partition_the_rows_and_the_files() -> None:
    step: Any = in_dag(lambda: make_features(FORECAST))
    step.reported = MADE
    found = told(step, TaskInstanceState.SUCCESS)
    [landed], [features, quarantine] = found.inputs, found.outputs

    assert landed.inputFacets["subset"].inputCondition.locations == ["bike_sharing/forecast/dt=2012-12-25"]
    assert landed.inputFacets["inputStatistics"].fileCount == 2
    [partition] = features.outputFacets["subset"].outputCondition.partitions
    assert partition.dimensions == {"dt": "2012-12-25"}
    assert [each.outputFacets["outputStatistics"].rowCount for each in (features, quarantine)] == [23, 1]
    assert found.run_facets["landfall_provenance"].partition == "2012-12-25"


def test_a_published_table_tells_its_publication_the_model_version_and_its_columns() -> None:
    step: Any = in_dag(lambda: publish_predictions(FORECAST))
    step.reported = PUBLISHED
    found = told(step, TaskInstanceState.SUCCESS)
    [table], facts = found.outputs, found.run_facets["landfall_provenance"]

    assert table.facets["version"].datasetVersion == "7"
    assert table.facets["datasetType"].datasetType == "TABLE"
    assert [(each.name, each.type) for each in table.facets["schema"].fields] == list(PREDICTIONS.columns.items())
    assert (facts.feed, facts.modelVersion, facts.publication) == ("forecast", "3", "7")


def test_the_gate_tells_the_days_that_it_judged_on() -> None:
    step: Any = in_dag(lambda: judge(TRAINING))
    step.reported = JUDGED
    found = told(step, TaskInstanceState.SUCCESS)

    [judged] = found.inputs[0].inputFacets["subset"].inputCondition.partitions
    assert judged.dimensions == {"dt": "2011-09-17..2011-09-30"}
    assert found.run_facets["landfall_provenance"].modelVersion == "3"


def test_a_training_pins_the_version_of_the_features_that_it_learnt_from() -> None:
    step: Any = in_dag(lambda: train(TRAINING))
    step.reported = STEPS["train"][1]
    [features] = told(step, TaskInstanceState.SUCCESS).inputs

    assert features.facets["version"].datasetVersion == "5"
    [learnt] = features.inputFacets["subset"].inputCondition.partitions
    assert learnt.dimensions == {"dt": "2011-01-01..2011-09-30"}


def test_a_table_model_pins_the_content_that_it_learnt_from() -> None:
    step: Any = in_dag(train_rows)
    step.reported = STEPS["train_rows"][1]
    [rows] = told(step, TaskInstanceState.SUCCESS).inputs

    assert rows.facets["version"].datasetVersion == "0a1b2c"
    assert (rows.inputFacets["inputStatistics"].rowCount, rows.inputFacets["inputStatistics"].fileCount) == (150, 1)


# --- events -----------------------------------------------------------------------------------------------------------


def lines(folder: Path) -> list[Json]:
    """Every event in the folder, the oldest first."""
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]


def finish(step: Any, report: Any) -> None:
    """What a worker does with the listener: the task runs, has reported, and has succeeded."""
    listener, one = OpenLineageListener(), run_of(step)
    listener.on_task_instance_running(TaskInstanceState.QUEUED, one)
    step.reported = report
    listener.on_task_instance_success(TaskInstanceState.RUNNING, one)


def test_the_listener_writes_start_and_complete_of_a_task(environment: Path) -> None:
    finish(in_dag(lambda: publish_predictions(FORECAST)), PUBLISHED)
    start, complete = lines(environment)

    assert [start["eventType"], complete["eventType"]] == ["START", "COMPLETE"]
    assert {(each["job"]["namespace"], each["job"]["name"]) for each in (start, complete)} == {
        ("landfall", "bike_demand_test.publish")
    }
    assert start["run"]["runId"] == complete["run"]["runId"]
    parent = complete["run"]["facets"]["parent"]
    assert parent["job"]["name"] == "bike_demand_test"
    assert parent["run"]["runId"] == OpenLineageAdapter.build_dag_run_id("bike_demand_test", DAY.start, 0)
    assert [each["name"] for each in start["inputs"]] == ["features/bike_forecast"]
    assert start["outputs"] == []
    assert [each["name"] for each in complete["inputs"]] == ["features/bike_forecast", "models:/bike_demand/3"]
    facts = complete["run"]["facets"]["landfall_provenance"]
    assert {name: value for name, value in facts.items() if not name.startswith("_")} == {
        "pipeline": "bike_demand",
        "feed": "forecast",
        "partition": "2012-12-25",
        "modelVersion": "3",
        "publication": "7",
        "codeVersion": "c0de",
    }
    assert facts["_schemaURL"].startswith("https://")


def facets(told: Any) -> list[Json]:
    """Every facet in an event: the values of each object whose name ends in `facets`, whatever it is of."""
    if isinstance(told, list):
        return [found for each in told for found in facets(each)]
    if not isinstance(told, dict):
        return []
    here = [facet for name, value in told.items() if name.lower().endswith("facets") for facet in value.values()]
    return here + [found for value in told.values() for found in facets(value)]


def test_every_facet_names_its_producer_and_its_schema(environment: Path) -> None:
    finish(in_dag(lambda: publish_predictions(FORECAST)), PUBLISHED)
    found = [facet for each in lines(environment) for facet in facets(each)]

    assert len(found) > 20
    assert [each for each in found if not each["_producer"] or "#/$defs/" not in each["_schemaURL"]] == []


def test_an_event_is_a_few_kilobytes(environment: Path) -> None:
    finish(in_dag(lambda: make_features(FORECAST)), MADE)

    [file] = environment.glob("*.jsonl")
    assert max(map(len, file.read_text().splitlines())) < 8_000


class Broken(Step):
    """A step whose lineage cannot be told."""

    def lineage(self, *told: Any) -> Any:
        raise RuntimeError("no lineage")


def test_lineage_that_cannot_be_told_leaves_the_event_without_it(environment: Path) -> None:
    finish(in_dag(lambda: Broken(task_id="broken")), {"rows": 1})

    assert [(each["eventType"], each["inputs"], each["outputs"]) for each in lines(environment)] == [
        ("START", [], []),
        ("COMPLETE", [], []),
    ]


def test_a_missing_setting_leaves_the_event_without_lineage(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDFALL_DATABASE_URL")
    finish(in_dag(lambda: make_features(FORECAST)), MADE)

    assert [each["inputs"] for each in lines(environment)] == [[], []]


def test_a_folder_that_cannot_be_written_fails_no_task(environment: Path) -> None:
    environment.parent.write_text("a file where the folder should be")

    finish(in_dag(lambda: make_features(FORECAST)), MADE)


def test_a_transport_that_hangs_costs_no_more_than_the_timeout(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT", "1")
    monkeypatch.setattr(DailyFiles, "append", lambda *line: time.sleep(3))
    began = time.monotonic()

    finish(in_dag(lambda: make_features(FORECAST)), MADE)

    assert time.monotonic() - began < 4


# --- settings ---------------------------------------------------------------------------------------------------------


def test_a_transport_of_one_s_own_wins(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(OpenLineageAdapter().get_or_create_openlineage_client().transport, DailyFiles)

    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    assert OpenLineageAdapter().get_or_create_openlineage_client().transport.kind == "console"


def test_a_folder_and_days_of_one_s_own_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    default = json.loads(TUNABLE["AIRFLOW__OPENLINEAGE__TRANSPORT"])
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps({**default, "folder": str(tmp_path), "days": 3}))
    transport: Any = OpenLineageAdapter().get_or_create_openlineage_client().transport

    assert (transport.folder, transport.days) == (tmp_path, 3)


def test_parsing_a_dag_file_loads_nothing_of_openlineage() -> None:
    code = "import sys, landfall.orchestration; print([n for n in sys.modules if n.startswith('openlineage.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip().splitlines()[-1] == "[]"


# --- files ------------------------------------------------------------------------------------------------------------

NOON = datetime(2012, 12, 25, 12, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> DailyFiles:
    return DailyFiles(DailyFilesConfig.from_dict({"folder": str(tmp_path / "events"), "days": "30"}))


def write_many(folder: Path, writer: int) -> None:
    """What one process of many does: events of 30 bytes to 200 KB."""
    transport = DailyFiles(DailyFilesConfig(folder=str(folder)))
    for number in range(100):
        text = "x" * (200_000 if number % 10 == 0 else number)
        transport.append(json.dumps({"writer": writer, "number": number, "text": text}), NOON)


def test_lines_of_many_processes_never_mix(tmp_path: Path) -> None:
    with ProcessPoolExecutor(8) as pool:
        list(pool.map(write_many, [tmp_path] * 8, range(8)))

    found = [json.loads(line) for line in (tmp_path / "2012-12-25.jsonl").read_text().split("\n")[:-1]]
    assert sorted((each["writer"], each["number"]) for each in found) == [(w, n) for w in range(8) for n in range(100)]
    assert [each["number"] for each in found if each["writer"] == 3] == list(range(100))


def test_each_day_has_a_file_that_is_closed_to_others(files: DailyFiles) -> None:
    files.append("{}", NOON)
    files.append("{}", NOON + timedelta(hours=13))

    assert sorted(each.name for each in files.folder.iterdir()) == ["2012-12-25.jsonl", "2012-12-26.jsonl"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files.folder.iterdir()} == {0o600}
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


def test_a_new_day_ends_the_files_that_are_too_old_and_nothing_else(files: DailyFiles) -> None:
    files.folder.mkdir()
    for name in ("2012-11-24.jsonl", "2012-11-25.jsonl", "2012-11-24.jsonl.gz", "notes.jsonl"):
        (files.folder / name).touch()
    files.append("{}", NOON)

    assert sorted(each.name for each in files.folder.iterdir()) == [
        "2012-11-24.jsonl.gz", "2012-11-25.jsonl", "2012-12-25.jsonl", "notes.jsonl",
    ]  # fmt: skip


def test_files_are_kept_for_ever_where_no_days_are_set(tmp_path: Path) -> None:
    (tmp_path / "2001-01-01.jsonl").touch()
    DailyFiles(DailyFilesConfig(folder=str(tmp_path), days=0)).append("{}", NOON)

    assert (tmp_path / "2001-01-01.jsonl").exists()


def test_a_line_that_was_cut_off_stays_alone(files: DailyFiles) -> None:
    files.append('{"event": 1}', NOON)
    with (files.folder / "2012-12-25.jsonl").open("a") as file:
        file.write('{"event": 2, "cut')
    files.append('{"event": 3}', NOON)

    text = (files.folder / "2012-12-25.jsonl").read_text()
    assert text == '{"event": 1}\n{"event": 2, "cut\n{"event": 3}\n'


def test_a_full_disk_is_an_error_that_says_so(files: DailyFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda opened, text: 3)
    with pytest.raises(OSError, match="2012-12-25") as caught:
        files.append("{}x", NOON)
    file = files.folder / "2012-12-25.jsonl"
    assert str(caught.value) == f"{file}: 3 of 4 bytes of an event could be written; is the disk full?"


def test_a_file_that_is_moved_away_is_begun_again(files: DailyFiles) -> None:
    files.append('{"event": 1}', NOON)
    (files.folder / "2012-12-25.jsonl").rename(files.folder / "moved")
    files.append('{"event": 2}', NOON)

    assert (files.folder / "moved").read_text() == '{"event": 1}\n'
    assert (files.folder / "2012-12-25.jsonl").read_text() == '{"event": 2}\n'
