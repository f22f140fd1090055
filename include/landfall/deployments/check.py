"""What a deployment of a version would be: its columns, the size of its SQL, and how long a row takes. Nothing is written."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from landfall.database import Database
from landfall.deployments.names import quoted
from landfall.deployments.scoring import BATCH, ROW_ID, Scoring, compile_scoring
from landfall.deployments.version import Registered

ROWS = 1000
"""The made-up rows that are scored in one statement."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A version that compiles.

    Args:
        model: The registered model.
        version: The version's number.
        inputs: Column that it reads -> `number` or `text`.
        outputs: Column that it fills -> type.
        form: What is compiled, in words.
        for_a_row: How a row is scored as it is inserted, in words.
        row_bytes: The size of the function that scores a row, in bytes.
        query_bytes: The size of the SQL that scores many rows, in bytes.
        milliseconds: How long `ROWS` made-up rows took in one statement, without the preparation that it needs once.
        preparation: How long the statement took for one row, in milliseconds: nearly all of it is preparation.
    """

    model: str
    version: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    form: str
    for_a_row: str
    row_bytes: int
    query_bytes: int
    milliseconds: float
    preparation: float


def check(database: Database, version: Registered) -> Check:
    """Compiles a version and scores made-up rows with it: numbers from -3 to 3, and texts that it never saw.

    Raises:
        DeploymentError: a column that it fills has the name of one of its inputs.
        SpecError: the model's own numbers are so large that every row overflows.
        PublishingError: the database is away.
    """
    scoring = compile_scoring(version, (), "null")
    one, many = (min(_took(database, scoring, rows) for _ in range(3)) for rows in (1, ROWS))
    return Check(
        model=version.model,
        version=version.version,
        inputs=scoring.inputs,
        outputs=dict(scoring.outputs),
        form=f"{type(version.form.scorer).__name__}{scoring.size}".lower(),
        for_a_row=scoring.for_a_row,
        row_bytes=len(scoring.trigger_body(scoring.outputs).encode()),
        query_bytes=len(scoring.query.encode()),
        milliseconds=max(0.0, many - one),
        preparation=one,
    )


def _took(database: Database, scoring: Scoring, rows: int) -> float:
    """Milliseconds of one statement that scores that many made-up rows, in a transaction that may only read."""
    columns = [
        f"{'pg_catalog.md5(n::text)' if kind == 'text' else 'pg_catalog.random() * 6 - 3'} AS {quoted(name)}"
        for name, kind in scoring.inputs.items()
    ]
    made_up = f"SELECT n AS {quoted(ROW_ID)}, {', '.join(columns)} FROM pg_catalog.generate_series(1, {rows}) AS n"  # noqa: S608
    every_column = "pg_catalog.sum(pg_catalog.pg_column_size(scored.*))"
    query = f"WITH {quoted(BATCH)} AS MATERIALIZED ({made_up}) SELECT {every_column} FROM ({scoring.query}) AS scored"  # noqa: S608
    with database.transaction():
        database.execute("SET TRANSACTION READ ONLY")
        database.execute("SET LOCAL jit = off")
        began = time.perf_counter()
        database.execute(query.encode())
        return (time.perf_counter() - began) * 1000


def lines(found: Check) -> Sequence[str]:
    """A check for people."""
    return (
        f"{found.model} version {found.version} can be deployed: {found.form}",
        f"reads    {', '.join(f'{name} ({kind})' for name, kind in found.inputs.items())}",
        f"fills    {', '.join(f'{name} ({kind})' for name, kind in found.outputs.items())}",
        f"a row    {found.for_a_row}, {found.row_bytes / 1000:,.1f} kB of PL/pgSQL",
        f"in bulk  {found.milliseconds * 1000 / ROWS:,.1f} microseconds a row, after {found.preparation:,.1f} ms for the "
        f"statement of {found.query_bytes / 1000:,.1f} kB ({ROWS:,} made-up rows)",
    )
