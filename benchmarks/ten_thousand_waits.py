"""10,000 partitions awaited at once in one triggerer: Landfall's wait beside the Amazon provider's deferrable S3KeySensor.

    python benchmarks/ten_thousand_waits.py [--waits 10000] [--peers 200] [--landings 100]

Starts a stack of its own without Spark, and the triggerer itself, so that it can be watched; measures the provider's side,
then Landfall's. Every wait is the first task of a run of its own, as in the project, one a day from 1990-01-01 on. The runs
are made by the function that a POST to Airflow's REST API ends in, `create_dagrun`, in one process and as running; from
there on the scheduler does what it always does, 20 runs a turn. (A backfill, which would be one request, comes to a stop:
the scheduler looks at its runs in their order, 20 a turn, so that 20 that wait keep all others from starting.) When all
wait, the triggerer is watched for a minute, then objects are put one by one, each into the folder of another partition,
evenly spread over the days.

Memory is that of the triggerer's two processes together (PSS: shared pages are counted in parts), less what they had before
the first wait. Lag is what Airflow's own watchdog of the event loop logs, which looks ten times a second. Requests are
counted by a forwarder between the triggerer and S3. A landing is measured from the end of the PUT to the end of the task
in Airflow's database. The provider's sensor polls every second too; it starts in a worker, which is why fewer are made.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "waits"))
from many_runs import give_up, land_some, make_runs, project
from table import Result, report
from watched import Forwarder, Triggerer

from landfall.stack import control, settings

PARTS = ("postgres", "s3", "scheduler", "dag-processor", "api-server")


def until_waiting(dag_id: str, triggerer: Triggerer, count: int) -> float:
    """Wait until so many waits are in the triggerer, which says so once a minute; the seconds that it took."""
    began, told = time.monotonic(), 0.0
    while (now := triggerer.waits()) < count:
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"{dag_id}: {now} waits after {told - began:.0f} s, {triggerer.memory() / 1e6:.0f} MB", flush=True)
        time.sleep(2 if count < 100 else 5)
        if triggerer.process.poll() is not None:
            raise SystemExit(f"the triggerer has ended: {triggerer.log}")
    took = time.monotonic() - began
    time.sleep(20)  # until the last ones have listed, too
    return took


def measure(home: Path, dag_id: str, waits: int, landings: int, *, restart: bool) -> Result:
    """One side, in a triggerer of its own."""
    where, result = settings(), Result(waits)
    forwarder = Forwarder(("127.0.0.1", int(where.s3.endpoint.rpartition(":")[2])))
    triggerer = Triggerer(home, forwarder)
    try:
        time.sleep(20)
        result.idle = triggerer.memory()
        make_runs(home, dag_id, 0, 1)
        until_waiting(dag_id, triggerer, 1)
        result.first = triggerer.memory() - result.idle
        began = time.monotonic()
        make_runs(home, dag_id, 1, waits)
        print(f"{dag_id}: {waits} runs made in {time.monotonic() - began:.0f} s", flush=True)
        until_waiting(dag_id, triggerer, waits)
        if restart:
            result.starting_lags = triggerer.lags()
            triggerer.end()
            triggerer = Triggerer(home, forwarder)
            result.taken_up = until_waiting(dag_id, triggerer, waits)
        result.starting_lags += triggerer.lags()
        passed = len(triggerer.lags())
        watch(dag_id, triggerer, forwarder, result)
        result.landings = land_some(home, where, dag_id, waits, landings)
        result.lags = triggerer.lags()[passed:]
        return result
    finally:
        triggerer.end()
        give_up(home, dag_id)


def watch(dag_id: str, triggerer: Triggerer, forwarder: Forwarder, result: Result) -> None:
    """A minute in which nothing lands."""
    before, cpu = forwarder.requests, triggerer.cpu()
    time.sleep(60)
    result.requests, result.cpu = forwarder.requests - before, (triggerer.cpu() - cpu) / 60
    result.memory = triggerer.memory() - result.idle
    parts = [f"{each.memory_full_info().pss / 1e6:.0f}" for each in triggerer.family()]
    print(f"{dag_id}: supervisor and runner have {' and '.join(parts)} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waits", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=200)
    parser.add_argument("--landings", type=int, default=100)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sides: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LANDFALL_HOME"] = f"{folder}/home"
        os.environ["LANDFALL_PROJECT"] = str(project(Path(folder, "project"), "waits"))
        home = Path(folder, "home")
        control.up(PARTS)
        try:
            time.sleep(10)
            if options.peers:
                few = min(options.landings, options.peers)
                sides["S3KeySensor, deferrable"] = measure(home, "many_provider", options.peers, few, restart=False)
            sides["Landfall"] = measure(home, "many_landfall", options.waits, options.landings, restart=True)
        finally:
            control.down()
            print(sides)
    report(sides)


if __name__ == "__main__":
    main()
