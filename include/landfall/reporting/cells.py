"""The content of a database cell as a typed value. Nothing in it is trusted: what cannot be read becomes None."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from psycopg import sql

from landfall.database import Database, fetch_one
from landfall.errors import SpecError
from landfall.spec import Landing, Partition

DEEPEST, MOST = 4, 40
"""How deep figures are looked for in a JSON document, and how many are taken."""
UNNAMED = ("metrics", "slices", "parameters", "checks")
"""Names in a JSON document that are left out of a figure's name: they say nothing, or would make it too long."""


def has_table(conn: Database, name: str) -> bool:
    """True if the schema `landfall` has this table or view."""
    return fetch_one(conn, sql.SQL("SELECT to_regclass(%s) IS NOT NULL"), [f"landfall.{name}"]) == (True,)


def text(cell: object) -> str:
    """The cell as text; empty for NULL."""
    return "" if cell is None else str(cell)


def whole(cell: object) -> int | None:
    """The cell as a whole number; None for NULL and for anything that is no number."""
    number = real(cell)
    return None if number is None else int(number)


def real(cell: object) -> float | None:
    """The cell as a finite number; None for NULL, NaN, infinity and anything that is no number."""
    try:
        number = float(str(cell))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def moment(cell: object) -> datetime | None:
    """The cell as a time, UTC; None if it is no time."""
    return cell.astimezone(UTC) if isinstance(cell, datetime) else None


def partition(cell: object) -> Partition | None:
    """The cell, a date or text, as a partition; None if it is none, or has no day before or after it."""
    try:
        parsed = Partition.parse(str(cell))
    except SpecError:
        return None
    return parsed if 1 < parsed.start.year < 9998 else None


def due(landing: Landing, missing: Partition) -> datetime:
    """When the partition should have landed: its deadline, else its end."""
    return landing.due(missing) or landing.window(missing)[1]


def reasons(cell: object) -> tuple[str, ...]:
    """The texts of a JSON list of reasons: of its strings, or of its objects with `text`."""
    if not isinstance(cell, list):
        return ()
    return tuple(
        text(reason.get("text") or reason.get("kind")) if isinstance(reason, Mapping) else text(reason)
        for reason in cell
    )


def figures(cell: object) -> dict[str, object]:
    """The numbers and short texts of a JSON document, by name: `{"champion": {"rmse": 1}}` gives `champion rmse`."""
    collected: dict[str, object] = {}
    _collect(cell, (), collected)
    return collected


def _collect(cell: object, path: tuple[str, ...], collected: dict[str, object]) -> None:
    if len(collected) >= MOST or len(path) > DEEPEST:
        return
    if isinstance(cell, Mapping):
        for name, value in cell.items():
            if name != "slices":
                _collect(value, path if name in UNNAMED else (*path, str(name)), collected)
    elif path and (number := real(cell)) is not None and not isinstance(cell, (bool, str)):
        collected[" ".join(path)] = int(number) if isinstance(cell, int) else number
    elif path and isinstance(cell, (bool, str)) and cell != "":
        collected[" ".join(path)] = cell
