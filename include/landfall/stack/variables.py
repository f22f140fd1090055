"""Every variable that the stack gives to its servers, its tasks and the command line."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from landfall.database import SERVING
from landfall.spec.capture import CAPTURE_PASSWORD, CONNECT, source_variable
from landfall.spec.commit import code_version
from landfall.spec.project import PACKAGE, PROJECT, own_project
from landfall.spec.settings import KAFKA
from landfall.spec.tables import READER
from landfall.stack.databases import FLOWERS
from landfall.stack.java import Java
from landfall.stack.kafka import USER
from landfall.stack.layout import Layout
from landfall.stack.s3 import MODELS
from landfall.stack.secrets import Secrets

BUCKET = "landfall"
# Taken from the environment of `landfall up` if they are set there.
TUNABLE = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",  # no step depends on it: docs/airflow.md
    "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": "landfall.stack.airflow_logs.LOGGING_CONFIG",
    # Seconds before the second try of a task, and before the audit restarts a run that an outage stopped. Doubled each time.
    "LANDFALL_RETRY_SECONDS": "10",
    "LANDFALL_RESTART_SECONDS": "300",
    "AIRFLOW__CORE__PARALLELISM": "4",  # each worker is forked at the start and kept
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    # Waiting runs count too: with the usual 20, twenty waiting days would hold up all others.
    "AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE": "200",
    # After a crash: how soon the tasks of a scheduler that died, and tasks that died with it, are picked up again.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    # A file that was edited is read at once all the same; reading every five seconds took a sixth of a core.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__TRIGGERER__CAPACITY": "20000",  # a wait costs kilobytes: benchmarks/results/ten_thousand_waits.md
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "5",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "10",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__OPENLINEAGE__DISABLED": "False",
    "AIRFLOW__OPENLINEAGE__NAMESPACE": "landfall",
    # One file a day in the stack's home: docs/lineage.md.
    "AIRFLOW__OPENLINEAGE__TRANSPORT": '{"type": "landfall.orchestration.lineage_files.DailyFiles"}',
    # Not in a fork: a task that has used Spark has gRPC threads, and a fork of it may hang.
    "AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD": "True",
    "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "3",  # seconds that an unreachable lineage server may cost a task, twice
}
# What a shell may set that would lead a server of the stack elsewhere, or cost every start a second compilation.
NOT_INHERITED = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "SPARK_REMOTE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
)


def variables(
    *, layout: Layout, project: Path, ports: Mapping[str, int], secrets: Secrets, java: Java, spark_jars: Path
) -> dict[str, str]:
    """The content of the `env` file."""
    address = f"127.0.0.1:{ports['postgres']}"
    s3 = f"http://127.0.0.1:{ports['s3']}"
    own = {
        "LANDFALL_HOME": str(layout.home),
        "LANDFALL_PROJECT": str(project),
        "LANDFALL_CODE_VERSION": code_version(project),
        "LANDFALL_DATABASE_URL": f"postgresql://landfall:{secrets.database_landfall}@{address}/landfall",
        "LANDFALL_READER_URL": f"postgresql://{READER}:{secrets.database_reader}@{address}/landfall",
        # The role of the lookup service, which alone has this; and where the service answers.
        "LANDFALL_SERVING_URL": f"postgresql://{SERVING}:{secrets.database_serving}@{address}/landfall",
        "LANDFALL_SERVING": f"http://127.0.0.1:{ports['serving']}",
        "LANDFALL_SPARK_REMOTE": f"sc://localhost:{ports['spark']}/;token={secrets.spark_token}",
        "LANDFALL_SPARK_JARS": str(spark_jars),
        "LANDFALL_AIRFLOW_URL": f"http://127.0.0.1:{ports['api-server']}",
        # Not people's `admin`: the audit and the command line read runs, start and clear them, and may do no more.
        "LANDFALL_AIRFLOW_USER": "landfall",
        "LANDFALL_AIRFLOW_PASSWORD": secrets.airflow_landfall,
        "LANDFALL_MLFLOW_ARTIFACTS": f"s3://{BUCKET}/{MODELS}",
        "LANDFALL_S3_BUCKET": BUCKET,
        "LANDFALL_S3_ENDPOINT": s3,
        "MLFLOW_TRACKING_URI": f"postgresql+psycopg2://mlflow:{secrets.database_mlflow}@{address}/mlflow",
        "MLFLOW_S3_ENDPOINT_URL": s3,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "AWS_ACCESS_KEY_ID": secrets.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": secrets.s3_secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_EC2_METADATA_DISABLED": "true",
        "JAVA_HOME": str(java.home),
        **_package(project),
    }
    return {**own, **_airflow(layout, project, ports, secrets, s3=s3, database=f"{address}/airflow")}


def _package(project: Path) -> dict[str, str]:
    """How the processes find the package of a project of one's own; empty in Landfall's checkout."""
    own = own_project({**os.environ, PROJECT: str(project)})
    return {PACKAGE: own.package, "PYTHONPATH": str(own.root)} if own else {}


def _airflow(
    layout: Layout, project: Path, ports: Mapping[str, int], secrets: Secrets, *, s3: str, database: str
) -> dict[str, str]:
    connection = {
        "conn_type": "aws",
        "login": secrets.s3_access_key,
        "password": secrets.s3_secret_key,
        "extra": {"endpoint_url": s3, "region_name": "us-east-1"},
    }
    url = f"http://127.0.0.1:{ports['api-server']}"
    data = layout.data("airflow")
    return {
        "AIRFLOW_HOME": str(data),
        "AIRFLOW_CONN_LANDFALL_S3": json.dumps(connection),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,landfall:user",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.passwords_file),
        "AIRFLOW__CORE__MP_START_METHOD": "fork",  # workers share what the scheduler has imported
        "AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),  # for plugins beside Landfall's, which is installed
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": secrets.airflow_fernet,
        "AIRFLOW__SCHEDULER__CATCHUP_BY_DEFAULT": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ports["api-server"]),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.airflow_api,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.airflow_jwt,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://airflow:{secrets.database_airflow}@{database}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(data / "logs"),
        # A task's log may quote what a server answered; by default everybody could read it.
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        **{name: os.environ.get(name, usual) for name, usual in TUNABLE.items()},
    }


def kafka(ports: Mapping[str, int], secrets: Secrets) -> dict[str, str]:
    """The variables of a stack with a Kafka broker."""
    values = (f"127.0.0.1:{ports['kafka']}", USER, secrets.kafka_landfall, "SASL_PLAINTEXT")
    return dict(zip(KAFKA, values, strict=True))


def cdc(ports: Mapping[str, int], secrets: Secrets) -> dict[str, str]:
    """The variables of a stack that captures changes: its worker, and the source database."""
    address = f"127.0.0.1:{ports['postgres']}"
    worker = (f"http://127.0.0.1:{ports['connect']}", USER, secrets.connect)
    url = f"postgresql://{FLOWERS}:{secrets.database_flowers}@{address}/{FLOWERS}"
    captures = {CAPTURE_PASSWORD: secrets.database_capture, source_variable(FLOWERS): url}
    return {**dict(zip(CONNECT, worker, strict=True)), **captures}


def for_servers(written: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server: the shell's, overridden by what the stack wrote, and no proxy for 127.0.0.1."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    near = ",".join(filter(None, [inherited.get("NO_PROXY") or inherited.get("no_proxy"), "127.0.0.1,localhost"]))
    return {**inherited, **written, "NO_PROXY": near, "no_proxy": near, "PYTHONUNBUFFERED": "1"}
