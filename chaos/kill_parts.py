"""A server is killed, or hangs, at each step of a run: the partition is to complete without a human.

    python chaos/kill_parts.py [--how kill,hang] [--parts triggerer,scheduler,spark,postgres] [--steps wait_for_landing,...]
                               [--write]

Needs a running stack with a champion (`make demo`). For each part and step: a day a month ahead lands and its run starts; as
soon as the step is at work the part's process gets SIGKILL (`kill`) or SIGSTOP (`hang`); the stack's supervisor starts it
again; the day must come to be published from exactly what landed. Prints how long each took, and exits with 1 if a day did
not complete within --patience seconds. `--write` keeps the table as benchmarks/results/chaos_parts.md.
"""

import argparse
import signal
import sys
import time
from dataclasses import dataclass

from days import ahead, asking, clear_day, land_days, send, until_published

from landfall.pipelines.bike_demand import FORECAST
from landfall.runs import AirflowApi
from landfall.spec import Partition

PARTS = ["triggerer", "scheduler", "api-server", "spark", "s3", "postgres"]
STEPS = ["wait_for_landing", "make_features", "publish"]
FAULTS = {"kill": signal.SIGKILL, "hang": signal.SIGSTOP}
BUSY = ("queued", "running", "deferred", "up_for_retry")


@dataclass
class Outcome:
    """One fault: of which part at which step, whether the step was caught at work, and seconds to publication."""

    how: str
    part: str
    step: str
    caught: str
    seconds: float | None


def catch(api: AirflowApi, run_id: str, step: str, patience: float = 300.0) -> str:
    """Waits until the step is at work (or over already); its state then."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        states = {task["task_id"]: task["state"] for task in api.tasks(FORECAST.dag_id, run_id)}
        if states.get(step) in (*BUSY, "success", "failed"):
            return str(states[step])
        time.sleep(0.02)
    raise SystemExit(f"{step} of {run_id} was never at work")


def once(how: str, part: str, step: str, day: Partition, patience: float) -> Outcome:
    """One fault and what came of it."""
    clear_day(day)
    api = asking("before the fault")
    run_id = api.run_partition(FORECAST.dag_id, day)
    catch(api, run_id, "wait_for_landing")
    if step == "wait_for_landing":
        caught = "deferred"
        if part == "s3":  # nothing could land in it
            land_days(day, day)
            send(part, FAULTS[how])
        else:
            send(part, FAULTS[how])
            asking("while it lands") if part == "api-server" else None
            land_days(day, day)
    else:
        land_days(day, day)
        caught = catch(api, run_id, step)
        send(part, FAULTS[how])
    done = until_published([day], patience)
    return Outcome(how, part, step, caught, done.get(day.day))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--how", default="kill", help="kill, hang, or both")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--patience", type=float, default=900.0, help="seconds a day may take")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    options = parser.parse_args()
    asking("at the start").check_runnable(FORECAST.dag_id)
    cases = [
        (how, part, step)
        for how in options.how.split(",")
        for step in options.steps.split(",")
        for part in options.parts.split(",")
    ]
    print(f"{len(cases)} faults\n{'how':<6}{'part':<12}{'step':<20}{'caught':<12}{'published after, s':>20}")
    outcomes = []
    for number, (how, part, step) in enumerate(cases):
        outcomes.append(once(how, part, step, ahead(number), options.patience))
        told = outcomes[-1]
        took = "never" if told.seconds is None else f"{told.seconds:.1f}"
        print(f"{how:<6}{part:<12}{step:<20}{told.caught:<12}{took:>20}", flush=True)
    lost = [each for each in outcomes if each.seconds is None]
    closing = f"{len(outcomes) - len(lost)} of {len(outcomes)} days completed without a human."
    print(closing)
    if options.write:
        from report import write

        rows = [
            f"| {each.how} | {each.part} | {each.step} | {each.caught} | "
            f"{'never' if each.seconds is None else f'{each.seconds:.1f}'} |"
            for each in outcomes
        ]
        head = ["| fault | part | step | the step was | published after, s |", "|---|---|---|---|---|"]
        command = f"`python chaos/kill_parts.py --how {options.how} --parts {options.parts} --steps {options.steps}`"
        write(
            "chaos_parts",
            "A server is killed, or hangs, at each step of a run",
            [command, "", *head, *rows, "", closing],
        )
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
