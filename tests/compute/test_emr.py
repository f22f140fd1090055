"""The emr target on moto's API of EMR Serverless, judged by boto3: one run an order, none left behind, and no secret in it.

Moto runs nothing and does not honour `clientToken`, by which EMR gives back the run of an order that is given again: here the
test tells what the job would tell, ends its run, and of a second order looks at the token alone.
"""

import asyncio
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.triggers.emr import EmrServerlessStartApplicationTrigger
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.module_loading import import_string
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.emrserverless import models
from moto.server import ThreadedMotoServer

from landfall.compute.emr import operator as emr_service
from landfall.compute.emr.application import FEW_ROWS, SOON, Application
from landfall.compute.remote import RESUME, RemoteJob
from landfall.compute.target import Order
from landfall.errors import ComputeError, LandfallError, SettingsError
from landfall.spec import Settings
from landfall.spec.settings import KAFKA, PLAIN, SECRET
from spark_jobs.__main__ import parse

VARIABLE = "AIRFLOW_CONN_LANDFALL_EMR"
DRIFT = ["measure_drift", "--features", "nothing.here/dt=2012-01-01", "--reference", "s3a://nowhere/reference.json"]
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/landfall-jobs"
HOW: dict[str, Any] = {
    "entry_point": "s3://code/landfall_job.py", "py_files": "s3://code/landfall-1.0-ab12.zip", "execution_role_arn": ROLE,
    "venv": "s3://code/python.tar.gz", "jars": ["s3://code/delta-spark.jar", "s3://code/postgresql.jar"],
    "spark_conf": {"spark.executor.memory": "8g", "spark.network.timeout": "60s"}, "environment": {"TZ": "UTC"},
    "secrets": {"LANDFALL_DATABASE_URL": "landfall/database"}, "logs": "s3://logs/emr/", "poll_seconds": 1, "timeout_minutes": 30,
}  # fmt: skip
VALUES = {"LANDFALL_DATABASE_URL": "postgresql://me:secret@db/landfall", "MLFLOW_TRACKING_URI": "x",
          "AWS_ACCESS_KEY_ID": "key-of-airflow", "AWS_SECRET_ACCESS_KEY": "secret-of-airflow"}  # fmt: skip
PYTHON = "./environment/bin/python"


@dataclass
class Emr:
    """An application, a task that runs its job there, and what the tests see of it."""

    client: Any
    s3: Any
    application: str
    settings: Settings
    task: Any
    connect: Callable[..., None]

    def job(self) -> RemoteJob:
        return RemoteJob(self.task.context(), self.settings, "emr", DRIFT[0], small=True)

    def submit(self, job: RemoteJob | None = None, *, again: bool = False) -> TaskDeferred:
        with pytest.raises(TaskDeferred) as deferred:
            (job or self.job()).run({"argv": DRIFT, "memo": {}}, again=again)
        return deferred.value

    def resume(self, deferred: TaskDeferred, event: object = None) -> dict[str, object]:
        """What the triggerer does, and then another worker."""
        assert deferred.method_name == RESUME
        left = json.loads(json.dumps(deferred.kwargs))
        return self.job().resume(left["ask"], left["method"], event or asyncio.run(fired(deferred.trigger)))

    def failed(self, deferred: TaskDeferred, event: object = None) -> LandfallError:
        with pytest.raises(LandfallError) as failed:
            self.resume(deferred, event)
        return failed.value

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the task, the first one first."""
        found = self.client.list_job_runs(applicationId=self.application)["jobRuns"]
        return [run for run in found if run["name"] == self.job().name]

    def kept(self) -> list[models.JobRun]:
        """All runs of the application, as moto keeps them."""
        return models.emrserverless_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].job_runs[self.application]

    def end(self, state: str, told: object = None, details: str = "") -> None:
        """The newest run ends, and the job has told something, or nothing."""
        run = self.kept()[-1]
        if told:
            body = json.dumps(told).encode()
            self.s3.put_object(Bucket=self.settings.s3.bucket, Key=f"_jobs/{run.name}.json", Body=body)
        run.state, run.state_details = state, details


async def fired(trigger: Any) -> Any:
    """What a trigger tells, made anew from what Airflow keeps of it."""
    name, kept = trigger.serialize()
    events = import_string(name)(**json.loads(json.dumps(kept))).run()
    return (await anext(events)).payload


@pytest.fixture(scope="module")
def amazon() -> Iterator[tuple[str, Any, Any]]:
    """The address of moto's server, and boto3's clients of it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    where: dict[str, Any] = {
        "endpoint_url": f"http://{host}:{port}",
        "aws_access_key_id": "k",
        "aws_secret_access_key": "s",
    }
    emr, s3 = (boto3.client(name, region_name="us-east-1", **where) for name in ("emr-serverless", "s3"))
    yield where["endpoint_url"], emr, s3
    server.stop()


@pytest.fixture
def emr(amazon: tuple[str, Any, Any], new_task: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Emr:
    """An application that is started, in which runs go on until a test ends them."""
    endpoint, client, s3 = amazon
    monkeypatch.setattr(models, "JOB_STATUS", "RUNNING")
    monkeypatch.setattr(emr_service, "PAUSE", 0.05)
    # Moto knows no label such as emr-spark-8.0.0.
    application = client.create_application(releaseLabel="emr-7.0.0", type="SPARK", clientToken="t")["applicationId"]
    bucket = f"test-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)

    def connect(**how: Any) -> None:
        extra: dict[str, Any] = {"endpoint_url": endpoint, "region_name": "us-east-1"}
        extra["landfall"] = {**HOW, "application_id": application, **how}
        told = {"conn_type": "aws", "login": "key-1", "password": "word-1", "extra": extra}
        monkeypatch.setenv(VARIABLE, json.dumps(told))

    connect()
    settings = Settings.read({**VALUES, "LANDFALL_S3_ENDPOINT": endpoint, "LANDFALL_S3_BUCKET": bucket})
    return Emr(client, s3, application, settings, new_task(), connect)


@pytest.fixture
def order(emr: Emr) -> Order:
    """One that is not small."""
    return Order(settings=emr.settings, argv=DRIFT, small=False, report="s3a://b/r.json", name="landfall-x", token="t")


def test_what_is_submitted(emr: Emr) -> None:
    emr.submit()
    run = emr.client.get_job_run(applicationId=emr.application, jobRunId=emr.runs()[0]["id"])["jobRun"]
    driver, told = run["jobDriver"]["sparkSubmit"], f"{emr.settings.lake}/_jobs/{run['name']}.json"
    assert parse(driver["entryPointArguments"])[1].report == told
    assert driver["entryPointArguments"] == [*DRIFT, "--lake", emr.settings.lake, "--report", told]
    assert driver["entryPoint"] == HOW["entry_point"]
    assert driver["sparkSubmitParameters"] == (
        "--py-files s3://code/landfall-1.0-ab12.zip --jars s3://code/delta-spark.jar,s3://code/postgresql.jar "
        "--archives s3://code/python.tar.gz#environment"
    )
    both = {"LANDFALL_S3_ENDPOINT": emr.settings.s3.endpoint, "AWS_DEFAULT_REGION": "us-east-1", "TZ": "UTC",
            "PYSPARK_PYTHON": PYTHON}  # fmt: skip
    alone = {"PYSPARK_DRIVER_PYTHON": PYTHON, "LANDFALL_JOB": run["name"],
             "LANDFALL_DATABASE_URL": "EMR.secret@landfall/database"}  # fmt: skip
    properties = {
        **SOON, **FEW_ROWS, "spark.network.timeout": "60s",
        "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|LANDFALL_DATABASE_URL",
        **{f"spark.emr-serverless.driverEnv.{name}": value for name, value in {**both, **alone}.items()},
        **{f"spark.executorEnv.{name}": value for name, value in both.items()},
    }  # fmt: skip
    assert run["configurationOverrides"] == {
        "applicationConfiguration": [{"classification": "spark-defaults", "properties": properties}],
        "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://logs/emr/"}},
    }
    assert (run["executionRole"], run["executionTimeoutMinutes"]) == (ROLE, 30)
    shown = json.dumps(run, default=str)
    assert not [word for word in ("secret@db", "key-of-airflow", "secret-of-airflow") if word in shown]


def test_a_job_that_is_not_small_has_the_workers_that_the_connection_says(order: Order) -> None:
    how = Application(**{**HOW, "application_id": "a"})
    told = how.configuration_overrides(order)["applicationConfiguration"][0]["properties"]
    assert {name: told[name] for name in {**FEW_ROWS, **SOON} if name in told} == {"spark.executor.memory": "8g"}
    assert {*PLAIN, *SECRET} - set(KAFKA) == set(order.settings.of_jobs)


def test_a_stopped_application_is_started_and_what_the_job_tells_is_the_result(emr: Emr) -> None:
    emr.client.stop_application(applicationId=emr.application)
    starting = emr.submit()
    assert isinstance(starting.trigger, EmrServerlessStartApplicationTrigger)
    with pytest.raises(TaskDeferred) as deferred:
        emr.resume(starting)
    assert emr.client.get_application(applicationId=emr.application)["application"]["state"] == "STARTED"
    threading.Timer(0.8, emr.end, ("SUCCESS", {"report": {"rows": 24}})).start()
    assert emr.resume(deferred.value) == {"rows": 24}
    assert len(emr.runs()) == 1
    assert (emr.task.state, emr.s3.list_objects_v2(Bucket=emr.settings.s3.bucket)["KeyCount"]) == ({}, 0)


def test_a_run_that_failed_is_an_error_that_names_it(emr: Emr) -> None:
    deferred = emr.submit()
    emr.end("FAILED", details="Job execution failed. ExitCode: 1")
    failed, [run] = emr.failed(deferred), emr.runs()
    assert isinstance(failed, ComputeError)
    assert str(failed) == (
        "The Spark job `measure_drift` did not finish.\n"
        f"  looked: target emr, {run['name']}: job run {run['id']} is FAILED: Job execution failed. ExitCode: 1\n"
        "  left: its partitions are as they were before, what was published stays\n"
        "  next: see this task's log, and the job's own where it ran"
    )


def test_what_the_job_says_of_its_failure_wins_over_what_emr_says(emr: Emr) -> None:
    deferred = emr.submit()
    emr.end("FAILED", {"failed": {"type": "ContractError", "error": "No rows.", "looked": "dt=2012-01-01"}})
    failed = emr.failed(deferred)
    assert (type(failed).__name__, str(failed)) == ("ContractError", "No rows.\n  looked: dt=2012-01-01")


def test_a_task_that_is_stopped_in_its_worker_cancels_its_run(emr: Emr) -> None:
    job = emr.job()
    emr.submit(job)
    job.stop()
    assert [run["state"] for run in emr.runs()] == ["CANCELLED"]
    assert not emr.task.state


def test_a_waiting_task_that_is_stopped_cancels_its_run(emr: Emr) -> None:
    deferred = emr.submit()
    asyncio.run(deferred.trigger.on_kill())  # as Airflow's triggerer does
    assert [run["state"] for run in emr.runs()] == ["CANCELLED"]


def test_a_poll_that_fails_leaves_no_run_behind(emr: Emr) -> None:
    deferred = emr.submit()
    failed = emr.failed(deferred, {"status": "failure", "message": "Could not connect"})
    [run] = emr.runs()
    assert run["state"] == "CANCELLED"
    assert failed.looked == f"target emr, {run['name']}: Could not connect; cancelled: {run['id']}"


def test_an_application_that_does_not_start_is_not_started_for_ever(emr: Emr) -> None:
    emr.client.stop_application(applicationId=emr.application)
    deferred = emr.submit()
    emr.client.stop_application(applicationId=emr.application)
    failed = emr.failed(deferred)
    assert failed.looked.startswith(f"target emr, {emr.job().name}: Application failed to start: ")


def test_an_earlier_run_of_a_task_that_was_cleared_is_cancelled_and_waited_for(
    emr: Emr, new_task: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(backend: Any, application_id: str, job_run_id: str) -> tuple[str, str]:
        run = backend.get_job_run(application_id, job_run_id)
        run.state = "CANCELLING"
        threading.Timer(0.3, setattr, (run, "state", "CANCELLED")).start()
        return application_id, job_run_id

    monkeypatch.setattr(models.EMRServerlessBackend, "cancel_job_run", cancel)
    replace(emr, task=new_task()).submit()
    emr.submit()
    emr.task.max_tries += 4
    emr.submit()
    assert [run.state for run in emr.kept()] == ["RUNNING", "CANCELLED", "RUNNING"]
    assert len({run.client_token for run in emr.kept()}) == 3


def test_the_next_try_of_a_killed_worker_gives_its_order_again(emr: Emr) -> None:
    emr.submit()
    emr.submit(again=True)
    assert [run.state for run in emr.kept()] == ["RUNNING", "RUNNING"]
    assert len({run.client_token for run in emr.kept()}) == 1


def test_where_emr_does_not_answer_no_second_run_is_started(emr: Emr, order: Order) -> None:
    emr.connect(application_id="nowhere")
    with pytest.raises(ComputeError) as refused:
        emr_service.settle(order, again=False)
    assert refused.value.what == "It could not be found out whether `landfall-x` still runs."
    assert refused.value.left == "no second one was started"


SAYS = "The extra of the connection `landfall_emr` does not say "
SENSELESS: dict[str, dict[str, Any]] = {
    "`poll_seconds`|int; came '5'": {"poll_seconds": "5"},
    "how often a run is asked for|`poll_seconds` of 1 or more; came 0": {"poll_seconds": 0},
    "how long a run may go on|`timeout_minutes` of 5 or more; came 1": {"timeout_minutes": 1},
    "`jars`|a list of strings; came a str": {"jars": "s3://a/b.jar"},
    "`spark_conf`|a dict of strings; came one of int": {"spark_conf": {"spark.executor.cores": 4}},
    "`venv`|s3://BUCKET/KEY, or a path of the release; came s3://a/b c": {"venv": "s3://a/b c"},
    "how a job starts|application_id, execution_role_arn, entry_point and py_files; came application_id": {
        "execution_role_arn": "", "entry_point": "", "py_files": ""},
    "where its secrets are|them under `secrets`, by name; came `environment` with AWS_SECRET_ACCESS_KEY": {
        "environment": {"AWS_SECRET_ACCESS_KEY": "s"}},
    "the secret of LANDFALL_DATABASE_URL|the name or ARN of a secret; came another text, or none": {
        "secrets": {"LANDFALL_DATABASE_URL": "postgresql://me"}},
}  # fmt: skip


@pytest.mark.parametrize("said", SENSELESS)
def test_an_extra_that_makes_no_sense_is_refused_before_anything_starts(emr: Emr, order: Order, said: str) -> None:
    emr.connect(**SENSELESS[said])
    with pytest.raises(SettingsError) as refused:
        emr_service.operator(order, "score")
    what, _, expected = said.partition("|")
    left = "  left: nothing was started\n  next: docs/compute/emr.md has an example"
    assert str(refused.value) == f"{SAYS}{what}.\n  looked: expected {expected}\n{left}"


def test_an_unknown_field_is_refused_with_the_nearest_one(emr: Emr, order: Order) -> None:
    emr.connect(py_file="x")
    with pytest.raises(SettingsError) as refused:
        emr_service.operator(order, "score")
    assert refused.value.what == "There is no field of the extra of `landfall_emr` `py_file`. Did you mean `py_files`?"
    assert refused.value.looked == f"known: {', '.join(one.name for one in fields(Application))}"


def test_without_its_connection_nothing_is_started(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(SettingsError) as refused:
        emr_service.operator(order, "score")
    assert refused.value.what == "The Airflow connection `landfall_emr` is missing."
