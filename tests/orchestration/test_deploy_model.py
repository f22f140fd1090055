"""The DAG `deploy_model`: what its form becomes, run by Airflow, and what each step tells of what it read and wrote."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pandas as pd
import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from psycopg import sql
from sklearn.tree import DecisionTreeClassifier

from landfall.deployments import TableName, deployed, deployments, history, undeploy
from landfall.errors import LandfallError, RunError
from landfall.models.log_model import log_model
from landfall.models.registry import ModelVersion, registry
from landfall.orchestration import deploy, deployment_dag, rescore
from landfall.runs import AirflowApi
from landfall.spec import S3, Settings

DAG_ID = "deploy_model"
REPORT = {"table": "public.iris_live", "model": "iris", "model_version": "3"}


@dataclass(frozen=True)
class Desk:
    """Airflow, a registered model, and a table that no other test has."""

    api: AirflowApi
    conn: "psycopg.Connection[Any]"
    model: ModelVersion
    table: str

    def start(self, **form: Any) -> str:
        """A run with the form filled in; its id."""
        return self.api.trigger(DAG_ID, conf={"model": self.model.name, "table": self.table, **form})

    def run(self, **form: Any) -> str:
        """The same, waited for."""
        run_id = self.start(**form)
        self.api.wait(DAG_ID, run_id, lambda _: None, patience=600)
        return run_id

    def again(self, run_id: str) -> None:
        """The same run once more, as `Clear` in the UI does it."""
        path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/clear"
        self.api.http.post(path, json={"dry_run": False, "only_failed": False}).raise_for_status()
        self.api.wait(DAG_ID, run_id, lambda _: None, patience=600)

    def states(self, run_id: str) -> dict[str, tuple[str, int]]:
        """Task -> its state, and how many times it was tried."""
        return {each["task_id"]: (each["state"], each["try_number"]) for each in self.api.tasks(DAG_ID, run_id)}

    def log(self, run_id: str, task_id: str) -> str:
        """What a task's first try has logged."""
        path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1"
        answer = self.api.http.get(path, headers={"Accept": "application/json"}).json()
        return "\n".join(each["event"] for each in answer["content"])

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        return list(self.conn.execute(f"SELECT {columns} FROM {self.table} ORDER BY id".encode()))


@pytest.fixture(scope="module")
def model(stack: Any) -> Iterator[ModelVersion]:
    """A tree that tells `small` from `large`."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0]})
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in stack.env.items():
            if variable.startswith(("AWS_", "MLFLOW_")):
                patch.setenv(variable, value)
        tree = DecisionTreeClassifier(max_depth=1).fit(rows, [0, 0, 1, 1])
        yield log_model(stack.settings, name, tree, rows, classes=["small", "large"])
    with registry(stack.settings) as client:
        client.delete_registered_model(name)


@pytest.fixture
def desk(stack: Any, model: ModelVersion) -> Iterator[Desk]:
    table = f"t_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(stack.settings.database_url, autocommit=True) as conn:
        yield Desk(AirflowApi(stack.settings), conn, model, table)
        if table in {each.table.table for each in deployments(conn)}:
            undeploy(conn, TableName("public", table))
        conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("public", table)))


# --- run by Airflow ---------------------------------------------------------------------------------------------------


def test_a_run_makes_the_table_and_running_it_again_changes_nothing(desk: Desk) -> None:
    form = {"create_table": True, "primary_key": "id:uuid, day:date", "classes": "no, yes", "unscorable": "error"}
    run_id = desk.run(**form)

    assert desk.states(run_id) == {"deploy": ("success", 1), "rescore": ("skipped", 1)}
    found = deployed(desk.conn, TableName("public", desk.table))
    assert (found.model, found.version, found.unscorable) == (desk.model.name, "1", "error")
    assert desk.api.xcom(DAG_ID, run_id, "deploy") == {
        "table": f"public.{desk.table}",
        "model": desk.model.name,
        "model_version": "1",
        "run_id": desk.model.run_id,
        "for_a_row": "CASE and IF",
        "in_bulk": "one SELECT",
    }
    row = "VALUES (gen_random_uuid(), '2012-12-25', 4) RETURNING prediction, probability_yes"
    assert list(desk.conn.execute(f"INSERT INTO {desk.table} (id, day, size) {row}".encode())) == [("yes", 1.0)]
    log = desk.log(run_id, "deploy")
    assert f'CREATE TABLE "public"."{desk.table}" (\n    "id" uuid,\n    "day" date,\n' in log
    assert "CREATE OR REPLACE TRIGGER zz_landfall_scores_1 BEFORE INSERT" in log

    desk.again(run_id)

    again = deployed(desk.conn, TableName("public", desk.table))
    assert (again.id, again.oid, again.filled, again.watched) == (found.id, found.oid, found.filled, found.watched)
    assert desk.rows("prediction, model_version") == [("yes", "1")]
    assert {each.version for each in history(desk.conn, again)} == {"1"}


def test_a_run_scores_the_rows_that_are_there_if_the_form_asks_for_it(desk: Desk) -> None:
    made = f"CREATE TABLE public.{desk.table} AS SELECT n AS id, float8 '1' * n AS size FROM generate_series(1, 4) n"
    desk.conn.execute(made.encode())

    run_id = desk.run(rescore=True)

    assert desk.states(run_id) == {"deploy": ("success", 1), "rescore": ("success", 1)}
    assert desk.rows("id, prediction, model_version") == [
        (1, "small", "1"), (2, "small", "1"), (3, "large", "1"), (4, "large", "1"),
    ]  # fmt: skip
    report = desk.api.xcom(DAG_ID, run_id, "rescore")
    assert {name: report[name] for name in ("table", "version", "rows", "unscorable", "fed", "whole")} == {
        "table": f"public.{desk.table}", "version": "1", "rows": 4, "unscorable": 0, "fed": 0, "whole": True,
    }  # fmt: skip
    assert "100 %, 4 rows" in desk.log(run_id, "rescore")


@pytest.mark.parametrize("reason", ["column", "model"])
def test_a_deployment_that_is_refused_fails_at_once_and_says_why(desk: Desk, reason: str) -> None:
    desk.conn.execute(f"CREATE TABLE public.{desk.table} (id int PRIMARY KEY, sise float8)".encode())
    name = desk.model.name
    said = {
        "column": f"`public.{desk.table}` has no column `size`, which `{name}` needs. Did you mean `sise`?\n"
        "  looked: its columns: id, sise\n"
        "  left: nothing was changed\n"
        f'  next: ALTER TABLE public.{desk.table} ADD COLUMN "size" ...',
        "model": f"There is no version of `{name}` `12`. Did you mean `1`?\n  looked: known: 1\n  next: landfall models {name}",
    }
    run_id = desk.start(**({"model_version": "12"} if reason == "model" else {}))
    with pytest.raises(RunError) as caught:
        desk.api.wait(DAG_ID, run_id, lambda _: None, patience=600)

    assert caught.value.what == f"`deploy_model` failed in `deploy`: {said[reason]}"
    assert desk.states(run_id) == {"deploy": ("failed", 1), "rescore": ("upstream_failed", 0)}
    assert TableName("public", desk.table) not in [each.table for each in deployments(desk.conn)]


def test_airflow_refuses_a_form_without_a_model_or_a_table(stack: Any) -> None:
    for form in (
        {"table": "t"},
        {"model": "iris"},
        {"model": "", "table": "t"},
        {"model": "m", "table": "t", "unscorable": "x"},
    ):
        with pytest.raises(RunError, match="Airflow refused: Invalid input for param"):
            AirflowApi(stack.settings).trigger(DAG_ID, conf=form)


# --- without servers --------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that a worker has."""
    for name, value in {
        "LANDFALL_DATABASE_URL": "postgresql://landfall:pw@db.example.org:6543/landfall",
        "LANDFALL_S3_BUCKET": "lake",
        "MLFLOW_TRACKING_URI": "sqlite://",
    }.items():
        monkeypatch.setenv(name, value)


SETTINGS = Settings(
    s3=S3(bucket="lake"),
    database_url="postgresql://landfall:pw@db.example.org:6543/landfall",
    mlflow_tracking_uri="sqlite://",
    mlflow_artifacts="",
    spark_remote="",
    airflow_url="",
    code_version="c0de",
)


def filled_in(**form: Any) -> Any:
    """The context of a step in a run whose form says this, and beside it what the form says by itself."""
    with deployment_dag("deploy_model", doc_md="") as dag:
        steps = {"deploy": deploy(), "rescore": rescore()}
    params = {name: param.resolve(suppress_exception=True) for name, param in dag.params.items()}
    return SimpleNamespace(context={"params": {**params, **form}, "run_id": "manual__1"}, **steps)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"schema": "s" * 64}, f"`{'s' * 64}` cannot be the name of a schema.\n"),
        ({"create_table": True}, "A table that is to be made needs a primary key.\n"),
        ({"create_table": True, "primary_key": " , "}, "A table that is to be made needs a primary key.\n"),
        ({"feed": "species=prediction"}, "`species=prediction` is a feed, but no table is to feed.\n"),
        ({"after": "t", "feed": "a=b, species"}, "`species` does not say what feeds what.\n"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_a_form_that_makes_no_sense_fails_the_run_at_once(form: dict[str, Any], said: str) -> None:
    asked = filled_in(model="iris", table="t", **form)
    with pytest.raises(AirflowFailException) as caught:
        asked.deploy.execute(asked.context)
    assert str(caught.value).startswith(said)


@pytest.mark.usefixtures("environment")
def test_a_registry_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg2://u:pw@127.0.0.1:1/mlflow")
    asked = filled_in(model="iris", table="t")
    with pytest.raises(LandfallError) as caught:
        asked.deploy.execute(asked.context)
    assert caught.value.fault == "server"  # so the task is tried again


@pytest.mark.usefixtures("environment")
def test_rows_that_were_there_are_left_unless_the_form_says_otherwise() -> None:
    asked = filled_in(model="iris", table="t")
    with pytest.raises(AirflowSkipException) as caught:
        asked.rescore.execute(asked.context)
    assert str(caught.value) == "The form does not demand it: existing rows stay as they are."


def test_deploying_tells_a_model_version_in_and_a_table_out() -> None:
    told = filled_in().deploy.lineage(SETTINGS, "", REPORT)

    [model], [table] = told.inputs, told.outputs
    assert (model.namespace, model.name) == ("mlflow", "models:/iris/3")
    assert (table.namespace, table.name) == ("postgres://db.example.org:6543", "landfall.public.iris_live")
    assert (told.feed, told.model_version) == ("iris", "3")


def test_rescoring_tells_the_table_in_and_out() -> None:
    told = filled_in().rescore.lineage(SETTINGS, "", {"table": "public.iris_live", "version": "3"})

    assert told.inputs == told.outputs
    assert [(each.namespace, each.name) for each in told.outputs] == [
        ("postgres://db.example.org:6543", "landfall.public.iris_live")
    ]
    assert told.model_version == "3"


def test_a_step_that_has_not_succeeded_tells_nothing() -> None:
    steps = filled_in()
    for step in (steps.deploy, steps.rescore):
        told = step.lineage(SETTINGS, "", {})
        assert (told.inputs, told.outputs, told.model_version) == ((), (), "")
