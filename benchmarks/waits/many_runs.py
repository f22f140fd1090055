"""Runs by the thousand, each of which waits for a day; and days that land."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import psycopg

from landfall.objects.client import connect
from landfall.spec import Settings
from landfall.stack import environment
from landfall.stack.variables import for_servers

FIRST = date(1990, 1, 1)
ROOT = Path(__file__).resolve().parents[2]

MAKE_RUNS = """
import sys
from datetime import timedelta
import pendulum
from airflow.models.serialized_dag import SerializedDagModel
from airflow.timetables.base import DataInterval
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
dag_id, first, begin, end = sys.argv[1], pendulum.parse(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with create_session() as session:
    dag = SerializedDagModel.get(dag_id, session=session).dag
    for number in range(begin, end):
        day = first.add(days=number)
        dag.create_dagrun(
            run_id=f"manual__{day.to_date_string()}", logical_date=day, run_after=day, state=DagRunState.RUNNING,
            data_interval=DataInterval(day, day.add(days=1)), run_type=DagRunType.MANUAL, conf={},
            triggered_by=DagRunTriggeredByType.TEST, session=session,
        )
        if number % 200 == 199:
            session.commit()
            session.expunge_all()
"""


def project(folder: Path, sides: str) -> Path:
    """A project whose DAGs are the two of the benchmark's folder `sides`."""
    (folder / "dags").mkdir(parents=True)
    for dag in (ROOT / "benchmarks" / sides / "dags").glob("*.py"):
        (folder / "dags" / dag.name).symlink_to(dag)
    for name in ("include", "spark_jobs", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def make_runs(home: Path, dag_id: str, begin: int, end: int) -> None:
    """One run for each day from number `begin` up to `end`, by the function that the REST API calls, without a request each."""
    arguments = [sys.executable, "-c", MAKE_RUNS, dag_id, FIRST.isoformat(), str(begin), str(end)]
    subprocess.run(arguments, check=True, env=for_servers(environment(home)), stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def airflow_rows(home: Path) -> Iterator[psycopg.Connection]:
    """A connection to Airflow's database."""
    url = environment(home)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def give_up(home: Path, dag_id: str) -> None:
    """End the runs that still wait, so that they are not measured with the other side's."""
    with airflow_rows(home) as rows:
        rows.execute("UPDATE task_instance SET state = 'failed', trigger_id = NULL WHERE dag_id = %s", [dag_id])
        rows.execute("UPDATE dag_run SET state = 'failed' WHERE dag_id = %s", [dag_id])


def land_some(home: Path, where: Settings, dag_id: str, days: int, count: int) -> list[float]:
    """Put `count` objects, each into another folder; from each PUT to the end of its task, seconds."""
    client, put = connect(where.s3), {}
    for number in range(count):
        day = FIRST + timedelta(number * days // count)
        key = f"many/{dag_id.removeprefix('many_')}/dt={day}/hours.csv"
        client.put_object(Bucket=where.s3.bucket, Key=key, Body=BytesIO(b"1"), ContentType="text/csv")
        put[day] = datetime.now(UTC)
        time.sleep(0.31 + 0.4 * (number % 3))
    time.sleep(60)
    ended, after = (_ends(home, dag_id, task) for task in ("wait_for_landing", "after"))
    gaps = sorted((end - ended[day]).total_seconds() for day, end in after.items() if day in ended)
    print(
        f"{dag_id}: the next task ended in {len(gaps)} of {count} runs; after {gaps[len(gaps) // 2 :][:1]} s",
        flush=True,
    )
    if missing := [day for day in put if day not in ended]:
        print(f"{len(missing)} landings did not end their task: {missing[:5]}", flush=True)
    return [(ended[day] - moment).total_seconds() for day, moment in put.items() if day in ended]


def _ends(home: Path, dag_id: str, task_id: str) -> dict[date, datetime]:
    """When the task succeeded, by the day of its run."""
    query = (
        "SELECT r.logical_date, t.end_date FROM task_instance t JOIN dag_run r USING (dag_id, run_id) "
        "WHERE t.dag_id = %s AND t.task_id = %s AND t.state = 'success'"
    )
    with airflow_rows(home) as rows:
        return {moment.astimezone(UTC).date(): end for moment, end in rows.execute(query, [dag_id, task_id])}
