"""Makes the parts of the stack from a home, ports and secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from landfall.errors import StackError
from landfall.stack import jars, layout
from landfall.stack.airflow_parts import OPTIONS, AirflowPart, Tables
from landfall.stack.connect import Connect, ConnectPasswords
from landfall.stack.databases import FLOWERS, Logins
from landfall.stack.databricks import DatabricksWorkspace, connection
from landfall.stack.java import Java
from landfall.stack.kafka import Kafka, Passwords
from landfall.stack.layout import Layout
from landfall.stack.mlflow import Keys, Mlflow
from landfall.stack.part import Part
from landfall.stack.postgres import Postgres
from landfall.stack.s3 import S3Server
from landfall.stack.secrets import Secrets
from landfall.stack.serving import Serving
from landfall.stack.spark import Spark
from landfall.stack.streams import Streams
from landfall.stack.variables import BUCKET, cdc, for_servers, kafka, variables

AIRFLOW = tuple(sorted(OPTIONS))
USUAL = ("postgres", "s3", "spark", "serving", *AIRFLOW)
KNOWN = (*USUAL, "mlflow", "databricks", "kafka", "connect", "streams")
NEEDS = {
    "spark": ("s3",),
    "serving": ("postgres",),
    "mlflow": ("postgres", "s3"),
    "databricks": ("postgres", "s3"),
    "connect": ("postgres", "kafka"),
    "streams": ("postgres", "s3", "spark"),
    **dict.fromkeys(AIRFLOW, ("postgres", "api-server")),
}

BROUGHT = {"kafka": ("streams",), "cdc": ("kafka", "connect", "streams")}
"""What `--with` starts besides: a broker is there for streams. `cdc` (change data capture) is the name of three parts."""


def chosen(parts: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """The parts to start for `parts` (empty: the usual ones) and `extra`, with those that they need.

    `airflow` stands for its four servers, and `cdc` in `extra` for what captures changes.

    Raises:
        StackError: a part is unknown.
    """
    wanted: set[str] = set()
    brought = [more for name in extra for more in BROUGHT.get(name, ())]
    for name in [*(parts or USUAL), *(name for name in extra if name != "cdc"), *brought]:
        if name not in (*KNOWN, "airflow"):
            raise StackError.unknown("part", name, [*KNOWN, "airflow"], next="landfall up --parts postgres,s3,spark")
        for part in AIRFLOW if name == "airflow" else (name,):
            wanted |= {part, *NEEDS.get(part, ())}
    return [name for name in KNOWN if name in wanted]


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """Everything that is decided before the first server starts."""

    layout: Layout
    project: Path
    ports: Mapping[str, int]
    secrets: Secrets
    java: Java

    def variables(self, names: Sequence[str]) -> dict[str, str]:
        """The content of the `env` file for a stack with the parts called `names`."""
        written = variables(
            layout=self.layout,
            project=self.project,
            ports=self.ports,
            secrets=self.secrets,
            java=self.java,
            spark_jars=jars.SPARK.folder(layout.cache()),
        )
        if "mlflow" in names:
            written["LANDFALL_MLFLOW_URL"] = f"http://127.0.0.1:{self.ports['mlflow']}"
        if "kafka" in names:
            written |= kafka(self.ports, self.secrets)
        if "connect" in names:
            written |= cdc(self.ports, self.secrets)
        if "databricks" in names:  # otherwise a shell's connection to a real workspace stays as it is
            token = self.secrets.databricks_token
            written["AIRFLOW_CONN_LANDFALL_DATABRICKS"] = connection(self.ports["databricks"], token, written)
        return written

    def parts(self, names: Sequence[str], written: Mapping[str, str]) -> list[Part]:
        """The parts called `names`, ready to start."""
        files, env, secrets, ports = self.layout, for_servers(written), self.secrets, self.ports
        s3 = S3Server(
            log=files.log("s3"), env=env, data=files.data("s3"), port=ports["s3"], bucket=BUCKET, java=self.java,
            access_key=secrets.s3_access_key, secret_key=secrets.s3_secret_key, cache=layout.cache(),
            models_access_key=secrets.models_access_key, models_secret_key=secrets.models_secret_key,
        )  # fmt: skip
        owners = {
            "airflow": secrets.database_airflow,
            "mlflow": secrets.database_mlflow,
            "landfall": secrets.database_landfall,
        }
        captures = "connect" in names
        logins = Logins(
            owners=owners, reader=secrets.database_reader, serving=secrets.database_serving,
            capture=secrets.database_capture if captures else None,
            sources={FLOWERS: secrets.database_flowers} if captures else {},
        )  # fmt: skip
        postgres = Postgres(
            log=files.log("postgres"), env=env, data=files.data("postgres"), port=ports["postgres"],
            password=secrets.postgres, logins=logins,
        )  # fmt: skip
        spark = Spark(
            log=files.log("spark"), env=env, data=files.data("spark"), port=ports["spark"], s3=s3,
            token=secrets.spark_token, java=self.java, project=self.project,
        )  # fmt: skip
        tables = Tables(log=files.log("migrate"), env=env)
        mlflow = Mlflow(
            log=files.log("mlflow"), env=env, data=files.data("mlflow"), port=ports["mlflow"], tables=tables,
            tracking=written["MLFLOW_TRACKING_URI"], artifacts=written["LANDFALL_MLFLOW_ARTIFACTS"],
            keys=Keys(
                password=secrets.mlflow_admin, session=secrets.mlflow_session, access_key=secrets.models_access_key,
                secret_key=secrets.models_secret_key,
            ),
            passwords=files.mlflow_passwords_file,
        )  # fmt: skip
        airflow = [
            AirflowPart(
                name,
                log=files.log(name),
                env=env,
                port=ports["api-server"],
                tables=tables,
                passwords=files.passwords_file,
            )
            for name in AIRFLOW
        ]
        serving = Serving(log=files.log("serving"), env=env, port=ports["serving"])
        for part in (postgres, s3):
            part.secret_file = files.secrets_file
        databricks = DatabricksWorkspace(
            log=files.log("databricks"), env=env, data=files.data("databricks"), port=ports["databricks"], java=self.java,
            token=secrets.databricks_token, token_file=files.databricks_token_file, cache=layout.cache(),
        )  # fmt: skip
        broker = Kafka(
            log=files.log("kafka"), env=env, data=files.data("kafka"), port=ports["kafka"], java=self.java,
            controller_port=ports["kafka-controller"], cache=layout.cache(),
            passwords=Passwords(landfall=secrets.kafka_landfall, broker=secrets.kafka_broker),
        )  # fmt: skip
        broker.secret_file = files.env_file
        worker = Connect(
            log=files.log("connect"), env=env, data=files.data("connect"), port=ports["connect"], broker=broker.url,
            java=self.java, cache=layout.cache(),
            passwords=ConnectPasswords(
                kafka=secrets.kafka_landfall, connect=secrets.connect, capture=secrets.database_capture
            ),
        )  # fmt: skip
        worker.secret_file = files.env_file
        streams = Streams(log=files.log("streams"), env=env, data=files.data("streams"))
        parts = (postgres, s3, spark, serving, *airflow, mlflow, databricks, broker, worker, streams)
        return [part for part in parts if part.name in names]
