"""Makes `airflow dags trigger` for a day that already has a run say so, in place of the database's error.

A DAG has one run for each logical date. For a second one, Airflow's API answers 409 with a sentence. Its command line, which
writes to the database itself, shows a stack trace.
"""

import importlib
import sys
from typing import Any

from landfall.errors import RunError

COMMANDS = "airflow.cli.commands.dag_command"
MODEL = "airflow.models.dagrun"


def refuse_second_runs() -> bool:
    """Changes the process of `airflow dags ...` as described above. True if this call changed it; a second one does nothing."""
    if COMMANDS not in sys.modules:
        return False
    event, model = importlib.import_module("sqlalchemy").event, importlib.import_module(MODEL).DagRun
    if event.contains(model, "before_insert", _check):
        return False
    event.listen(model, "before_insert", _check)
    return True


def _check(_: Any, connection: Any, run: Any) -> None:
    """Called before a run is written.

    Raises:
        SystemExit: the run's DAG is a feed's and has a run of that date; the command line prints the error.
    """
    # Imported here, because the servers, which load the plugin too, must know no pipeline.
    from landfall.pipelines import PIPELINES

    feeds = (feed for pipeline in PIPELINES.values() for feed in pipeline.feeds)
    names = [feed.full_name for feed in feeds if feed.dag_id == run.dag_id]
    if not names or run.logical_date is None:
        return
    table = type(run).__table__
    same = (table.c.dag_id == run.dag_id) & (table.c.logical_date == run.logical_date)
    if existing := connection.execute(
        table.select().with_only_columns(table.c.run_id, table.c.state).where(same)
    ).first():
        raise SystemExit(str(_second(names[0], run, *existing)))


def _second(feed: str, run: Any, run_id: str, state: str) -> RunError:
    day = f"{run.logical_date:%Y-%m-%d}"
    return RunError(
        f"`{run.dag_id}` already has a run of {run.logical_date:%Y-%m-%d %H:%M} UTC: `{run_id}` ({state}).",
        looked="Airflow's database: a DAG has one run of a logical date",
        left="nothing was started",
        next=f"landfall backfill {feed} --from {day} --to {day}    (runs it again)",
    )
