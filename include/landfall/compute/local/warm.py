"""Runs a job on the warm Spark Connect server of the embedded stack or of docker-compose.

The job's Python runs in this process, and the server computes its data frames. A large job has a session of its own, which ends
with the job. Small jobs share a session, because Spark starts new Python workers for each session: that takes 2 to 5 s, more than
the job itself.
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

from landfall.compute.target import ReportFields
from landfall.errors import ComputeError, LandfallError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = {
    # Plans are interpreted: compiling a plan takes longer than running it over the rows of a day.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # A query is one job of one task: with so few rows there is nothing to divide, and no decision to take between two jobs.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
}
"""The Spark configuration of the session of small jobs."""

KEEPALIVE = {"grpc.keepalive_time_ms": 360_000, "grpc.keepalive_timeout_ms": 20_000}
"""The times after which the client notices that a server hangs, in milliseconds; no step needs a limit for it. The server refuses
clients that ask more often than every 5 minutes."""

HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""The first bytes of an HTTP/2 client (RFC 9113, 3.4), without settings of its own. The server answers with its settings."""

GREETING = 10.0
"""The seconds within which a server that is alive must answer. Even a busy one takes only milliseconds."""

LOG_LEVEL = "SPARK_CONNECT_LOG_LEVEL"
"""The variable that turns the log of Spark's client on."""

LOOK = "landfall logs spark"
"""The command that shows more about a job that failed."""


@dataclass(frozen=True, kw_only=True)
class WarmSpark:
    """A Spark Connect server at `remote` (sc://host:port) with the lake at `lake` (s3a://bucket)."""

    remote: str
    lake: str
    _under_way: "list[tuple[SparkSession, str]]" = field(default_factory=list, init=False, compare=False, repr=False)

    def run(self, argv: list[str], *, small: bool = False) -> ReportFields:
        """Runs `python -m spark_jobs ARGV` on the server and gives its report. A `small` job (see `Job.small`) has `SMALL` set.

        If the caller is interrupted (by a time limit or Ctrl-C), the job's work on the server is stopped too.

        Raises:
            LandfallError: the job's own error about its input; or a ComputeError if Spark failed or cannot be reached.
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
        """Stops this job's work on the server. Other jobs go on, also those of the same session."""
        if self._under_way:
            session, tag = self._under_way[-1]
            _shortly(lambda: session.interruptTag(tag))

    @contextmanager
    def _stoppable(self, session: "SparkSession") -> Iterator[None]:
        """Tags the work that the server does for the code inside, so that `stop` can tell it from other work of the session."""
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
        """A new client of the server, with its session called `name`, or with a new session."""
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.logging import logger
        from pyspark.sql.connect.session import SparkSession

        # Restores pyspark's own default. Airflow's configuration turns on every logger that was imported before it, and then
        # each refusal of the server, even an expected one, was a stack trace in the task's log. A refusal is raised anyway.
        logger.disabled = LOG_LEVEL not in os.environ
        os.environ["SPARK_CONNECT_MODE_ENABLED"] = (
            "1"  # pyspark.sql's own builder does this too, but it takes no channel
        )
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
        """The server's session for small jobs. Its Python workers are warm, and it stays open for the next job.

        If the server has closed that session, it cannot be opened again under its id. Then the job gets a session of its own.
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

    def open(self) -> "SparkSession":
        """A session of its own, for work that goes on; see `close`."""
        return self._session()

    def close(self, session: "SparkSession") -> None:
        """Stops the session's work on the server and closes it, even if the server does not answer."""
        _shortly(session.interruptAll)
        _end(session)

    @property
    def address(self) -> str:
        """The server's address without the token in it."""
        return self.remote.partition("/;")[0]

    def check_alive(self, job: str = "") -> None:
        """Connects to the server and waits for its first byte: a server that hangs takes a connection but sends nothing.

        Raises:
            ComputeError: the server does not answer within `GREETING` seconds, or refuses the connection.
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
        """Sends the first bytes of HTTP/2, as gRPC does. It takes a millisecond; gRPC's own client takes 200.

        Raises:
            OSError: nothing listens there, or the listener does not answer.
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
    """Closes the session, and makes this thread forget it: `stop` runs in another thread, and forgets it only there."""
    _shortly(session.stop)
    active = getattr(type(session), "_active_session", None)
    if isinstance(active, threading.local):
        active.session = None


def _shortly(work: Callable[[], object]) -> None:
    """Does `work` in a thread, and waits for it at most `GREETING` seconds: the server may not answer."""
    worker = threading.Thread(target=_quietly, args=(work,), daemon=True)
    worker.start()
    worker.join(GREETING)


def _quietly(work: Callable[[], object]) -> None:
    with suppress(Exception):
        work()
