"""Limits: what a step over its limit says, and that nothing holds a worker for ever."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import TimeoutPosix

from landfall.compute.local.warm import WarmSpark
from landfall.errors import ComputeError, LandingError
from landfall.orchestration import land_rows, make_features
from landfall.orchestration.steps.spark_step import SparkStep
from landfall.orchestration.steps.step import Step
from landfall.pipelines.bike_demand import FORECAST
from landfall.spec import Settings

ROOT = Path(__file__).resolve().parents[2]
A_RUN: Any = {
    "dag_run": SimpleNamespace(run_type="manual", logical_date=datetime(2012, 12, 25, tzinfo=UTC)),
    "params": {},
}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of servers that nobody asks."""
    monkeypatch.setenv("LANDFALL_DATABASE_URL", "postgresql://127.0.0.1:1/p")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://127.0.0.1:1/m")
    monkeypatch.setenv("LANDFALL_SPARK_REMOTE", "sc://spark:15002/;token=secret")


def over_its_limit(step: Step) -> str:
    """What the step says when the signal of Airflow's limit comes."""

    def work() -> None:
        with TimeoutPosix(0.01):
            threading.Event().wait()

    with pytest.raises(AirflowTaskTimeout) as caught:
        step.carry_out(A_RUN, work)
    return str(caught.value)


@pytest.mark.usefixtures("nowhere")
def test_a_step_over_its_limit_says_which_how_long_and_where_to_look() -> None:
    assert over_its_limit(land_rows()) == (
        "`land_rows` took longer than 0:05:00.\n"
        "  looked: S3, Postgres, the registry and Airflow, which it uses\n"
        "  left: what it had begun was undone, what was published stays; it is tried again\n"
        "  next: landfall ps"
    )
    assert over_its_limit(make_features(FORECAST)) == (
        "`make_features` took longer than 0:20:00: the Spark job `features` did not end.\n"
        "  looked: the warm server, sc://spark:15002\n"
        "  left: the job was stopped, what was published stays; it is tried again\n"
        "  next: landfall ps    (then landfall logs spark)"
    )


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(("fault", "raised"), [("server", LandingError), ("request", AirflowFailException)])
def test_only_what_a_server_did_is_tried_again(fault: Any, raised: type[Exception]) -> None:
    def work() -> None:
        raise LandingError("No.", fault=fault)

    with pytest.raises(raised, match=r"^No\.$"):
        make_features(FORECAST).carry_out(A_RUN, work)


def test_a_process_that_hears_no_signal_is_killed() -> None:
    """In C code, as a database driver may be: here all signals are blocked that can be."""
    text = """
import logging, signal, time
from datetime import timedelta
from landfall.orchestration.steps.step import killed_after
logging.basicConfig()
signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
with killed_after(timedelta(seconds=30), logging.getLogger()):
    pass
with killed_after(timedelta(seconds=0.2), logging.getLogger()):
    time.sleep(3600)
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert (
        "Still at it 0:00:00.200000 after its start: the process is killed. The task is tried again."
        in done.stdout + done.stderr
    )


@pytest.mark.usefixtures("nowhere")
def test_a_job_elsewhere_that_is_waited_for_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []
    step = make_features(FORECAST)

    def remote(context: Any, settings: Settings, target: str) -> Any:
        return SimpleNamespace(
            where="databricks, landfall-x",
            log_hint="see the job where it ran",
            waiting=timedelta(hours=1),
            give_up=lambda: stopped.append("landfall-x"),
        )

    monkeypatch.setattr(step, "_remote", remote)
    with pytest.raises(ComputeError) as caught:
        step.resume_execution("__fail__", {"error": "Trigger timeout"}, {})
    assert stopped == ["landfall-x"]
    assert str(caught.value) == (
        "`make_features` took longer than 1:15:00: the Spark job `features` did not end.\n"
        "  looked: databricks, landfall-x\n"
        "  left: the job was stopped, what was published stays; it is tried again\n"
        "  next: see the job where it ran"
    )


@contextmanager
def frozen(stack: Any) -> Iterator[None]:
    """Spark hangs: its port is open, and nobody answers. The supervisor may start it anew meanwhile."""
    pid = next(int(str(part["pid"])) for part in stack.ps() if part["name"] == "spark")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


JOB = """
import sys
import spark_jobs.__main__ as jobs
from landfall.compute.local.warm import WarmSpark

def run(argv, session):
    sleep = f"java_method('java.lang.Thread', 'sleep', {argv[0]}L + id)"
    return {"slept": session.range(1).selectExpr(sleep).collect() and argv[0]}

jobs.run = run
print(WarmSpark(remote=sys.argv[1], lake=sys.argv[2]).run([sys.argv[3]], small=True))
"""
"""In place of a job: one that sleeps on the server, in the session of small jobs."""
INTERRUPTED = JOB.replace("print(", "signal.setitimer(signal.ITIMER_REAL, 15)\nprint(").replace(
    "import sys\n",
    """import signal, sys
from pyspark.sql.connect.session import SparkSession

class Limit(BaseException):
    pass

def strike(*_):
    raise Limit

kept = SparkSession.interruptTag
SparkSession.interruptTag = lambda session, tag: print("interrupted by tag", len(kept(session, tag)) < 2)
SparkSession.interruptAll = None
signal.signal(signal.SIGALRM, strike)
""",
)


def test_a_job_over_its_limit_ends_on_the_server_and_no_other_of_its_session_does(stack: Any) -> None:
    """Spark has few places for tasks: had the long ones gone on there, none of the next would ever begin."""

    def start(text: str, milliseconds: int) -> "subprocess.Popen[str]":
        words = [stack.settings.spark_remote, stack.settings.lake, str(milliseconds)]
        environment = {**os.environ, **stack.env, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-c", text, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    other = start(JOB, 30_000)
    for _ in range(2):
        long = start(INTERRUPTED, 3_600_000)
        out, error = long.communicate(timeout=300)
        assert (long.returncode, out.splitlines(), error.splitlines()[-1]) == (1, ["interrupted by tag True"], "Limit")
    out, error = other.communicate(timeout=300)
    assert (out, other.returncode) == ("{'slept': '30000'}\n", 0), error
    out, error = start(JOB, 1).communicate(timeout=300)
    assert out == "{'slept': '1'}\n", error


def test_a_server_that_hangs_is_away(stack: Any) -> None:
    spark = WarmSpark(remote=stack.settings.spark_remote, lake=stack.settings.lake)
    with frozen(stack), pytest.raises(ComputeError) as caught:
        spark.run(["features"])
    assert str(caught.value) == (
        "The Spark job `features` could not start: Spark does not answer.\n"
        f"  looked: {spark.address} (it takes connections, and has said nothing for 10 s)\n"
        "  left: nothing was written, what was published stays\n"
        "  next: landfall ps"
    )
    until = time.monotonic() + 300
    while True:
        try:
            return spark.check_alive()
        except ComputeError:
            assert time.monotonic() < until
            time.sleep(1)


def test_limits_are_a_step_s_own_or_those_of_its_job_and_of_servers() -> None:
    assert land_rows().execution_timeout == timedelta(minutes=5)
    assert isinstance(make_features(FORECAST), SparkStep)
    assert make_features(FORECAST).execution_timeout == FORECAST.features.limit + timedelta(minutes=5)
