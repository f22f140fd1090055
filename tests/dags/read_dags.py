"""Imports DAG files in a process of its own, without any network, and tells as JSON what each gave.

    python read_dags.py one.py other.py       each file by itself, and what it made Python load
    python read_dags.py --bag FOLDER          as Airflow reads the folder, its plugins included

Run by test_policies.py. The network is closed by an audit hook, which no code of the process can take off again.
"""

import contextlib
import importlib.util
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

HEAVY = ("mlflow", "pandas", "pyspark", "sklearn")
NETWORK = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")


class NetworkIsClosed(BaseException):
    """Not an Exception, so that no `except Exception` of an import hides it."""


def close_network() -> None:
    """From here on, whatever would reach for the network is told by name and does not."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in NETWORK:
            raise NetworkIsClosed(f"{event}{arguments[1:] or arguments}")

    sys.addaudithook(refuse)


def heavy_modules() -> set[str]:
    """The libraries of HEAVY that this process has loaded."""
    return {name.partition(".")[0] for name in sys.modules} & set(HEAVY)


def told_of(path: Path) -> dict[str, Any]:
    """What importing one file did: the heavy libraries it loaded, its DAGs, or its error."""
    from airflow.sdk import DAG

    before = heavy_modules()
    spec = importlib.util.spec_from_file_location(f"dag_file_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, NetworkIsClosed) as error:
        return {"error": f"{type(error).__name__}: {error}", "heavy": sorted(heavy_modules() - before), "dags": []}
    dags = [value for value in vars(module).values() if isinstance(value, DAG)]
    return {"error": None, "heavy": sorted(heavy_modules() - before), "dags": [facts(dag) for dag in dags]}


def facts(dag: Any) -> dict[str, Any]:
    """What the policies ask of a DAG."""
    return {
        "dag_id": dag.dag_id,
        "doc_md": dag.doc_md,
        "description": dag.description,
        "tags": sorted(dag.tags),
        "params": sorted(dag.params),
        "catchup": dag.catchup,
        "timeout": seconds(dag.dagrun_timeout),
        "tasks": [task_facts(task) for task in dag.topological_sort()],
    }


def task_facts(task: Any) -> dict[str, Any]:
    """What the policies ask of a task."""
    from airflow.sdk.bases.sensor import BaseSensorOperator

    return {
        "task_id": task.task_id,
        "owner": task.owner,
        "retries": task.retries,
        "next": sorted(task.downstream_task_ids),
        "sensor": isinstance(task, BaseSensorOperator),
        "deferrable": getattr(task, "deferrable", False),
        "timeout": getattr(task, "timeout", None),
        "limit": seconds(task.execution_timeout),
        "reads": [asset.name for asset in task.inlets],
        "tells": [asset.name for asset in task.outlets],
        "pauses": [seconds(task.retry_delay), seconds(task.max_retry_delay)],
    }


def seconds(span: timedelta | None) -> float | None:
    """A span as JSON can hold it."""
    return None if span is None else span.total_seconds()


def read_files(paths: list[Path]) -> dict[str, Any]:
    """Every file by itself, with what each task start has imported before it."""
    import airflow.providers.amazon.aws.sensors.s3
    import airflow.sdk  # noqa: F401

    return {"before": sorted(heavy_modules()), "files": {path.stem: told_of(path) for path in paths}}


def read_bag(folder: Path) -> dict[str, Any]:
    """The folder as Airflow's dag-processor reads it, and every DAG as the scheduler gets it."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(folder, bundle_path=folder, bundle_name="dags")
    dags = {}
    for dag_id, dag in sorted(bag.dags.items()):
        again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
        dags[dag_id] = {
            "tasks": [[task.task_id, task.owner, task.retries] for task in again.task_group.topological_sort()],
            "next": [sorted(task.downstream_task_ids) for task in again.task_group.topological_sort()],
            "params": sorted(again.params),
            "tags": sorted(again.tags),
            "timetable": type(again.timetable).__name__,
            "ahead": getattr(again.timetable, "ahead", None),
            "summary": again.timetable.summary,
            "doc_md": again.doc_md,
            "timeout": seconds(again.dagrun_timeout),
        }
    return {"import_errors": bag.import_errors, "dags": dags}


if __name__ == "__main__":
    close_network()
    with contextlib.redirect_stdout(sys.stderr):
        bagged = sys.argv[1] == "--bag"
        told = read_bag(Path(sys.argv[2])) if bagged else read_files([Path(name) for name in sys.argv[1:]])
    print(json.dumps(told))
