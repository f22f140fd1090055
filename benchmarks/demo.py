"""`make demo` in a fresh clone with warm download caches, and the memory of the whole stack afterwards.

    python benchmarks/demo.py [--runs 3]
    python benchmarks/demo.py --against 4140066    beside an earlier revision, in turns, on the same machine

The clone, its environment and its state are new each time; the caches of pip, uv and the jars are this user's. Memory is
the proportional set size (PSS) of the supervisor and all its descendants: shared pages count once. The second command in
the same clone is the warm start.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write

ROOT = Path(__file__).resolve().parent.parent


def timed(command: list[str], folder: Path) -> float:
    """Seconds of a command that must succeed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    began = time.monotonic()
    subprocess.run(command, cwd=folder, env={**env, "PYTHON": sys.executable}, check=True)
    return time.monotonic() - began


def memory(folder: Path) -> float:
    """PSS of the stack of this clone in GiB."""
    told = subprocess.run(
        [".venv/bin/landfall", "ps", "--json"], cwd=folder, check=True, capture_output=True, text=True
    )
    pids = [part["pid"] for part in json.loads(told.stdout) if part["pid"]]
    supervisor = psutil.Process(pids[0]).parent()
    assert supervisor is not None
    family = [supervisor, *supervisor.children(recursive=True)]
    return sum(process.memory_full_info().pss for process in family) / 2**30


@dataclass
class Figures:
    """What the demos of one revision took: seconds with a fresh clone, seconds again, GiB."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)


def demo(revision: str) -> tuple[float, float, float]:
    """One fresh clone of a revision: seconds of its demo, of the second one after `landfall down`, and GiB between them."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "landfall")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "checkout", "-q", revision], cwd=clone, check=True)
        try:
            cold = timed(["make", "demo"], clone)
            held = memory(clone)
            subprocess.run([".venv/bin/landfall", "down"], cwd=clone, check=True)
            return cold, timed(["make", "demo"], clone), held
        finally:
            subprocess.run([".venv/bin/landfall", "down"], cwd=clone, check=False)


def name(revision: str) -> str:
    """The short hash of a revision of this repository."""
    told = subprocess.run(
        ["git", "rev-parse", "--short", revision], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return told.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--against", metavar="REVISION", help="an earlier revision, whose demos run in turn with these")
    chosen = parser.parse_args()
    revisions = [name("HEAD"), *([name(chosen.against)] if chosen.against else [])]
    figures = {revision: Figures() for revision in revisions}
    for turn in range(chosen.runs):
        for revision in revisions if turn % 2 else reversed(revisions):
            cold, warm, held = demo(revision)
            figures[revision].cold.append(cold)
            figures[revision].warm.append(warm)
            figures[revision].held.append(held)
    rows = {
        "fresh clone, warm caches, install included: s": [spread(figures[r].cold) for r in revisions],
        "again after `landfall down`: s": [spread(figures[r].warm) for r in revisions],
        "memory of the whole stack, PSS: GiB": [spread(figures[r].held) for r in revisions],
    }
    write(
        "demo_against" if chosen.against else "demo",
        "`make demo` and the memory of the stack",
        [
            "| median (range) | " + " | ".join(f"`{revision}`" for revision in revisions) + " |",
            "|---|" + "---|" * len(revisions),
            *(f"| {what} | " + " | ".join(values) + " |" for what, values in rows.items()),
            "",
            f"{chosen.runs} runs of each{', in turns' if chosen.against else ''}. Aim: under 180 s and under 4 GiB"
            + (", and no more than 10 % slower than the earlier revision." if chosen.against else "."),
        ],
    )


if __name__ == "__main__":
    main()
