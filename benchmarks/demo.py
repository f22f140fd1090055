"""`make demo` in a fresh clone with warm download caches, and the memory of the whole stack afterwards.

    python benchmarks/demo.py [--runs 3]

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    cold, warm, held = [], [], []
    for _ in range(parser.parse_args().runs):
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder, "landfall")
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
            try:
                cold.append(timed(["make", "demo"], clone))
                held.append(memory(clone))
                subprocess.run([".venv/bin/landfall", "down"], cwd=clone, check=True)
                warm.append(timed(["make", "demo"], clone))
            finally:
                subprocess.run([".venv/bin/landfall", "down"], cwd=clone, check=False)
    write(
        "demo",
        "`make demo` and the memory of the stack",
        [
            "| | median (range) |",
            "|---|---|",
            f"| fresh clone, warm caches, install included: s | {spread(cold)} |",
            f"| again after `landfall down`: s | {spread(warm)} |",
            f"| memory of the whole stack, PSS: GiB | {spread(held)} |",
            "",
            f"{len(cold)} runs. Aim: under 180 s and under 4 GiB.",
        ],
    )


if __name__ == "__main__":
    main()
