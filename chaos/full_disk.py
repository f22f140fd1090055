"""The disk of a stack is full for a while: what landed before and meanwhile is to be published without a human.

    python chaos/full_disk.py [--seconds 60] [--days 5] [--write]

Needs a running stack with a champion whose home is on a small file system of its own, such as

    mount -t tmpfs -o size=3g tmpfs /somewhere && LANDFALL_HOME=/somewhere/home landfall demo

It lands days, fills the file system to its last byte as their runs start, lands nothing more (nothing could land), waits, frees
the space, and waits until every day is published from exactly what landed. A file system with more than --limit GiB free is
refused: it is somebody's. Exits with 1 if a day was not published within --patience seconds, or a row that was there before
is not there any more.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from days import ahead, asking, land_days, until_published
from psycopg import sql

from landfall.database import connect
from landfall.errors import LandfallError
from landfall.pipelines.bike_demand import FORECAST, PREDICTIONS
from landfall.publishing.schema import qualified
from landfall.stack import control, home, settings

GIB = 1024**3


def fill(file: Path) -> int:
    """Writes until there is no space left; how many bytes it took."""
    with file.open("wb", buffering=0) as sink:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    sink.write(bytes(size))
            except OSError:
                continue
    return file.stat().st_size


def rows() -> int:
    """The published predictions."""
    with connect(settings()) as conn:
        found = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(qualified(PREDICTIONS.name))).fetchone()
    return int(str(found[0])) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the disk is full")
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--limit", type=float, default=4.0, help="GiB free that the file system may have")
    parser.add_argument("--patience", type=float, default=1200.0, help="seconds until every day must be published")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    options = parser.parse_args()
    free = shutil.disk_usage(home()).free
    if free > options.limit * GIB:
        raise SystemExit(f"{home()} has {free / GIB:.1f} GiB free: not a small file system of its own (--limit)")
    asking("at the start").check_runnable(FORECAST.dag_id)
    before, days = rows(), [ahead(number, 200) for number in range(options.days)]
    land_days(days[0], days[-1])
    time.sleep(5)  # the audit has seen them, or not
    file = home().parent / "full"
    size, began = fill(file), time.monotonic()
    print(f"full: {size / GIB:.2f} GiB written, 0 bytes free for {options.seconds:.0f} s")
    worst: dict[str, str] = {}
    while time.monotonic() - began < options.seconds:
        if os.statvfs(file).f_bavail:
            fill(home().parent / f"full{time.monotonic():.0f}")  # what a server has deleted meanwhile
        worst |= {part.name: part.state for part in control.ps() if part.state != "healthy"}
        time.sleep(1)
    for each in home().parent.glob("full*"):
        each.unlink()
    print(f"freed; not healthy meanwhile: {', '.join(f'{name} ({state})' for name, state in worst.items()) or 'none'}")
    done = until_published(days, options.patience, progress=True)
    try:
        kept = rows()
    except LandfallError as error:
        raise SystemExit(str(error)) from None
    closing = f"{len(done)} of {len(days)} days published; {kept} rows, {before} before."
    print(closing)
    if options.write:
        from report import write

        write(
            "chaos_full_disk",
            "The disk of the stack is full for a while",
            [
                f"`python chaos/full_disk.py --seconds {options.seconds:.0f} --days {options.days}`, on a file system of "
                f"{shutil.disk_usage(home()).total / GIB:.1f} GiB.",
                "",
                "| | |",
                "|---|---|",
                f"| seconds without a free byte | {options.seconds:.0f} |",
                f"| parts that were not healthy meanwhile | {', '.join(worst) or 'none'} |",
                f"| days published, of those whose runs it met | {len(done)} of {len(days)} |",
                f"| the last was published, seconds after the space was free again | {max(done.values(), default=0)} |",
                f"| rows published before, and after | {before}, {kept} |",
            ],
        )
    sys.exit(0 if len(done) == len(days) and kept >= before else 1)


if __name__ == "__main__":
    main()
