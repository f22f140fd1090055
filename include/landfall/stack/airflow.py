"""`python -m landfall.stack.airflow COMMAND...`: Airflow's own command line, with what the tasks need imported first.

Only the scheduler imports it: its workers are forked from it, and the task processes from them, so they share the
modules instead of each importing them again: 3.3 s of CPU that a Spark or MLflow task does not pay, and the
scheduler with four workers takes 320 MB in all. None of the modules opens a connection or a gRPC channel when imported.
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
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.supervisor",
    "landfall.orchestration",
    "landfall.orchestration.steps.audit",
    "landfall.orchestration.lineage.events",
    "landfall.orchestration.lineage_files",
    "landfall.compute.local.warm",
    "landfall.freshness",
    "landfall.ledger.survey",
)

log = logging.getLogger("landfall.stack.airflow")


def preload(modules: Sequence[str]) -> None:
    """Imports `modules`; one that cannot be imported is logged and left to the task that needs it."""
    began = time.monotonic()
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            log.warning("`%s` is not shared with the task processes: %s", name, error)
    gc.collect()
    log.info("%d modules shared after %.1f s", len(modules), time.monotonic() - began)


def open_files() -> None:
    """As many open files as this user may have: Airflow's own triggerer keeps the log of every waiting task open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def wait_for_the_api(url: str, *, pause: float = 0.5) -> None:
    """Returns once the API that tasks talk to has answered: a task that starts before is killed when its calls are not.

    It waits as long as it takes; whoever watches this process sees that it has not begun.
    """
    began, told = time.monotonic(), 0.0
    while True:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}health", timeout=10):
                return
        except OSError as error:
            if time.monotonic() - told > 10:
                told = time.monotonic()
                log.info("waiting for %s, %.0f s so far: %s", url, told - began, error)
        time.sleep(pause)


def main(arguments: Sequence[str]) -> None:
    logging.basicConfig(level=logging.INFO)
    sys.argv = ["airflow", *arguments]
    # By name, because this room knows Airflow as a program to start, not as a library.
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
