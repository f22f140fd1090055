"""Kill -9 of a server at each step of a run: the partition is to complete without a human.

    python chaos/kill_parts.py [--parts triggerer,scheduler,spark,postgres] [--steps wait_for_landing,...,publish] [--json FILE]

Needs a running stack with a champion (`make demo`). For each part and step: a day a month ahead lands and its run starts; as
soon as the step is at work the part's process is killed; the stack's supervisor starts it again; the day must come to be
published from exactly what landed. Prints how long each took, and exits with 1 if a day did not complete within --patience
seconds.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from landfall.errors import LandfallError
from landfall.landing.samples import write_sample
from landfall.landing.split import land
from landfall.landing.store import connect, list_partition
from landfall.ledger.survey import survey
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST
from landfall.runs import AirflowApi
from landfall.spec import Partition
from landfall.stack import control, settings

PARTS = ["triggerer", "scheduler", "spark", "postgres"]
STEPS = ["wait_for_landing", "make_features", "check_contract", "score", "publish"]
BUSY = ("queued", "running", "deferred", "up_for_retry")


@dataclass
class Outcome:
    """One kill: which part at which step, whether the step was caught at work, and seconds to publication."""

    part: str
    step: str
    caught: str
    state: str
    seconds: float


def asking(what: str, patience: float = 180.0) -> AirflowApi:
    """Airflow's API, asked for until it answers again."""
    until = time.monotonic() + patience
    while True:
        try:
            return AirflowApi(settings())
        except LandfallError:
            if time.monotonic() > until:
                raise SystemExit(f"{what}: Airflow did not come back in {patience:.0f} s") from None
            time.sleep(1)


def kill(part: str) -> None:
    """SIGKILL of the part's process."""
    [found] = [each for each in control.ps() if each.name == part]
    if not found.pid:
        raise SystemExit(f"{part} has no process: landfall ps")
    os.kill(found.pid, signal.SIGKILL)


def catch(api: AirflowApi, run_id: str, step: str, patience: float = 120.0) -> str:
    """Waits until the step is at work (or over already); its state then."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        states = {task["task_id"]: task["state"] for task in api.tasks(FORECAST.dag_id, run_id)}
        if states.get(step) in (*BUSY, "success", "failed"):
            return str(states[step])
        time.sleep(0.02)
    raise SystemExit(f"{step} of {run_id} was never at work")


def published(day: Partition) -> str:
    """Where the day stands; `away` while nobody can be asked."""
    try:
        [(facts, standing)] = survey(settings(), BIKE_DEMAND, FORECAST, only=day).partitions
    except LandfallError:
        return "away"
    return standing.state if facts.made is None or standing.state != "published" else "published"


def once(part: str, step: str, day: Partition, patience: float) -> Outcome:
    """One kill and what came of it."""
    where = settings()
    client = connect(where.s3)
    for each in list_partition(client, where.s3.bucket, FORECAST.landing, day):
        client.delete_object(Bucket=where.s3.bucket, Key=each.key)  # type: ignore[attr-defined]
    api = asking("before the kill")
    run_id = api.run_partition(FORECAST.dag_id, day)
    catch(api, run_id, "wait_for_landing")
    with tempfile.TemporaryDirectory() as folder:
        files = write_sample(BIKE_DEMAND.name, Path(folder), 1, day.day)
        forecast = next(each.path for each in files if each.feed == "forecast")
        if step == "wait_for_landing":
            kill(part)
        land(client, where.s3.bucket, f"{BIKE_DEMAND.name}/{FORECAST.name}", forecast, first=day, last=day)
    caught = "deferred" if step == "wait_for_landing" else catch(api, run_id, step)
    began = time.monotonic()
    if step != "wait_for_landing":
        kill(part)
    state = "running"
    while time.monotonic() - began < patience and (state := published(day)) != "published":
        time.sleep(1)
    return Outcome(part, step, caught, state, round(time.monotonic() - began, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--patience", type=float, default=400.0, help="seconds a day may take")
    parser.add_argument("--json", type=Path, help="also write the outcomes there")
    options = parser.parse_args()
    asking("at the start").check_runnable(FORECAST.dag_id)
    # Part after part, so that no part is killed so often in a row that its supervisor gives it up.
    cases = [(part, step) for step in options.steps.split(",") for part in options.parts.split(",")]
    print(f"{len(cases)} kills, on {platform.machine()} with {os.cpu_count()} cores")
    print(f"{'part':<12}{'step':<20}{'caught':<12}{'then':<12}{'seconds':>8}")
    outcomes = []
    for number, (part, step) in enumerate(cases):
        day = Partition(datetime.now(UTC).date() + timedelta(days=30 + number))
        outcomes.append(once(part, step, day, options.patience))
        told = outcomes[-1]
        print(f"{told.part:<12}{told.step:<20}{told.caught:<12}{told.state:<12}{told.seconds:>8.1f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=1))
    lost = [each for each in outcomes if each.state != "published"]
    print(f"{len(outcomes) - len(lost)} of {len(outcomes)} days completed without a human")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
