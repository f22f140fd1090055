"""`airflow dags trigger` for a day that has a run says so, in the place of the database's error.

A DAG has one run of a logical date. Airflow's API answers a second one with 409 and a sentence; its command line, which writes
to the database itself, with a stack trace.
"""

import importlib
import sys
from typing import Any

from landfall.errors import RunError

COMMANDS = "airflow.cli.commands.dag_command"
MODEL = "airflow.models.dagrun"


def refuse_second_runs() -> bool:
    """In the process of `airflow dags ...`: see above; True if this call changed it. A second call changes nothing."""
    if COMMANDS not in sys.modules:
        return False
    event, model = importlib.import_module("sqlalchemy").event, importlib.import_module(MODEL).DagRun
    if event.contains(model, "before_insert", _check):
        return False
    event.listen(model, "before_insert", _check)
    return True


def _check(_: Any, connection: Any, run: Any) -> None:
    """Before a run is written.

    Raises:
        SystemExit: its DAG is a feed's and has a run of that date; with the error, which the command line prints.
    """
    # In this process alone: the servers, which load the plugin, know no pipeline.
    from landfall.pipelines import PIPELINES

    feeds = (feed for pipeline in PIPELINES.values() for feed in pipeline.feeds)
    names = [feed.full_name for feed in feeds if feed.dag_id == run.dag_id]
    if not names or run.logical_date is None:
        return
    table = type(run).__table__
    same = (table.c.dag_id == run.dag_id) & (table.c.logical_date == run.logical_date)
    if there := connection.execute(table.select().with_only_columns(table.c.run_id, table.c.state).where(same)).first():
        raise SystemExit(str(_second(names[0], run, *there)))


def _second(feed: str, run: Any, run_id: str, state: str) -> RunError:
    day = f"{run.logical_date:%Y-%m-%d}"
    return RunError(
        f"`{run.dag_id}` has a run of {run.logical_date:%Y-%m-%d %H:%M} UTC: `{run_id}` ({state}).",
        looked="Airflow's database: a DAG has one run of a logical date",
        left="nothing was started",
        next=f"landfall backfill {feed} --from {day} --to {day}    (runs it again)",
    )
