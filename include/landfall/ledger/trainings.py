"""A training that a server made fail is started again like a partition's run: after a pause that grows.

A training has no reading that could say that its input is at fault. But a task that fails because of what it has learnt from
gives up at its first try, and a task that a server makes fail uses all its tries.
"""

from datetime import UTC, datetime, timedelta

from psycopg import sql

from landfall.database import Database, explained, fetch_one
from landfall.ledger.audit import PATIENCE, Start
from landfall.ledger.record import claim
from landfall.ledger.restarts import pause_after
from landfall.runs import AirflowApi
from landfall.spec import Training

_RESTARTS = sql.SQL("SELECT restarts FROM landfall.claims WHERE feed = %s AND partition = %s")


def restart_of(
    conn: Database, api: AirflowApi, training: Training, now: datetime, *, restart_after: timedelta
) -> Start | None:
    """The start of the training's newest run, if a server made it fail and its pause is over. The start is then claimed.

    Raises:
        PublishingError: the database cannot be asked. RunError: Airflow cannot be asked.
    """
    run = api.newest_run(training.dag_id)
    if (
        run is None
        or run["state"] != "failed"
        or not run["end_date"]
        or _gave_up(api, training.dag_id, run["dag_run_id"])
    ):
        return None
    name, run_id = training.dag_id, str(run["dag_run_id"])
    with explained(conn, f"What was started of `{name}` is not known."):
        row = fetch_one(conn, _RESTARTS, [name, run_id])
    count = int(str(row[0])) if row else 0
    ended = datetime.fromisoformat(str(run["end_date"]).replace("Z", "+00:00")).astimezone(UTC)
    if now < ended + pause_after(count, restart_after):
        return None
    if not claim(conn, name, run_id, None, PATIENCE, restarts=count + 1, made_of=run_id):
        return None
    why = f"{run_id} did not finish (attempt {count + 1})"
    return Start(
        feed=name,
        dag_id=name,
        partition=run_id,
        logical_date=run["logical_date"],
        run_id=run_id,
        reason="failed",
        why=why,
    )


def _gave_up(api: AirflowApi, dag_id: str, run_id: str) -> bool:
    """True if a task of the run failed with tries left: because of its input, or because a person stopped it."""
    failed = [task for task in api.tasks(dag_id, run_id) if task["state"] == "failed"]
    return any(task["try_number"] <= task["max_tries"] for task in failed)
