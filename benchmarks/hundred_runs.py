"""100 Databricks runs at once, watched by one triggerer: Landfall's step beside the provider's own deferrable operator.

    python benchmarks/hundred_runs.py [--runs 100]

Starts a stack of its own without Spark, and the triggerer itself, so that it can be watched. The runs are held open by a stub
of the Jobs API in this process (`benchmarks/runs/held_open.py`): what they would compute is not what is measured. Both sides
ask for a run every 10 seconds, the default. When all wait, the triggerer is watched for a minute; then the runs end one by
one, and the time from a run's end to the end of its task is measured in Airflow's database: half a poll on average, then the
triggerer, the scheduler, and a worker that takes up the report.

Memory is that of the triggerer's two processes together (PSS: shared pages are counted in parts), less what they had before.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "waits"))
sys.path.insert(0, str(Path(__file__).parent / "runs"))
from held_open import HeldOpen
from many_runs import airflow_rows, give_up, make_runs, project
from report import quantile, write
from watched import Forwarder, Triggerer

from landfall.stack import control, settings

PARTS = ("postgres", "s3", "scheduler", "dag-processor", "api-server")


@dataclass
class Result:
    """What was seen of one side."""

    runs: int
    memory: float = 0.0
    asked: int = 0
    cpu: float = 0.0
    held: int = 0
    lags: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    submitted: float = 0.0


def rows_of(home: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with airflow_rows(home) as rows:
        return rows.execute(query, values).fetchall()


def waiting(home: Path, dag_id: str) -> int:
    """How many tasks are deferred and in a triggerer's hands."""
    query = (
        "SELECT count(*) FROM task_instance t JOIN trigger g ON g.id = t.trigger_id "
        "WHERE t.dag_id = %s AND t.state = 'deferred' AND g.triggerer_id IS NOT NULL"
    )
    return int(str(rows_of(home, query, dag_id)[0][0]))


def measure(home: Path, service: HeldOpen, dag_id: str, count: int) -> Result:
    """One side, in a triggerer of its own."""
    where, result = settings(), Result(count)
    triggerer = Triggerer(home, Forwarder(("127.0.0.1", int(where.s3.endpoint.rpartition(":")[2]))))
    try:
        time.sleep(20)
        idle, known = triggerer.memory(), set(service.runs)
        began = time.monotonic()
        make_runs(home, dag_id, 0, count)
        while waiting(home, dag_id) < count:
            time.sleep(1)
            print(f"{dag_id}: {waiting(home, dag_id)} wait after {time.monotonic() - began:.0f} s", flush=True)
        result.submitted = time.monotonic() - began
        time.sleep(15)
        asked, cpu, passed = service.asked, triggerer.cpu(), len(triggerer.lags())
        time.sleep(60)
        running = "SELECT count(*) FROM task_instance WHERE dag_id = %s AND state IN ('running', 'queued')"
        result.held = int(str(rows_of(home, running, dag_id)[0][0]))
        result.asked, result.cpu = service.asked - asked, (triggerer.cpu() - cpu) / 60
        result.memory = triggerer.memory() - idle
        mine = [number for number in service.runs if number not in known]
        for number in mine:
            service.end(number, where)
            time.sleep(0.7)
        time.sleep(30)
        result.lags = triggerer.lags()[passed:]
        result.ends = ends(home, service, dag_id, mine)
        return result
    finally:
        triggerer.end()
        give_up(home, dag_id)


def ends(home: Path, service: HeldOpen, dag_id: str, mine: list[int]) -> list[float]:
    """From the end of a run to the end of its task, seconds."""
    query = (
        "SELECT x.value, t.end_date FROM task_instance t JOIN xcom x USING (dag_id, run_id, task_id) "
        "WHERE t.dag_id = %s AND x.key = 'run_id' AND t.state = 'success'"
    )
    ended = {int(str(number)): end for number, end in rows_of(home, query, dag_id)}
    if missing := set(mine) - set(ended):
        print(f"{dag_id}: {len(missing)} tasks did not succeed", flush=True)
    return [
        ended[number].astimezone(UTC).timestamp() - service.ended[number]  # type: ignore[attr-defined]
        for number in mine
        if number in ended
    ]


def column(name: str, result: Result) -> dict[str, str]:
    """One side of the table."""
    lags = result.lags or [0.0]
    return {
        "": name,
        "runs at once": f"{result.runs}",
        "tasks in a worker while all wait": f"{result.held}",
        "requests a minute while all wait": f"{result.asked}",
        "memory, MB over idle": f"{result.memory / 1e6:.0f}",
        "of that, for each run, kB": f"{result.memory / result.runs / 1000:.0f}",
        "CPU of the triggerer while all wait, of one core": f"{result.cpu:.0%}",
        "largest lag of its event loop, ms": f"{max(lags) * 1000:.0f}",
        "run's end to task's end, p50, s": f"{quantile(result.ends or [0.0], 0.5):.1f}",
        "run's end to task's end, p99, s": f"{quantile(result.ends or [0.0], 0.99):.1f}",
        "tasks that succeeded": f"{len(result.ends)}",
        "until all were submitted, s": f"{result.submitted:.0f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    service, sides = HeldOpen(), {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "LANDFALL_HOME": f"{folder}/home",
            "LANDFALL_PROJECT": str(project(Path(folder, "project"), "runs")),
            "LANDFALL_COMPUTE": "databricks",
            "AIRFLOW_CONN_LANDFALL_DATABRICKS": service.connection,
        }
        home = Path(folder, "home")
        control.up(PARTS)
        try:
            time.sleep(10)
            sides["the provider's operator"] = measure(home, service, "runs_provider", options.runs)
            sides["Landfall's step"] = measure(home, service, "runs_landfall", options.runs)
        finally:
            control.down()
    columns = [column(name, result) for name, result in sides.items()]
    table = [f"| {what} | {' | '.join(each[what] for each in columns)} |" for what in columns[0]]
    write(
        "hundred_runs",
        f"{options.runs} Databricks runs watched by one triggerer",
        [
            table[0],
            "|---|---|---|",
            *table[1:],
            "",
            "Both ask for each run every 10 s, so its end is seen 5 s later on average. Both were measured in one run of the",
            "script, each in a triggerer of its own, and both have what `orchestration.airflow_patches.lean_triggerer` does.",
            "",
            "Made by `python benchmarks/hundred_runs.py`.",
        ],
    )


if __name__ == "__main__":
    main()
