"""The command line of every Spark task of every DAG, as the UI shows it rendered, beside a committed file.

LANDFALL_WRITE_SNAPSHOTS=1 python -m pytest tests/spark_jobs/test_command_lines.py     writes the file again
"""

import importlib.util
import os
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from landfall.pipelines import TABLE_MODELS

FOLDER = Path(__file__).parent
SNAPSHOT = FOLDER / "command_lines.txt"
BY_HAND = SimpleNamespace(run_type="manual")
CONTEXTS: dict[str, dict[str, Any]] = {
    "by its logical date": {
        "dag_run": BY_HAND,
        "ds": "2012-12-25",
        "ts": "2012-12-25T07:00:00+00:00",
        "params": {"day": None, "until": None, "model": "iris"},
    },
    "by the day of its form": {
        "dag_run": BY_HAND,
        "ds": "2012-12-25",
        "ts": "2012-12-25T07:00:00+00:00",
        "params": {"day": "2011-02-03", "until": "2011-09-30", "model": "species_price"},
    },
}


def dag_of(path: Path) -> Any:
    """The DAG that a file makes."""
    spec = importlib.util.spec_from_file_location(f"snapshot_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dag


def spark_tasks(path: Path) -> list[Any]:
    """New Spark tasks of one DAG, in the order they run: rendering changes a task."""
    from landfall.orchestration.steps.spark_step import SparkStep

    return [task for task in dag_of(path).topological_sort() if isinstance(task, SparkStep)]


def command_line(task: Any, context: dict[str, Any]) -> str:
    """Name and options, one a line, with every template rendered."""
    task.render_template_fields(context)
    job, *options = task.argv
    words = [job, *(f"{flag} {shlex.quote(value)}" for flag, value in zip(options[::2], options[1::2], strict=True))]
    also = {name: getattr(task, name) for name in task.template_fields if name != "argv"}
    return "\n".join(
        [*(f"    {word}" for word in words), *(f"    # {name}: {value!r}" for name, value in also.items())]
    )


def every_command_line() -> str:
    """The text of the snapshot."""
    parts = []
    for path in sorted((FOLDER.parents[1] / "dags").glob("*.py")):
        for how, context in CONTEXTS.items():
            parts += [f"{path.stem}.{task.task_id}, {how}\n{command_line(task, context)}" for task in spark_tasks(path)]
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize("name", TABLE_MODELS)
def test_a_table_model_is_trained_by_the_job_that_it_declares(name: str) -> None:
    [task] = spark_tasks(FOLDER.parents[1] / "dags" / "train_model.py")
    task.render_template_fields({"params": {"model": name}})
    assert task.argv == TABLE_MODELS[name].training.argv(partition="")


def test_every_spark_task_has_the_command_line_that_was_agreed() -> None:
    now = every_command_line()
    if os.environ.get("LANDFALL_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    agreed = SNAPSHOT.read_text(encoding="utf-8")
    assert now == agreed, "to agree: LANDFALL_WRITE_SNAPSHOTS=1 python -m pytest tests/spark_jobs/test_command_lines.py"


@pytest.mark.parametrize("how", CONTEXTS)
def test_no_template_is_left_on_a_command_line(how: str) -> None:
    for path in sorted((FOLDER.parents[1] / "dags").glob("*.py")):
        for task in spark_tasks(path):
            assert "{{" not in command_line(task, CONTEXTS[how])
