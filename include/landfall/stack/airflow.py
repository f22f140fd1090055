"""`python -m landfall.stack.airflow COMMAND...`: Airflow's own command line, which first imports what the tasks need.

Only the scheduler imports it. Its workers are forked from it, and the task processes from them, so they share these modules
instead of importing them again: a Spark or MLflow task saves 4.4 s of CPU, and the scheduler with four workers takes
420 MB in all. None of the modules opens a connection or a gRPC channel when it is imported.
"""

import gc
import importlib
import logging
import os
import resource
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress

HEAVY = (
    "pandas",
    "pyarrow",
    "pyarrow.fs",
    "pyarrow.parquet",
    "psycopg",
    "boto3",
    "pyspark.sql.connect.session",
    "pyspark.sql.connect.functions",
    "pyspark.ml",
    "pyspark.ml.connect.readwrite",
    "pyspark.ml.feature",
    "pyspark.ml.regression",
    "pyspark.ml.classification",
    "pyspark.ml.evaluation",
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "psycopg2",
    "alembic.command",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.supervisor",
    "landfall.orchestration",
    "landfall.orchestration.steps.audit",
    "landfall.orchestration.lineage.events",
    "landfall.orchestration.lineage_files",
    "landfall.compute.local.warm",
    "landfall.freshness",
    "landfall.ledger.survey",
    "landfall.compute.code",
)
DONE_ONCE = ("sqlalchemy.orm:configure_mappers", "landfall.compute.code:prepare")
"""What each task would do at its first question to MLflow, and when it asks which code makes its rows."""

log = logging.getLogger("landfall.stack.airflow")


def preload(modules: Sequence[str]) -> None:
    """Imports `modules`. One that cannot be imported is logged; the task that needs it imports it itself."""
    began = time.monotonic()
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            log.warning("`%s` is not shared with the task processes: %s", name, error)
    for module, _, function in (name.partition(":") for name in DONE_ONCE):
        if loaded := sys.modules.get(module):
            getattr(loaded, function)()
    gc.collect()
    log.info("%d modules shared after %.1f s", len(modules), time.monotonic() - began)


def open_files() -> None:
    """Raises the limit of open files as far as this user may: Airflow's triggerer keeps every waiting task's log open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def wait_for_the_api(url: str, *, pause: float = 0.5) -> None:
    """Returns once the API that tasks call has answered: a task that starts earlier is killed when its calls go unanswered.

    It waits as long as needed; whoever watches this process sees that it has not begun.
    """
    began, logged_at = time.monotonic(), 0.0
    while True:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}health", timeout=10):
                return
        except OSError as error:
            if time.monotonic() - logged_at > 10:
                logged_at = time.monotonic()
                log.info("waiting for %s, %.0f s so far: %s", url, logged_at - began, error)
        time.sleep(pause)


def main(arguments: Sequence[str]) -> None:
    logging.basicConfig(level=logging.INFO)
    sys.argv = ["airflow", *arguments]
    # Imported by name, because this room knows Airflow as a program to start, not as a library.
    program = importlib.import_module("airflow.__main__")
    if arguments[:1] == ["scheduler"]:
        preload(HEAVY)
        wait_for_the_api(os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
    if arguments[:1] == ["triggerer"]:
        open_files()
        importlib.import_module("landfall.orchestration.airflow_patches.lean_triggerer").prepare()
    program.main()


if __name__ == "__main__":
    main(sys.argv[1:])
