"""The cluster target: one job at a time whatever becomes of its worker, and no secret on a command line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from landfall.compute.cluster.standalone import wait_for_application, web_address
from landfall.compute.cluster.submission import FEW_ROWS, submission
from landfall.compute.remote import RemoteJob
from landfall.compute.services import service_of
from landfall.compute.target import Order
from landfall.errors import ComputeError, SettingsError
from landfall.spec import Settings

WORKER = """
import json, sys
from types import SimpleNamespace
from landfall.compute.remote import RemoteJob
from landfall.spec import Settings
task, *argv = json.loads(sys.argv[1])
job = RemoteJob({"ti": SimpleNamespace(**task)}, Settings.read(), "cluster", argv[0], small=True)
job.run({"argv": argv, "memo": {}}, again=False)
"""
"""What a worker of Airflow does for a step, in a process that can be killed."""

DRIFT = ["measure_drift", "--features", "nothing.here/dt=2012-01-01", "--reference", "s3a://nowhere/reference.json"]


def order(settings: Settings) -> Order:
    return Order(settings=settings, argv=DRIFT, small=False, report="s3a://b/r.json", name="landfall-x", token="t")


def own(task: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(task.context()["ti"]).items() if not callable(value)}


def start(task: Any, argv: list[str], settings: Settings) -> "subprocess.Popen[bytes]":
    """A worker that runs a job on the cluster."""
    env = {**os.environ, "LANDFALL_DATABASE_URL": settings.database_url, **settings.of_jobs,
           "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri, "LANDFALL_S3_BUCKET": settings.s3.bucket,
           "LANDFALL_SPARK_JARS": settings.spark_jars, "LANDFALL_SPARK_SECRET": settings.spark_secret}  # fmt: skip
    words = json.dumps([own(task), *argv])
    return subprocess.Popen([sys.executable, "-c", WORKER, words], env=env, start_new_session=True)


@pytest.mark.stack
def test_a_job_outlives_its_killed_worker_with_no_secret_on_a_command_line_and_the_next_try_takes_it_up(
    elsewhere: Any, cluster: Any, new_task: Callable[..., Any], wait_until: Any, slow_job: list[str]
) -> None:
    task = new_task()
    name = RemoteJob(task.context(), elsewhere.settings, "cluster", slow_job[0], small=True).name
    worker = start(task, slow_job, elsewhere.settings)
    try:
        wait_until("the job runs", lambda: name in cluster.applications())
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert name in cluster.applications()
    shown = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    secrets = elsewhere.settings.s3.secret_key, elsewhere.settings.database_url, elsewhere.settings.spark_secret
    assert [line for line in shown if name in line]
    assert not [line for line in shown for secret in secrets if secret in line]
    task.asked("cluster", slow_job)
    with pytest.raises(ComputeError, match="does not exist"):
        elsewhere.run(slow_job, task)
    assert cluster.applications("completedapps").count(name) == 1
    assert not task.state


@pytest.mark.stack
def test_a_task_that_was_cleared_asks_anew_when_the_job_of_its_killed_worker_has_ended(
    elsewhere: Any, cluster: Any, new_task: Callable[..., Any], wait_until: Any, slow_job: list[str]
) -> None:
    task = new_task()
    name = RemoteJob(task.context(), elsewhere.settings, "cluster", slow_job[0], small=True).name
    worker = start(task, DRIFT, elsewhere.settings)
    wait_until("the job runs", lambda: name in cluster.applications())
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    task.asked("cluster", DRIFT)
    task.max_tries += 4
    cleared = RemoteJob(task.context(), elsewhere.settings, "cluster", slow_job[0], small=True)
    assert (cleared.known(), cleared.name) == (None, name)
    before = cluster.applications("completedapps").count(name)
    with pytest.raises(ComputeError, match="does not exist"):
        elsewhere.run(slow_job, task)
    assert cluster.applications("completedapps").count(name) == before + 2
    assert not task.state


@pytest.mark.stack
def test_a_task_that_is_stopped_stops_its_job(
    elsewhere: Any, cluster: Any, new_task: Callable[..., Any], wait_until: Any, slow_job: list[str]
) -> None:
    import threading

    task = new_task()
    job = RemoteJob(task.context(), elsewhere.settings, "cluster", slow_job[0], small=True)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            job.run({"argv": slow_job, "memo": {}}, again=False)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until("the job runs", lambda: job.name in cluster.applications())
    job.stop()
    thread.join(60)
    wait_until("the job is gone", lambda: job.name not in cluster.applications())
    assert not thread.is_alive()
    assert failed
    assert isinstance(failed[0], ComputeError)


@pytest.mark.stack
def test_an_application_without_the_secret_of_the_cluster_is_refused(
    elsewhere: Any, cluster: Any, slow_job: list[str]
) -> None:
    stranger = replace(elsewhere, settings=replace(elsewhere.settings, spark_secret=""))
    before = len(cluster.applications()) + len(cluster.applications("completedapps"))
    with pytest.raises(ComputeError):
        stranger.run(slow_job)
    assert len(cluster.applications()) + len(cluster.applications("completedapps")) == before


@pytest.mark.stack
def test_without_its_connection_nothing_is_started(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_LANDFALL_SPARK", raising=False)
    with pytest.raises(SettingsError) as refused:
        service_of("cluster").operator(order(stack.settings), "score")
    assert refused.value.what == "The Airflow connection `landfall_spark` is missing."


def test_a_master_that_does_not_answer_is_not_taken_for_an_idle_one(closed_port: int) -> None:
    with pytest.raises(ComputeError) as refused:
        wait_for_application(f"http://127.0.0.1:{closed_port}", "landfall-x")
    assert refused.value.what == "It could not be found out whether `landfall-x` still runs."
    assert refused.value.left == "no second one was started"


@pytest.mark.parametrize(
    ("master", "extra", "address"),
    [
        ("spark://one:7077", {}, "http://one:8080"),
        ("spark://one:7077,two:7077", {}, "http://one:8080"),
        ("spark://one:7077", {"webui": "https://ui.example/"}, "https://ui.example"),
        ("yarn", {}, ""),
        ("k8s://https://one:6443", {}, ""),
    ],
)
def test_where_a_master_tells_of_its_applications(master: str, extra: dict[str, str], address: str) -> None:
    assert web_address(master, extra) == address


def test_what_is_submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"LANDFALL_DATABASE_URL": "postgresql://secret", "MLFLOW_TRACKING_URI": "x", "LANDFALL_SPARK_JARS": "/jars/",
              "AWS_SECRET_ACCESS_KEY": "secret too", "LANDFALL_SPARK_SECRET": "secret as well"}  # fmt: skip
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    one = order(Settings.read(needed))
    what = submission(one, tmp_path)
    assert what.arguments == [*DRIFT, "--lake", "s3a://landfall", "--report", "s3a://b/r.json"]
    assert what.conf == {
        "spark.log.level": "WARN",
        "spark.driver.extraClassPath": "/jars/*",
        "spark.executor.extraClassPath": "/jars/*",
    }
    small = submission(replace(one, small=True), tmp_path).conf
    assert small == {**what.conf, **FEW_ROWS}
    assert what.environment["LANDFALL_JOB"] == "landfall-x"
    assert what.environment["LANDFALL_SPARK_SECRET"] == "secret as well"
    assert "secret" not in " ".join([*what.arguments, *what.conf.values(), what.py_files, what.application])
