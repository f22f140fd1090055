"""The databricks target on MiniLake, judged by the official SDK: one run an order, and none that nobody wants."""

import asyncio
import base64
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from landfall.compute.databricks.workspace import Workspace
from landfall.compute.remote import RemoteJob
from landfall.compute.target import Order
from landfall.errors import ComputeError, SettingsError
from landfall.landing.aws_lambda import handler
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import FORECAST
from landfall.samples.bike_demand import forecast_hours
from landfall.spec import Partition, Settings
from spark_jobs.__main__ import parse

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient  # takes seconds to import, so only what uses it does

CONNECTION = "AIRFLOW_CONN_LANDFALL_DATABRICKS"
DRIFT = ["measure_drift", "--features", "nothing.here/dt=2012-01-01", "--reference", "s3a://nowhere/reference.json"]
NO_JOB = ["features"]
"""Ends at once, as its options are missing, and tells nothing."""
ENVIRONMENT = {
    "LANDFALL_DATABASE_URL": "postgresql://secret",
    "MLFLOW_TRACKING_URI": "x",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
STARTS = "expected one of `wheel`, `python_file` and `job_id`"
WHEEL = "/Volumes/main/landfall/wheels/landfall-1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def workspace(stack: Any) -> "WorkspaceClient":
    """The SDK, as a user of `landfall ps --json` makes it."""
    from databricks.sdk import WorkspaceClient

    part = next(each for each in stack.ps() if each["name"] == "databricks")
    return WorkspaceClient(host=str(part["url"]), token=Path(str(part["token_file"])).read_text().strip())


@pytest.fixture
def job_of(databricks: Any) -> Callable[..., RemoteJob]:
    """Makes what a step makes of a task's job."""

    def make(task: Any, argv: list[str]) -> RemoteJob:
        return RemoteJob(task.context(), databricks.settings, "databricks", argv[0], small=True)

    return make


@pytest.fixture
def change(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Changes what the connection says under `landfall`."""

    def set_(connection: dict[str, Any] | None = None, **how: Any) -> None:
        told = json.loads(stack.env[CONNECTION])
        told["extra"]["landfall"] |= how
        monkeypatch.setenv(CONNECTION, json.dumps({**told, **(connection or {})}))

    return set_


def runs(workspace: "WorkspaceClient", name: str) -> list[str]:
    """How every run of a name ended, the first one first."""
    found = sorted((run for run in workspace.jobs.list_runs() if run.run_name == name), key=lambda run: run.run_id or 0)
    return [str(run.state.result_state.value) if run.state and run.state.result_state else "" for run in found]


def defer(job: RemoteJob, argv: list[str]) -> TaskDeferred:
    """The job is submitted; what comes after it is lost unless the caller keeps it."""
    with pytest.raises(TaskDeferred) as deferred:
        job.run({"argv": argv, "memo": {}}, again=False)
    return deferred.value


@pytest.mark.stack
def test_a_worker_that_is_gone_once_it_has_submitted_leaves_a_run_that_the_next_try_takes_up(
    databricks: Any, workspace: "WorkspaceClient", job_of: Any, new_task: Any, slow_job: list[str]
) -> None:
    task = new_task()
    job = job_of(task, slow_job)
    defer(job, slow_job)
    with pytest.raises(ComputeError, match="does not exist"):
        databricks.run(slow_job, task)
    assert runs(workspace, job.name) == ["FAILED"]
    assert not task.state


@pytest.mark.stack
def test_a_task_that_was_cleared_asks_anew_when_the_run_it_had_left_is_cancelled(
    databricks: Any, workspace: "WorkspaceClient", job_of: Any, new_task: Any, slow_job: list[str]
) -> None:
    task = new_task()
    job = job_of(task, NO_JOB)
    defer(job, NO_JOB)
    task.max_tries += 4
    assert job_of(task, slow_job).known() is None
    with pytest.raises(ComputeError, match="does not exist"):
        databricks.run(slow_job, task)
    assert runs(workspace, job.name) == ["CANCELED", "FAILED"]
    assert not task.state


@pytest.mark.stack
def test_a_waiting_task_that_is_stopped_cancels_its_run(
    databricks: Any, workspace: "WorkspaceClient", job_of: Any, new_task: Any
) -> None:
    task = new_task()
    job = job_of(task, NO_JOB)
    deferred = defer(job, NO_JOB)
    asyncio.run(deferred.trigger.on_kill())  # as Airflow's triggerer does
    with pytest.raises(ComputeError) as failed:
        databricks.wait(deferred, task, NO_JOB[0])
    assert runs(workspace, job.name) == ["CANCELED"]
    assert failed.value.what == "The Spark job `features` did not finish."


@pytest.mark.stack
def test_where_the_workspace_cannot_be_asked_no_second_run_is_started(
    databricks: Any, workspace: "WorkspaceClient", job_of: Any, change: Any, new_task: Any
) -> None:
    task = new_task()
    task.asked("databricks", NO_JOB)
    task.max_tries += 4
    change({"password": "wrong"})
    with pytest.raises(ComputeError) as refused:
        databricks.run(NO_JOB, task)
    name = job_of(task, NO_JOB).name
    assert refused.value.what == f"It could not be found out whether `{name}` still runs."
    assert refused.value.left == "no second one was started"
    assert "Invalid access token." in refused.value.looked
    assert (runs(workspace, name), bool(task.state)) == ([], True)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("connection", "how", "said"),
    [
        ({}, {}, "'result_state': 'FAILED'"),
        ({}, {"timeout_seconds": 1}, "'result_state': 'FAILED'"),
        ({}, {"new_cluster": {"spark_env_vars": {"PYTHONHOME": "/nowhere"}}}, "'result_state': 'FAILED'"),
        ({"password": "wrong"}, {}, "Invalid access token."),
    ],
)
def test_a_job_that_could_tell_nothing_did_not_finish_whatever_the_reason(
    databricks: Any, change: Any, slow_job: list[str], connection: dict[str, Any], how: dict[str, Any], said: str
) -> None:
    change(connection, **how)
    argv = slow_job if "timeout_seconds" in how else NO_JOB
    with pytest.raises(ComputeError) as failed:
        databricks.run(argv)
    assert failed.value.what == f"The Spark job `{argv[0]}` did not finish."
    assert failed.value.left == "its partitions are as they were before, what was published stays"
    assert said in failed.value.looked


@pytest.fixture
def own_job(workspace: "WorkspaceClient", stack: Any) -> Iterator[Callable[[str], int]]:
    """Makes jobs of the workspace that run some Python with the parameters of a run."""
    from databricks.sdk.service.jobs import Task
    from databricks.sdk.service.workspace import ImportFormat, Language

    made: list[int] = []

    def make(python: str) -> int:
        name = f"test_{uuid.uuid4().hex[:8]}"
        content, path = base64.b64encode(python.encode()).decode(), f"/Workspace/{name}.py"
        workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
        cluster = json.loads(stack.env[CONNECTION])["extra"]["landfall"]["new_cluster"]
        told = {
            "task_key": "job",
            "spark_python_task": {"python_file": path},
            "new_cluster": cluster,
        }
        made.append(int(workspace.jobs.create(name=name, tasks=[Task.from_dict(told)]).job_id or 0))
        return made[-1]

    yield make
    for job_id in made:
        workspace.jobs.delete(job_id)


@pytest.mark.stack
def test_a_job_of_the_workspace_is_run_with_another_command_line(
    databricks: Any, change: Any, own_job: Any, tmp_path: Path
) -> None:
    seen = tmp_path / "argv.json"
    job_id = own_job(f"import json, pathlib, sys; pathlib.Path({str(seen)!r}).write_text(json.dumps(sys.argv[1:]))")
    change(python_file="", new_cluster={}, job_id=job_id)
    with pytest.raises(ComputeError) as silent:
        databricks.run(DRIFT)
    assert silent.value.what == "The Spark job `measure_drift` ended without a report."
    assert parse(json.loads(seen.read_text()))[1].reference == "s3a://nowhere/reference.json"


@pytest.mark.stack
def test_an_object_that_lands_runs_the_job_that_reads_it_with_no_airflow_between(
    stack: Any, workspace: "WorkspaceClient", own_job: Any, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The classic path: S3 calls a Lambda function, that one calls run-now, and the ETL job reads and writes S3."""
    job_id = own_job("from landfall.compute.databricks.feed_job import main; main()")
    settings, day = stack.settings, "2016-02-29"
    key = f"bike_sharing/forecast/dt={day}/hours.csv"
    rows = [FORECAST.contract.names, *forecast_hours(Partition.parse(day).day)]
    client: Any = connect(settings.s3)
    body = "".join(",".join(row) + "\n" for row in rows).encode()
    etag = client.put_object(Bucket=settings.s3.bucket, Key=key, Body=body)["ETag"]
    for name, value in (
        ("LANDFALL_START", "databricks"),
        ("LANDFALL_S3_BUCKET", settings.s3.bucket),
        ("LANDFALL_DATABRICKS_JOB_ID", str(job_id)),
        ("DATABRICKS_HOST", str(workspace.config.host)),
        ("DATABRICKS_TOKEN", str(workspace.config.token)),
    ):
        monkeypatch.setenv(name, value)
    try:
        told = handler(notification(settings.s3.bucket, key, etag), None)
        assert [sentence.partition(":")[0] for sentence in told["started"]] == [f"bike_forecast {day}"]
        [run] = workspace.jobs.list_runs(job_id=job_id)
        wait_until("the run has ended", lambda: workspace.jobs.get_run(run.run_id).state.result_state is not None)
        lines = str(workspace.jobs.get_run_output(run.run_id).logs).splitlines()
        assert any(line.startswith("{") for line in lines), "\n".join(lines[-30:])
        report = json.loads(next(line for line in lines if line.startswith("{")))
        assert (report["rows"], report["quarantined"]) == (24, 0)
    finally:
        client.delete_object(Bucket=settings.s3.bucket, Key=key)


def notification(bucket: str, key: str, etag: str) -> dict[str, Any]:
    """What S3 sends (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html)."""
    what = {"bucket": {"name": bucket}, "object": {"key": key.replace("=", "%3D"), "eTag": etag.strip('"'), "size": 1}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventVersion": "2.1", "s3": what}]}


def order() -> Order:
    settings = Settings.read(ENVIRONMENT)
    return Order(settings=settings, argv=DRIFT, small=True, report="s3a://b/r.json", name="landfall-x", token="t")


@pytest.mark.parametrize(
    "how",
    [
        {"new_cluster": {"spark_version": "17.3.x-scala2.13", "node_type_id": "m6gd.large", "num_workers": 1}},
        {"existing_cluster_id": "1121-000000-abc"},
        {"requirements": ["pyarrow"], "access_control_list": [{"group_name": "data", "permission_level": "CAN_VIEW"}]},
    ],
)  # fmt: skip
def test_the_wheel_is_what_the_official_sdk_would_have_sent(how: dict[str, Any]) -> None:
    from databricks.sdk.service import jobs

    body = Workspace.read({"landfall": {"wheel": WHEEL, "timeout_seconds": 3600, **how}}).submitted(order())
    task = body["tasks"][0]
    assert jobs.SubmitTask.from_dict(task).as_dict() == task
    for kind, values in ((jobs.JobEnvironment, "environments"), (jobs.JobAccessControlRequest, "access_control_list")):
        for value in body.get(values, []):
            assert kind.from_dict(value).as_dict() == value
    assert parse(task["python_wheel_task"]["parameters"])[1].report == "s3a://b/r.json"
    assert "secret" not in json.dumps(body)


def test_a_run_is_named_after_its_task_and_ordered_once() -> None:
    body = Workspace(wheel=WHEEL).submitted(order())
    assert (body["run_name"], body["idempotency_token"]) == ("landfall-x", "t")
    spec = {"environment_version": "4", "dependencies": [WHEEL]}
    assert body["environments"] == [{"environment_key": "landfall", "spec": spec}]
    now = Workspace(job_id=7).run_now(order())
    assert now == {"job_id": 7, "idempotency_token": "t", "python_params": order().arguments}


@pytest.mark.parametrize(
    ("how", "what", "looked"),
    [
        ({}, "what starts a job", f"{STARTS}; came none"),
        ({"wheel": WHEEL, "job_id": 7}, "what starts a job", f"{STARTS}; came wheel, job_id"),
        ({"wheel": WHEEL, "new_cluster": {"num_workers": 1}, "existing_cluster_id": "1"}, "where a job runs",
         "expected `new_cluster`, `existing_cluster_id` or neither; came new_cluster, existing_cluster_id"),
        ({"job_id": 7, "existing_cluster_id": "1"}, "where a job runs",
         "expected that the job `job_id` says it; came existing_cluster_id"),
        ({"wheel": WHEEL, "repair": True}, "what is repaired",
         "expected `repair` with a `job_id`: only runs of a job can be; came repair"),
        ({"wheel": WHEEL, "poll_seconds": 0}, "how often a run is asked for", "expected `poll_seconds` of 1 or more; came 0"),
        ({"job_id": "7"}, "`job_id`", "expected int; came '7'"),
    ],
)  # fmt: skip
def test_a_connection_that_makes_no_sense_is_refused(how: dict[str, Any], what: str, looked: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Workspace.read({"landfall": how})
    assert str(refused.value) == (
        f"The extra of the connection `landfall_databricks` does not say {what}.\n"
        f"  looked: {looked}\n"
        "  left: nothing was started\n"
        "  next: docs/compute/databricks.md has an example of each"
    )


def test_an_unknown_field_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError) as refused:
        Workspace.read({"landfall": {"weel": WHEEL}})
    assert refused.value.what == "There is no field of the extra of `landfall_databricks` `weel`. Did you mean `wheel`?"


def test_a_small_change_of_an_order_is_another_payload() -> None:
    one = Workspace(wheel=WHEEL)
    assert one.submitted(order()) != one.submitted(replace(order(), token="u"))
