"""What importing each DAG file costs a process that has Airflow's task SDK loaded, as the DAG processor and tasks have.

    python benchmarks/parse_time.py [--runs 7]

Each run is a process of its own with warm byte code; what the file imports (the sensors of the Amazon provider, Landfall)
counts, Airflow itself does not: its import is the last line, for comparison.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write

ROOT = Path(__file__).resolve().parent.parent
CODE = """
import time, runpy, sys
began = time.perf_counter()
import airflow.sdk, airflow.dag_processing.processor
airflow_took = time.perf_counter() - began
began = time.perf_counter()
runpy.run_path(sys.argv[1])
print(time.perf_counter() - began, airflow_took)
"""


def once(dag: Path, home: str) -> tuple[float, float]:
    """Seconds for the file, and for Airflow."""
    env = {**os.environ, "AIRFLOW_HOME": home}
    told = subprocess.run([sys.executable, "-c", CODE, str(dag)], env=env, capture_output=True, text=True, check=True)
    mine, airflow = told.stdout.split()[-2:]
    return float(mine), float(airflow)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    lines = ["| DAG file | median s (range) |", "|---|---|"]
    airflow: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        for dag in sorted((ROOT / "dags").glob("*.py")):
            once(dag, home)
            told = [once(dag, home) for _ in range(runs)]
            airflow += [each[1] for each in told]
            lines.append(f"| {dag.name} | {spread([each[0] for each in told])} |")
    lines += [f"| (Airflow itself) | {spread(airflow)} |", "", "Aim: under 0.3 s a file."]
    write("parse_time", "Parse time of the DAG files", lines)


if __name__ == "__main__":
    main()
