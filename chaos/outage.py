"""A server away for longer than all tries of ten runs, then back: every partition is to be published with nobody's help.

    python chaos/outage.py [--part spark] [--minutes 10] [--days 10] [--how freeze|kill] [--markdown FILE]

Needs a running stack with a champion (`make demo`) that nobody else uses. Days a month and more ahead get their runs, which
wait; the part is taken away (frozen, which looks like a hang, or killed as often as it comes back); then the days land. The
part comes back after the minutes, and not before every run has failed for good. From then on nothing is touched: within
--patience seconds every day must be published, from exactly what landed, with all its rows. Prints a table; exit code 1 if a
day is missing, or if a run did not fail while the part was away.
"""

import argparse
import json
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from days import ahead, clear_day, land_days

from landfall.database import connect as connect_database
from landfall.errors import LandfallError
from landfall.ledger.survey import survey
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST
from landfall.runs import AirflowApi
from landfall.spec import Partition
from landfall.stack import control, settings

HOURS = 24


@dataclass
class Day:
    """One day: seconds since the part went away until its run had failed for good, and since it was back until published."""

    day: str
    failed: float | None = None
    published: float | None = None
    restarts: int = 0
    rows: int = 0
    whole: bool = False


class Away(threading.Thread):
    """Keeps a part of the stack from answering until `back` is set."""

    def __init__(self, part: str, how: str) -> None:
        super().__init__(daemon=True)
        self.part, self.how, self.back = part, how, threading.Event()
        self.frozen: set[int] = set()
        self.killed = 0

    def run(self) -> None:
        while not self.back.wait(0.2):
            for pid in (each.pid for each in control.ps() if each.name == self.part and each.pid):
                if pid in self.frozen:
                    continue
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP if self.how == "freeze" else signal.SIGKILL)
                    self.killed += self.how == "kill"
                    self.frozen |= {pid} if self.how == "freeze" else set()

    def end(self) -> None:
        """Let the part answer again."""
        self.back.set()
        self.join()
        for pid in self.frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def wait(what: str, true: Callable[[], bool], patience: float, pause: float = 2.0) -> None:
    """Waits; a server that is away while it is asked is no answer."""
    until = time.monotonic() + patience
    while True:
        with suppress(LandfallError):
            if true():
                return
        if time.monotonic() > until:
            raise SystemExit(f"{what}: not after {patience:.0f} s")
        time.sleep(pause)


def begin(days: list[Partition]) -> dict[Partition, str]:
    """A run of each day, which waits for it."""
    api = AirflowApi(settings())
    for day in days:
        clear_day(day)
    runs = {day: api.run_partition(FORECAST.dag_id, day) for day in days}

    def waiting() -> bool:
        first = [api.tasks(FORECAST.dag_id, run_id)[0] for run_id in runs.values()]
        return all(task["state"] == "deferred" for task in first)

    wait("every run waits", waiting, 300)
    return runs


def note_failed(outcomes: dict[Partition, Day], runs: dict[Partition, str], began: float) -> bool:
    """Note the runs that have failed; whether all have."""
    api = AirflowApi(settings())
    for day, run_id in runs.items():
        if outcomes[day].failed is None and api.state(FORECAST.dag_id, run_id) == "failed":
            outcomes[day].failed = round(time.monotonic() - began, 1)
    return all(each.failed is not None for each in outcomes.values())


def note_published(outcomes: dict[Partition, Day], back: float) -> bool:
    """Note the days that are published from exactly what landed; whether all are."""
    where = settings()
    for facts, standing in survey(where, BIKE_DEMAND, FORECAST).partitions:
        each = outcomes.get(facts.partition)
        if each is None or each.published is not None or facts.made is None or standing.state != "published":
            continue
        each.published, each.rows = round(time.monotonic() - back, 1), facts.made.rows
        each.whole = facts.made.objects == facts.objects and facts.made.rows == HOURS
        each.restarts = facts.claimed.restarts if facts.claimed else 0
    return all(each.published is not None for each in outcomes.values())


def count_rows(days: list[Partition]) -> int:
    """Rows that readers see of the days."""
    with connect_database(settings()) as conn:
        query = f"SELECT count(*) FROM {FORECAST.table.name} WHERE partition = ANY(%s)"  # noqa: S608  (a declared name)
        [(count,)] = conn.execute(query, [[day.day for day in days]]).fetchall()
    return int(str(count))


def told(options: argparse.Namespace, outcomes: list[Day], away: float, rows: int) -> str:
    """The whole as a page."""
    words = ["python", "chaos/outage.py", *sys.argv[1:]]
    lines = [
        f"# {options.part} away for {away:.0f} s, while {len(outcomes)} runs used all their tries",
        "",
        f"`{' '.join(words)}`, {datetime.now(UTC):%Y-%m-%d}, {platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, Airflow {version('apache-airflow-core')}, Spark {version('pyspark')}.",
        "",
        f"The part was taken away by `{options.how}`. `failed`: seconds after that until the run had failed for good. "
        "`published`: seconds after the part was back. Nobody touched anything in between.",
        "",
        "| day | failed | restarts | published | rows |",
        "|---|---|---|---|---|",
        *(f"| {each.day} | {each.failed} | {each.restarts} | {each.published} | {each.rows} |" for each in outcomes),
        "",
        f"{sum(each.whole for each in outcomes)} of {len(outcomes)} days published from exactly what landed; readers see "
        f"{rows} rows, expected {HOURS * len(outcomes)}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", default="spark", choices=["spark"], help="which server goes away")
    parser.add_argument(
        "--how", default="freeze", choices=["freeze", "kill"], help="by SIGSTOP, or SIGKILL again and again"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="how long at least")
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument(
        "--patience", type=float, default=1800.0, help="seconds for the runs to fail, and then to publish"
    )
    parser.add_argument("--markdown", type=Path, help="also write the page there")
    parser.add_argument("--json", type=Path, help="also write the days there")
    options = parser.parse_args()
    AirflowApi(settings()).check_runnable(FORECAST.dag_id)
    days = [ahead(number, 60) for number in range(options.days)]
    outcomes = {day: Day(str(day)) for day in days}
    runs = begin(days)
    began, away = time.monotonic(), Away(options.part, options.how)
    away.start()
    try:
        land_days(days[0], days[-1])
        print(f"{options.part} is away; waiting for {len(days)} runs to fail", flush=True)
        wait("every run has failed", lambda: note_failed(outcomes, runs, began), options.patience)
        time.sleep(max(0.0, began + 60 * options.minutes - time.monotonic()))
    finally:
        away.end()
    back = time.monotonic()
    print(f"{options.part} is back after {back - began:.0f} s; nobody does anything from now on", flush=True)
    with suppress(SystemExit):
        wait("every day is published", lambda: note_published(outcomes, back), options.patience, pause=5)
    rows = count_rows(days)
    page = told(options, list(outcomes.values()), back - began, rows)
    print(page)
    if options.markdown:
        options.markdown.write_text(page + "\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in outcomes.values()], indent=1))
    sys.exit(0 if all(each.whole for each in outcomes.values()) and rows == HOURS * len(days) else 1)


if __name__ == "__main__":
    main()
