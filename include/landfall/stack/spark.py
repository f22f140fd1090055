"""A warm Spark Connect server in one JVM, with Delta, s3a, Kafka and the Postgres driver on its class path."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from landfall.stack import children, jars
from landfall.stack.answers import listens
from landfall.stack.java import Java
from landfall.stack.part import Announce, Part, last_lines
from landfall.stack.s3 import S3Server
from landfall.stack.spark_probe import SparkProbe

ANSWERED = "a query was answered"


class Spark(Part):
    """Spark Connect. Callers must show the token that is in their URL, so another user of the machine cannot run anything."""

    name = "spark"
    needs = ("s3",)
    probe_every = 15.0
    gives_up_after = None  # a long job that holds every core keeps the probe's own job waiting

    def __init__(
        self,
        *,
        log: Path,
        env: Mapping[str, str],
        data: Path,
        port: int,
        s3: S3Server,
        token: str,
        java: Java,
        project: Path,
    ) -> None:
        super().__init__(log=log, env=env)
        self.data, self.port, self.s3, self.token, self.java = data, port, s3, token, java
        self.url = f"sc://localhost:{port}"
        self.remote = f"{self.url}/;token={token}"
        self.env |= {
            "SPARK_HOME": str(jars.pyspark_home()),
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "PYTHONPATH": os.pathsep.join([str(project), str(project / "include")]),
        }
        self._probe = SparkProbe(port, token)
        self._warm: tuple[float, subprocess.Popen[bytes]] | None = None

    def prepare(self, say: Announce) -> None:
        if not jars.SPARK.folder(self.s3.cache).exists():
            say("fetching jars (once, 36 MB, about a minute)")
        self.jars = jars.fetch(jars.SPARK, self.s3.cache, self.java)
        for folder in ("warehouse", "local"):
            (self.data / folder).mkdir(parents=True, exist_ok=True)

    def settings(self) -> dict[str, str]:
        """Spark's configuration. The S3 keys come from the environment, so that no command line shows them."""
        return {
            # Not spark.jars: that copies every jar once for each session, that is, once for each task.
            "spark.driver.extraClassPath": f"{self.jars}/*",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.connect.session.manager.defaultSessionTimeout": "-1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            # The driver's own ports accept objects to deserialise, and commands such as "stop". A driver in a single process
            # makes the secret itself, a new one at each start. Unlike on a cluster, traffic is not encrypted: nobody can listen
            # in on 127.0.0.1, and with encryption one start hung for two minutes, because its executor had half fetched a
            # class of the driver.
            "spark.authenticate": "true",
            "spark.log.level": "WARN",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.default.parallelism": "2",
            # The driver lists a year of daily folders itself: a Spark job of 365 tasks took longer.
            "spark.sql.sources.parallelPartitionDiscovery.threshold": "2000",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "2",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(self.data / "warehouse"),
            "spark.local.dir": str(self.data / "local"),
            "spark.jars.ivy": str(self.s3.cache / "ivy"),
            "spark.python.worker.reuse": "true",
            "spark.python.daemon.module": "spark_jobs.worker_daemon",
            "spark.hadoop.fs.s3a.endpoint": self.s3.url,
            "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.aws.credentials.provider": (
                "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
            ),
            "spark.hadoop.fs.s3a.bucket.probe": "0",
            "spark.hadoop.fs.s3a.fast.upload.buffer": "bytebuffer",
            "spark.hadoop.fs.s3a.committer.name": "magic",
        }

    def command(self) -> list[str]:
        settings = [text for name, value in self.settings().items() for text in ("--conf", f"{name}={value}")]
        return [
            str(jars.pyspark_home() / "bin" / "spark-submit"),
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--name",
            "landfall",
            "--master",
            "local[*]",
            "--driver-memory",
            "1g",
            "--driver-java-options",
            # Serial: 610 MB resident after a first Delta job, 860 with the default collector. Without the optimizing
            # compiler: 13 s of CPU to the first answer instead of 20, 39 to the first Delta table instead of 66, and
            # a small random forest takes no longer even when warm (7 s of CPU against 8).
            "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            *settings,
        ]

    def check(self, started: float) -> str | None:
        """Healthy once a client got the answer to a trivial query. The same client then goes on to warm the server."""
        log = self.log.with_name("spark-warm.log")
        if self._warm is None or self._warm[0] != started:
            log.unlink(missing_ok=True)
            command = [sys.executable, "-m", "landfall.stack.warm", str(self.port), str(self.data / "warehouse")]
            env = {**self.env, "LANDFALL_SPARK_REMOTE": self.remote}
            self._warm = (started, children.spawn(command, env=env, log=log))
        output = log.read_text(encoding="utf-8", errors="replace")
        if ANSWERED in output:
            return None
        if self._warm[1].poll() is not None:
            self._warm = None  # try again with a new client
        port_state = "the port is open" if listens(self.port) else "nothing listens yet"
        return f"SELECT 1 at {self.url}: {port_state}. {' '.join(last_lines(log, 2))}"

    def probe(self, started: float) -> str | None:
        """Runs a query that needs an executor: a server that has lost its executor accepts queries and answers none."""
        return self._probe.ask(seconds=10)
