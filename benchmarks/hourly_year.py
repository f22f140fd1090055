"""A year of hours, 8,760 partitions: seconds of an audit, of `landfall status` and of `landfall plan`.

    python benchmarks/hourly_year.py [--hours 8760] [--tries 3]

Starts a stack of its own without Spark and without a scheduler. One object lies there for each hour; the ledger, the publications
and Airflow's runs are written as that many runs would have left them, without running them. Commands are measured as a person
types them, from the start of the process to its end. The audit is measured from its listing to its decision. Each is measured
when everything is published, with a hundred failed runs besides, and when a new contract has made every hour stale.

What a look at all of Airflow's runs would take, 100 in a page, is in the last row.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "waits"))
from many_runs import airflow_rows
from report import spread, write

from landfall.database import connect as connect_database
from landfall.errors import RunError
from landfall.ledger import audit
from landfall.ledger.airflow_runs import active_runs, newest_run
from landfall.ledger.current import current_in
from landfall.ledger.landed import list_feed
from landfall.objects.client import connect
from landfall.pipelines.bike_hourly import BIKE_HOURLY, SNAPSHOTS
from landfall.runs import AirflowApi
from landfall.spec import Partition, Settings
from landfall.stack import control, environment, settings
from landfall.stack.variables import for_servers

FIRST = Partition.parse("2011-01-01T00")
PARTS = ("postgres", "s3", "dag-processor", "api-server")
FAILED = 100
MAKE_RUNS = """
import sys
import pendulum
from airflow.models.serialized_dag import SerializedDagModel
from airflow.timetables.base import DataInterval
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
dag_id, first, hours = sys.argv[1], pendulum.parse(sys.argv[2]), int(sys.argv[3])
with create_session() as session:
    dag = SerializedDagModel.get(dag_id, session=session).dag
    for number in range(hours):
        hour = first.add(hours=number)
        dag.create_dagrun(
            run_id=f"scheduled__{hour.isoformat()}", logical_date=hour, run_after=hour, state=DagRunState.SUCCESS,
            data_interval=DataInterval(hour, hour.add(hours=1)), run_type=DagRunType.SCHEDULED, conf={},
            triggered_by=DagRunTriggeredByType.TEST, session=session,
        )
        if number % 200 == 199:
            session.commit()
            session.expunge_all()
"""
READ = """
WITH there AS (
    SELECT partition, jsonb_object_agg(key, etag) AS objects FROM landfall.landed_objects
    WHERE feed = %(feed)s AND gone_at IS NULL GROUP BY partition)
INSERT INTO landfall.readings (feed, partition, run_id, objects, rows, quarantined)
SELECT %(feed)s, partition, 'scheduled__' || partition, objects, 1, 0 FROM there ORDER BY partition"""
PUBLISHED = """
INSERT INTO landfall.publications (table_name, partition, state, rows, run_id, model_version, fingerprint, fingerprint_hash,
                                   published_at, reading_id)
SELECT %(table)s, r.partition, 'published', 1, r.run_id, '',
       jsonb_build_object('code_version', %(code)s::text, 'model_version', '', 'contract', %(contract)s::text, 'objects',
           (SELECT jsonb_agg(jsonb_build_object('key', key, 'etag', value)) FROM jsonb_each_text(r.objects))),
       'benchmark', clock_timestamp(), r.id
FROM landfall.readings r WHERE r.feed = %(feed)s"""


def land(where: Settings, hours: int) -> None:
    """Puts one object for each hour, sixteen at a time."""
    client = connect(where.s3)
    first = FIRST.ordinal

    def put(number: int) -> None:
        moment = datetime.fromtimestamp((first + number) * 3600, UTC)
        key = f"{SNAPSHOTS.landing.folder(Partition(moment.date(), moment.hour))}hour.jsonl"
        client.put_object(Bucket=where.s3.bucket, Key=key, Body=b"{}\n", ContentType="application/jsonl")  # type: ignore[arg-type]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(hours), chunksize=128))


def publish(where: Settings) -> None:
    """Writes the ledger and the publications as one run for each hour would have left them."""
    with connect_database(where) as database:
        current = current_in(database, BIKE_HOURLY, SNAPSHOTS, datetime.now(UTC))
        list_feed(database, connect(where.s3), where.s3.bucket, SNAPSHOTS)
    names = {"feed": SNAPSHOTS.full_name, "table": SNAPSHOTS.table.name}
    names |= {"code": current.code, "contract": current.contract}
    with psycopg.connect(where.database_url, autocommit=True) as conn:
        conn.execute(READ, names)
        conn.execute(PUBLISHED, names)
        conn.execute("ANALYZE")


def make_runs(home: Path, where: Settings, hours: int) -> None:
    """One run for each hour that succeeded, once Airflow knows the DAG."""
    api, until = AirflowApi(where), time.monotonic() + 300
    while True:
        try:
            api.dag(SNAPSHOTS.dag_id)
            break
        except RunError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
    words = [sys.executable, "-c", MAKE_RUNS, SNAPSHOTS.dag_id, FIRST.start.isoformat(), str(hours)]
    subprocess.run(words, check=True, env=for_servers(environment(home)), stdout=subprocess.DEVNULL)
    with airflow_rows(home) as rows:
        rows.execute("ANALYZE")


def command(*words: str) -> list[dict[str, object]]:
    """What `landfall WORDS --json` answers."""
    program = [sys.executable, "-c", "from landfall.cli import main; main()", *words, "--json"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    entries: list[dict[str, object]] = json.loads(done.stdout)
    return entries


def audited(where: Settings) -> int:
    """One audit of the feed; gives how many runs are due."""
    api = AirflowApi(where)
    with connect_database(where) as database:
        outcome = audit(
            database,
            connect(where.s3),
            where.s3.bucket,
            SNAPSHOTS,
            current_in(database, BIKE_HOURLY, SNAPSHOTS, datetime.now(UTC)),
            active=lambda feed: active_runs(api, feed),
            newest=lambda feed, hour: newest_run(api, feed, hour),
        )
    return len(outcome.starts) + outcome.postponed


def seconds(tries: int, work: Callable[[], object]) -> tuple[str, object]:
    """The spread of the seconds of some tries, and what the last one gave."""
    took, outcome = [], None
    for _ in range(tries):
        began = time.perf_counter()
        outcome = work()
        took.append(time.perf_counter() - began)
    return spread(took), outcome


def measure(where: Settings, tries: int, stands: str) -> list[str]:
    """The rows of the table for one state of the year."""
    feed = SNAPSHOTS.full_name
    works: dict[str, Callable[[], object]] = {
        "audit": lambda: f"{audited(where)} runs due",
        "`landfall status`": lambda: f"{len(command('status', feed))} shown",
        "`landfall status --all`": lambda: f"{len(command('status', feed, '--all'))} shown",
        "`landfall plan`": lambda: f"{len(command('plan', feed))} planned",
    }
    lines = []
    for name, work in works.items():
        took, outcome = seconds(tries, work)
        lines.append(f"| {stands} | {name} | {took} | {outcome} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=8760)
    parser.add_argument("--tries", type=int, default=3)
    options = parser.parse_args()
    lines = ["| the year | what | seconds: median (range) | outcome |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["LANDFALL_HOME"] = folder
        control.up(PARTS)
        try:
            where = settings()
            land(where, options.hours)
            publish(where)
            make_runs(home, where, options.hours)
            lines += measure(where, options.tries, "all published")
            with airflow_rows(home) as rows:
                failed = "UPDATE dag_run SET state = 'failed' WHERE id IN (SELECT id FROM dag_run ORDER BY id LIMIT %s)"
                rows.execute(failed, [min(FAILED, options.hours)])
            lines += measure(where, options.tries, f"and {FAILED} runs failed before")
            with psycopg.connect(where.database_url, autocommit=True) as conn:
                conn.execute(
                    """UPDATE landfall.publications SET fingerprint = fingerprint || '{"contract": "older"}'"""
                )
            lines += measure(where, options.tries, "all stale by a new contract")
            api = AirflowApi(where)
            took, runs = seconds(options.tries, lambda: len(api.list_runs(SNAPSHOTS.dag_id)))
            lines.append(f"| | all of Airflow's runs, 100 in a page | {took} | {runs} runs |")
        finally:
            control.down()
    lines += ["", "Aim: each in under 10 s."]
    write("hourly_year", f"A year of hours: {options.hours:,} partitions", lines)


if __name__ == "__main__":
    main()
