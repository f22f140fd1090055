"""Landing to prediction, and a backfill in bulk and by Airflow's own, of this revision beside an earlier one.

    python benchmarks/before_after.py 4140066 [--landings 8] [--days 30] [--runs 2]

Each revision is cloned and gets an environment of its own; the two take turns, each with a stack of its own, so that what the
machine does besides meets both. The figures are read from what `landing_to_prediction.py` (its first two landings warm up) and
`backfill_range.py` of that revision print.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write

ROOT = Path(__file__).resolve().parent.parent
LANDING = re.compile(r"^landfall \S+: ([\d.]+) s$", re.MULTILINE)
TURN = re.compile(r"^turn (\d+): by hand ([\d.]+) s, bulk ([\d.]+) s$", re.MULTILINE)
NATIVE = re.compile(r"^\| `landfall backfill` .*\| ([\d.]+) \|$", re.MULTILINE)


def cloned(revision: str, folder: Path) -> Path:
    """A clone of this repository at a revision, with its environment."""
    clone = folder / revision
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    subprocess.run(["git", "checkout", "-q", revision], cwd=clone, check=True)
    subprocess.run(["make", ".venv/.ready"], cwd=clone, check=True, env={**os.environ, "PYTHON": sys.executable})
    return clone


def printed(clone: Path, script: str, *options: str) -> str:
    """What a benchmark of a clone prints, also shown here as it comes."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    command = [".venv/bin/python", f"benchmarks/{script}", *options]
    process = subprocess.Popen(command, cwd=clone, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    lines = []
    for line in process.stdout:
        print(f"{clone.name}  {line}", end="", flush=True)
        lines.append(line)
    process.wait()  # without landings of the plain DAG an earlier revision has no ratio to print, and says so by its exit code
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="the earlier revision")
    parser.add_argument("--landings", type=int, default=8)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True)
    revisions: Sequence[str] = [options.revision, head.stdout.strip()]
    figures: dict[str, dict[str, str]] = {revision: {} for revision in revisions}
    with tempfile.TemporaryDirectory() as folder:
        clones = {revision: cloned(revision, Path(folder)) for revision in revisions}
        for revision, clone in clones.items():
            text = printed(clone, "landing_to_prediction.py", "--landings", str(options.landings), "--plain", "0")
            seconds = [float(found) for found in LANDING.findall(text)][2:]
            figures[revision]["landing to readable prediction, s"] = spread(seconds)
        for revision, clone in reversed(clones.items()):
            text = printed(clone, "backfill_range.py", "--days", str(options.days), "--runs", str(options.runs))
            turns = [(float(hand), float(bulk)) for number, hand, bulk in TURN.findall(text) if number != "0"]
            figures[revision]["one hand-written Spark job, s"] = spread([hand for hand, _ in turns])
            figures[revision]["`landfall backfill --bulk`, s"] = spread([bulk for _, bulk in turns])
            figures[revision]["`landfall backfill` (Airflow's own, once), s"] = NATIVE.findall(text)[0]
    write(
        "before_after",
        "Landing to prediction and backfills, beside an earlier revision",
        [
            "| median (range) | " + " | ".join(f"`{revision}`" for revision in revisions) + " |",
            "|---|---|---|",
            *(
                f"| {what} | {figures[revisions[0]][what]} | {figures[revisions[1]][what]} |"
                for what in figures[revisions[0]]
            ),
            "",
            f"{options.landings} landings each, warm; backfills of {options.days} days of forecasts, {options.runs} turns"
            " after one that warmed up.",
        ],
    )


if __name__ == "__main__":
    main()
