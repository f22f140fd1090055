"""Many rows at once: INSERT..SELECT with and without a model, scoring again in place, and a SELECT beside orbital's.

    python benchmarks/in_database_bulk.py [--rows 400000] [--turns 3] [--exact 10000] [--cases iris,tree,...]

Needs a running stack (`landfall up`, or the LANDFALL_* variables of another). Rows per second, the median of the turns; large
forests are given a part of the rows (`share` in benchmarks/in_database/models.py). All sides of a model take turns; the first
turn warms up and is not counted. Each INSERT is one statement and one transaction into an empty table with a primary key, from
a table that is in memory; on two connections each has half of the rows. Scoring again is `rescore` after the model was
deployed anew, beside an UPDATE that sets a constant in every row of the table without a model. The SELECT adds up every output
of the compiled expression, on one process, without JIT; orbital's SQL the same way.

Exactness: rows whose prediction, and whose probabilities, equal scikit-learn's bit for bit, as the trigger stored them, as the
expression gives them and as orbital does; and how far a probability is off at most.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from in_database.bulk import Bulk, Exact
from in_database.models import CASES
from in_database.peers import Orbital, orbital
from in_database.rendering import median, table_of
from in_database.tables import in_turns, tables
from report import write

from landfall.database import Database
from landfall.spec import Settings
from landfall.stack import environment, settings

PLAIN, MODEL, PLAIN_TWO, MODEL_TWO = "no model", "with it", "no model, two connections", "with it, two connections"
AGAIN, UPDATE, SELECT, ORBITAL = "scored again", "plain UPDATE", "SELECT", "orbital"
INSERTS = (PLAIN, MODEL, PLAIN_TWO, MODEL_TWO)
Taken = dict[str, list[float]]


def measure_case(
    where: Settings, conn: Database, name: str, options: argparse.Namespace, theirs: dict[str, str]
) -> tuple[Taken, dict[str, Exact], int]:
    """Rows per second of every side, the exactness of each, and of how many rows."""
    one, sql = Bulk(where, conn, name, options.rows), theirs.get("sql", "")
    sides: dict[str, Callable[[], list[float]]] = {
        PLAIN: lambda: one.inserted("plain", 1),
        MODEL: lambda: one.inserted("", 1),
        PLAIN_TWO: lambda: one.inserted("plain", 2),
        MODEL_TWO: lambda: one.inserted("", 2),
        UPDATE: one.updated,
        AGAIN: one.scored_again,
        SELECT: one.selected,
    }
    if sql:
        sides[ORBITAL] = lambda: one.by_orbital(sql)
    taken = in_turns({side: _even(conn, measure) for side, measure in sides.items()}, options.turns, name)
    rows = min(options.exact, one.rows)
    one.inserted("", 1)
    return taken, {side: one.exact(side, rows, sql) for side in _exact_sides(sql)}, rows


def _exact_sides(sql: str) -> list[str]:
    return ["trigger", "expression", *(["orbital"] if sql else [])]


def _even(conn: Database, measure: Callable[[], list[float]]) -> Callable[[], list[float]]:
    """An even start, where the role may ask for one."""

    def started() -> list[float]:
        with suppress(psycopg.errors.InsufficientPrivilege):
            conn.execute("CHECKPOINT")
        return measure()

    return started


def speed_lines(taken: dict[str, Taken]) -> list[str]:
    """Rows per second."""

    def shares(one: Taken) -> list[str]:
        return [f"{statistics.median(one[b]) / statistics.median(one[a]):.2f}" for a, b in _PAIRS]

    rows = [
        [CASES[name].title, *(median(one.get(side, []), 0) for side in (*INSERTS, UPDATE, AGAIN, SELECT, ORBITAL))]
        for name, one in taken.items()
    ]
    return table_of(["rows a second", *INSERTS, UPDATE, AGAIN, SELECT, ORBITAL], rows) + table_of(
        ["share of the speed without a model", "one connection", "two", "scored again, of a plain UPDATE"],
        [[CASES[name].title, *shares(one)] for name, one in taken.items()],
    )


_PAIRS = ((PLAIN, MODEL), (PLAIN_TWO, MODEL_TWO), (UPDATE, AGAIN))


def exact_lines(exact: dict[str, tuple[dict[str, Exact], int]], told: Orbital) -> list[str]:
    """Rows that equal scikit-learn's."""
    rows = []
    for name, (sides, count) in exact.items():
        for side, one in sides.items():
            has = CASES[name].classes
            shown = [f"{one.probabilities:,}", f"{one.furthest:.1e}"] if has else ["", ""]
            rows.append([CASES[name].title, side, f"{count:,}", f"{one.predictions:,}", *shown])
        if "error" in told[name]:
            rows.append([CASES[name].title, "orbital", "", told[name]["error"], "", ""])
    return table_of(["model", "by", "rows", "same prediction", "same probabilities", "furthest off"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--exact", type=int, default=10_000)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--orbital-seconds", type=float, default=120)
    options = parser.parse_args(arguments)
    os.environ.update({name: value for name, value in environment().items() if name not in os.environ})
    where, names = settings(), options.cases.split(",")
    told = orbital(names, options.orbital_seconds)
    taken, exact = {}, {}
    with tables(where, names) as conn:
        for name in names:
            taken[name], sides, rows = measure_case(where, conn, name, options, told[name])
            exact[name] = sides, rows
    text = [
        f"{options.rows:,} rows (20 trees: half, 100 trees: a twentieth), medians of {options.turns} turns.",
        *speed_lines(taken),
        "",
        "Aim: a tree above 250,000 rows a second on two cores.",
        "",
        "## Beside scikit-learn, bit for bit",
        *exact_lines(exact, told),
        "",
        "Made by `python benchmarks/in_database_bulk.py`.",
    ]
    write("in_database_bulk", "In-database scoring of many rows", text)


if __name__ == "__main__":
    main()
