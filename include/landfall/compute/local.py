"""The local target: the warm Spark Connect server of the embedded stack, or of docker-compose.

A job runs in this process and its frames on the server, in a session of its own that ends with the job.
"""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from landfall.compute.target import Report
from landfall.errors import ComputeError, LandfallError


@dataclass(frozen=True, kw_only=True)
class WarmSpark:
    """A Spark Connect server at `remote` (sc://host:port) with the lake at `lake` (s3a://bucket)."""

    remote: str
    lake: str

    def run(self, argv: list[str]) -> Report:
        """Run one job (see `ComputeTarget.run`)."""
        self._check_alive(argv[0])
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        from spark_jobs.__main__ import run

        session = SparkSession.builder.remote(self.remote).getOrCreate()
        try:
            return run([*argv, "--lake", self.lake], session)
        except LandfallError:
            raise
        except PySparkException as error:
            raise self._failed(argv[0], str(error)) from error
        except Exception as error:
            if type(error).__module__.startswith(("grpc", "pyspark")):
                raise self._failed(argv[0], str(error)) from error
            raise
        finally:
            session.stop()

    def _check_alive(self, job: str) -> None:
        address = urlsplit(self.remote)
        try:
            socket.create_connection((address.hostname or "", address.port or 15002), timeout=5).close()
        except OSError as error:
            raise ComputeError(
                f"The Spark job `{job}` could not start: Spark does not answer.",
                looked=f"{self.remote} ({error})",
                left="nothing was written, what was published stays",
                next="landfall ps",
            ) from error

    def _failed(self, job: str, text: str) -> ComputeError:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        cause = next((line for line in lines if "Exception" in line and "S3" in line), lines[0] if lines else text)
        return ComputeError(
            f"The Spark job `{job}` failed: {cause[:400]}",
            looked=self.remote,
            left="its partitions are as they were before, what was published stays",
            next="landfall logs spark",
        )
