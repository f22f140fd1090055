"""The local target: the warm Spark Connect server of the embedded stack, or of docker-compose.

A job runs in this process and its frames on the server. Large jobs have a session of their own that ends with the job;
small ones share one, because Spark starts new Python workers for each session (2 to 5 s, more than the job itself).
"""

import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from landfall.compute.target import Report
from landfall.errors import ComputeError, LandfallError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = {
    # Plans are interpreted: compiling one takes longer than running it over the rows of a day.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # One task and one job a query, where there is nothing to divide or to decide between two.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
}
"""How the session of small jobs plans."""

KEEPALIVE = {"grpc.keepalive_time_ms": 360_000, "grpc.keepalive_timeout_ms": 20_000}
"""A server that hangs is noticed after these, without any limit of a step. It refuses clients that ask more often than every
5 minutes."""

HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""What a client of HTTP/2 says first (RFC 9113, 3.4), with no settings of its own; the server says its settings."""

GREETING = 10.0
"""Seconds within which a server answers that is alive, however busy: it takes milliseconds."""

LOG_LEVEL = "SPARK_CONNECT_LOG_LEVEL"
"""The variable that turns on the log of Spark's client."""

LOOK = "landfall logs spark"
"""What shows more of a job that failed."""


@dataclass(frozen=True, kw_only=True)
class WarmSpark:
    """A Spark Connect server at `remote` (sc://host:port) with the lake at `lake` (s3a://bucket)."""

    remote: str
    lake: str
    _under_way: "list[tuple[SparkSession, str]]" = field(default_factory=list, init=False, compare=False, repr=False)

    def run(self, argv: list[str], *, small: bool = False) -> Report:
        """Run `python -m spark_jobs ARGV` there and give its report. A `small` one (see `Job.small`) is planned as `SMALL` says.

        Where the caller is interrupted (a time limit, Ctrl-C), what the job has under way on the server is stopped too.

        Raises:
            LandfallError: the job's own verdict on its input, or a ComputeError when Spark failed or is away.
        """
        self.check_alive(argv[0])
        from pyspark.errors import PySparkException

        from spark_jobs.__main__ import run
        from spark_jobs.outcome import job_failed

        try:
            with self._shared_session() if small else self._own_session() as session, self._stoppable(session):
                return run([*argv, "--lake", self.lake], session)
        except LandfallError:
            raise
        except PySparkException as error:
            raise job_failed(argv[0], str(error), self.address, LOOK) from error
        except Exception as error:
            if type(error).__module__.startswith(("grpc", "pyspark")):
                raise job_failed(argv[0], str(error), self.address, LOOK) from error
            raise

    def stop(self) -> None:
        """Stop on the server what this job has under way there; other jobs, also those of the same session, go on."""
        if self._under_way:
            session, tag = self._under_way[-1]
            _shortly(lambda: session.interruptTag(tag))

    @contextmanager
    def _stoppable(self, session: "SparkSession") -> Iterator[None]:
        """Mark what is asked of the server inside, so that it can be told from what others ask in the same session."""
        tag = f"landfall-{uuid.uuid4().hex}"
        session.addTag(tag)
        self._under_way.append((session, tag))
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.stop()
            raise
        finally:
            self._under_way.pop()
            session.removeTag(tag)

    def _session(self, name: str = "") -> "SparkSession":
        """A new client of the server, of its session called `name`, or of a new one."""
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.logging import logger
        from pyspark.sql.connect.session import SparkSession

        # As pyspark has it. Airflow's configuration turns every logger on again that was imported before it, and each answer
        # that the server refuses, also an expected one, was a stack trace in the task's log. What is refused is raised too.
        logger.disabled = LOG_LEVEL not in os.environ
        os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"  # as pyspark.sql's own builder does, which takes no channel
        slash = "" if "/;" in self.remote else "/"
        builder = DefaultChannelBuilder(f"{self.remote}{slash};session_id={name}" if name else self.remote)
        for option, value in KEEPALIVE.items():
            builder.setChannelOption(option, value)
        return cast("SparkSession", SparkSession.builder.channelBuilder(builder).create())

    @contextmanager
    def _own_session(self) -> "Iterator[SparkSession]":
        session = self._session()
        try:
            yield session
        finally:
            _end(session)

    @contextmanager
    def _shared_session(self) -> "Iterator[SparkSession]":
        """The server's session for small jobs: its Python workers are warm, and it is left open for the next job.

        A session that the server has closed cannot come back under its id; then the job gets one of its own.
        """
        from pyspark.errors import PySparkException

        session = self._session(str(uuid.uuid5(uuid.NAMESPACE_URL, f"landfall small jobs {self.remote}")))
        session.release_session_on_close = False
        try:
            for option, value in SMALL.items():
                session.conf.set(option, value)
        except PySparkException as error:
            session.stop()
            if "INVALID_HANDLE" not in str(error):
                raise
            with self._own_session() as own:
                yield own
            return
        try:
            yield session
        finally:
            _end(session)

    @property
    def address(self) -> str:
        """The server without the token that its address carries."""
        return self.remote.partition("/;")[0]

    def check_alive(self, job: str = "") -> None:
        """Ask the server for a connection: one that hangs takes it and says nothing.

        Raises:
            ComputeError: it does not answer within seconds.
        """
        try:
            self._greet()
        except OSError as error:
            what = f"The Spark job `{job}` could not start: Spark does not answer." if job else "Spark does not answer."
            raise ComputeError(
                what,
                looked=f"{self.address} ({error})",
                left="nothing was written, what was published stays",
                next="landfall ps",
            ) from error

    def _greet(self) -> None:
        """Begin to speak HTTP/2, as gRPC does: a millisecond, where its own client takes 200.

        Raises:
            OSError: nothing listens, or what listens greets nobody.
        """
        address = urlsplit(self.remote)
        with socket.create_connection((address.hostname or "", address.port or 15002), timeout=5) as connection:
            if "use_ssl=true" in self.remote.lower():
                return
            connection.settimeout(GREETING)
            connection.sendall(HTTP2)
            try:
                if not connection.recv(1):
                    raise ConnectionError("it hung up")
            except TimeoutError:
                raise TimeoutError(f"it takes connections, and has said nothing for {GREETING:.0f} s") from None


def _end(session: "SparkSession") -> None:
    """Close the session, and leave it as this thread's active one no longer: Spark forgets that for its own thread alone."""
    _shortly(session.stop)
    active = getattr(type(session), "_active_session", None)
    if isinstance(active, threading.local):
        active.session = None


def _shortly(work: Callable[[], object]) -> None:
    """Do `work`, and go on without it if the server does not answer in `GREETING` seconds."""
    worker = threading.Thread(target=_quietly, args=(work,), daemon=True)
    worker.start()
    worker.join(GREETING)


def _quietly(work: Callable[[], object]) -> None:
    with suppress(Exception):
        work()
