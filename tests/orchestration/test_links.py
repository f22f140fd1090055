"""From a task's page to what it made: the version in MLflow, where there is such a page and a version."""

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import DAG

from landfall.orchestration import judge, make_features, promote, publish_predictions, train, train_rows
from landfall.orchestration.pages.links import ModelVersionLink
from landfall.pipelines.bike_demand import FORECAST, TRAINING

PAGE = "http://127.0.0.1:15000"
VERSION = f"{PAGE}/#/models/bike_demand/versions/7"
LINKED: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "publish": (lambda: publish_predictions(FORECAST), {"model_version": "7", "publication": 3, "rows": 24}),
    "train": (lambda: train(TRAINING), {"version": "7", "rows": 600, "snapshot": {}}),
    "judge": (lambda: judge(TRAINING), {"version": "7", "champion": "6", "report": {}}),
    "promote": (lambda: promote(TRAINING), {"model_version": "7", "replaced": "6"}),
}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that nobody asks."""
    for name in ("LANDFALL_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "postgresql://localhost/unused")
    monkeypatch.setenv("LANDFALL_MLFLOW_URL", f"{PAGE}/")


def links(make: Callable[[], Any], report: dict[str, Any] | None) -> dict[str, str]:
    """Name -> address, as the task's own process makes them when it has ended."""
    with DAG("linked", schedule=None):
        step = make()
    step.reported = report
    found = {each.name: each.get_link(step, ti_key=None) for each in step.operator_extra_links}
    return {name: link for name, link in found.items() if name not in ("Explain this partition", "Publication")}


@pytest.mark.parametrize("task", LINKED)
def test_a_step_that_has_to_do_with_a_version_leads_to_its_page(task: str) -> None:
    make, report = LINKED[task]

    assert links(make, report) == {"Model version in MLflow": VERSION}


def test_the_version_of_a_table_model_too_whatever_it_is_called() -> None:
    file = {"key": "datasets/a b/x.parquet", "sha256": "0" * 64, "rows": 150}
    report = {"model": "a b", "version": "1", "rows": 150, "file": file}

    assert links(train_rows, report) == {"Model version in MLflow": f"{PAGE}/#/models/a%20b/versions/1"}


@pytest.mark.parametrize("report", [None, {}, {"rows": 0}])
def test_a_task_that_was_skipped_or_failed_leads_nowhere(report: dict[str, Any] | None) -> None:
    assert links(LINKED["publish"][0], report) == {"Model version in MLflow": ""}


def test_nothing_leads_to_a_page_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDFALL_MLFLOW_URL")

    assert links(*LINKED["publish"]) == {"Model version in MLflow": ""}


def test_a_step_without_a_version_has_no_such_link() -> None:
    assert links(lambda: make_features(FORECAST), {"rows": 24}) == {}
    assert ModelVersionLink().xcom_key == "_link_ModelVersionLink"
