"""The local target: the warm Spark Connect server of the embedded stack, or of docker-compose.

A job runs in this process and its frames on the server. Large jobs have a session of their own that ends with the job;
small ones share one, because Spark starts new Python workers for each session (2 to 5 s, more than the job itself).
"""

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
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

LOOK = "landfall logs spark"
"""What shows more of a job that failed."""


@dataclass(frozen=True, kw_only=True)
class WarmSpark:
    """A Spark Connect server at `remote` (sc://host:port) with the lake at `lake` (s3a://bucket)."""

    remote: str
    lake: str

    def run(self, argv: list[str], *, small: bool = False) -> Report:
        """Run one job (see `ComputeTarget.run`). A `small` one is planned as `SMALL` says."""
        self._check_alive(argv[0])
        from pyspark.errors import PySparkException

        from spark_jobs.__main__ import run
        from spark_jobs.outcome import job_failed

        try:
            with self._shared_session() if small else self._own_session() as session:
                return run([*argv, "--lake", self.lake], session)
        except LandfallError:
            raise
        except PySparkException as error:
            raise job_failed(argv[0], str(error), self._address, LOOK) from error
        except Exception as error:
            if type(error).__module__.startswith(("grpc", "pyspark")):
                raise job_failed(argv[0], str(error), self._address, LOOK) from error
            raise

    @contextmanager
    def _own_session(self) -> "Iterator[SparkSession]":
        from pyspark.sql import SparkSession

        session = SparkSession.builder.remote(self.remote).getOrCreate()
        try:
            yield session
        finally:
            session.stop()

    @contextmanager
    def _shared_session(self) -> "Iterator[SparkSession]":
        """The server's session for small jobs: its Python workers are warm, and it is left open for the next job.

        A session that the server has closed cannot come back under its id; then the job gets one of its own.
        """
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        slash = "" if "/;" in self.remote else "/"
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"landfall small jobs {self.remote}")
        session = SparkSession.builder.remote(f"{self.remote}{slash};session_id={name}").getOrCreate()
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
            session.stop()

    @property
    def _address(self) -> str:
        """The server without the token that its address carries."""
        return self.remote.partition("/;")[0]

    def _check_alive(self, job: str) -> None:
        address = urlsplit(self.remote)
        try:
            socket.create_connection((address.hostname or "", address.port or 15002), timeout=5).close()
        except OSError as error:
            raise ComputeError(
                f"The Spark job `{job}` could not start: Spark does not answer.",
                looked=f"{self._address} ({error})",
                left="nothing was written, what was published stays",
                next="landfall ps",
            ) from error
