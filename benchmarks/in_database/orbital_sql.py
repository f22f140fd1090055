"""Orbital's SQL for the models of the in-database benchmarks, as JSON on standard output: name -> SQL, digest, error.

    uv run --no-project --isolated --with-requirements benchmarks/in_database/requirements.txt \
        python benchmarks/in_database/orbital_sql.py CASE... [--seconds 120]

`peers.orbital` runs it so: orbital wants a `protobuf` and `pandas` of its own and must not meddle with the project's
environment. The SQL is as its documentation makes it (`optimize=True`), and reads a table `orbital_rows`.
"""

import argparse
import json
import multiprocessing
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from in_database.models import CASES, digest, fitted

TABLE = "orbital_rows"


def translated(name: str) -> str:
    """The SQL of a case."""
    import orbital
    from orbital.types import DoubleColumnType
    from sklearn.pipeline import Pipeline

    columns = {column: DoubleColumnType() for column in CASES[name].columns}
    parsed = orbital.parse_pipeline(Pipeline([("model", fitted(name))]), features=columns)
    return str(orbital.export_sql(TABLE, parsed, dialect="postgres"))


def tell(name: str, queue: Any) -> None:
    """Puts what is known of a case into the queue."""
    warnings.simplefilter("ignore")
    try:
        queue.put({"sql": translated(name), "digest": digest(name)})
    except Exception as error:
        queue.put({"error": f"{type(error).__name__}: {error}"})


def within(name: str, seconds: float) -> dict[str, str]:
    """What `tell` puts, or that it took too long."""
    import queue

    answers: Any = multiprocessing.Queue()
    process = multiprocessing.Process(target=tell, args=(name, answers))
    process.start()
    try:
        told: dict[str, str] = answers.get(timeout=seconds)
    except queue.Empty:
        told = {"error": f"no SQL within {seconds:.0f} s"}
        process.terminate()
    process.join()
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Orbital's SQL for the models of the in-database benchmarks.")
    parser.add_argument("cases", nargs="+", choices=list(CASES))
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    print(json.dumps({name: within(name, options.seconds) for name in options.cases}))
