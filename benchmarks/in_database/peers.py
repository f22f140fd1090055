"""Orbital, which translates scikit-learn to SQL too: its SQL, as one statement over a table and over one row.

It runs in an environment of its own, made by `uv` from requirements.txt; no server is needed. See `orbital_sql.py`.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from in_database.models import CASES, digest
from in_database.orbital_sql import TABLE
from psycopg import sql

HERE = Path(__file__).parent
Orbital = dict[str, dict[str, str]]
"""Case -> `sql`, or `error`."""


def orbital(names: Sequence[str], seconds: float) -> Orbital:
    """Orbital's SQL for the cases that it can translate within `seconds` each, and why not for the others."""
    uv = Path(sys.executable).with_name("uv")
    made = ["--python", sys.executable, "--with-requirements", str(HERE / "requirements.txt")]
    script = ["python", str(HERE / "orbital_sql.py"), *names, "--seconds", str(seconds)]
    command = [str(uv), "run", "--quiet", "--no-project", "--isolated", *made, *script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason"]
        return {name: {"error": f"not run: {reason[0]}"} for name in names}
    told: Orbital = json.loads(done.stdout)
    for name, one in told.items():
        if "digest" in one and one["digest"] != digest(name):
            raise SystemExit(f"orbital's environment has another `{name}` than this one")
    return told


def over(statement: str, source: sql.Identifier) -> sql.Composed:
    """Orbital's statement, of the rows of a table."""
    return sql.SQL("WITH {} AS (SELECT * FROM {}) SELECT * FROM ({}) AS told").format(
        sql.Identifier(TABLE), source, _escaped(statement)
    )


def of_one(statement: str, name: str) -> sql.Composed:
    """Orbital's statement, of one row: a placeholder for each input."""
    return sql.SQL("WITH {} AS (SELECT {}) SELECT * FROM ({}) AS told").format(
        sql.Identifier(TABLE), one_row(name), _escaped(statement)
    )


def one_row(name: str) -> sql.Composed:
    """The inputs of a case as placeholders with names."""
    named = (sql.SQL("%s::float8 AS {}").format(sql.Identifier(column)) for column in CASES[name].columns)
    return sql.SQL(", ").join(named)


def _escaped(statement: str) -> sql.SQL:
    return sql.SQL(statement.replace("%", "%%"))
