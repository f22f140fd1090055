"""The steps of `train_model` as a worker runs them: what becomes of rows that no model can be made of."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from airflow.sdk.exceptions import AirflowFailException

from landfall import pipelines
from landfall.models.registry import registry, versions
from landfall.orchestration import land_rows, table_model_dag, train_rows
from landfall.pipelines.iris import IRIS
from landfall.spec import TableModel


def unlabelled() -> pa.Table:
    """Iris, and one flower that nobody knows the species of."""
    table = IRIS.rows()
    species = pa.array([None, *table.column("species").to_pylist()[1:]])
    return table.set_column(table.column_names.index("species"), "species", species)


@pytest.fixture
def model(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[TableModel]:
    """A table model that cannot be trained."""
    for name, value in stack.env.items():
        if name.startswith(("AWS_", "MLFLOW_", "LANDFALL_")):
            monkeypatch.setenv(name, value)
    one = replace(IRIS, name=f"test_{uuid.uuid4().hex[:8]}", rows=unlabelled)
    monkeypatch.setitem(pipelines.TABLE_MODELS.named, one.name, one)
    yield one
    with registry(stack.settings) as client:
        client.delete_experiment(client.get_experiment_by_name(one.name).experiment_id)


def test_rows_without_a_label_fail_the_run_at_once_and_leave_no_version(stack: Any, model: TableModel) -> None:
    reports = dict[str, Any]()
    context: Any = {
        "params": {"model": model.name},
        "run_id": "manual__1",
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: reports[task_ids]),
    }
    with table_model_dag("train_model", doc_md=""):
        landed, trained = land_rows(), train_rows()
    reports["land_rows"] = landed.execute(context)
    trained.render_template_fields(context)

    with pytest.raises(AirflowFailException) as failed:
        trained.execute(context)

    assert str(failed.value) == (
        "The label `species` has no value in 1 of 150 rows.\n"
        f"  looked: {stack.settings.lake}/{reports['land_rows']['file']['key']}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: mend `rows` of the table model"
    )
    assert versions(stack.settings, model.name) == []
    with registry(stack.settings) as client:
        [run] = client.search_runs([client.get_experiment_by_name(model.name).experiment_id])
    assert (run.info.status, run.data.tags["landfall.run_id"]) == ("FAILED", "manual__1")
