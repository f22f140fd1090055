"""What is taken out of JSON documents, and which partitions can be shown. What cannot be read is left out."""

import math
from collections.abc import Mapping
from datetime import datetime

from landfall.spec import Landing, Partition

DEEPEST, MOST = 4, 40
"""How deep, and how many, figures are taken out of a JSON document."""
UNTOLD = ("metrics", "slices", "parameters", "checks")
"""Names inside a JSON document that say nothing themselves, or hold too much for a line."""


def text(cell: object) -> str:
    """The cell as text; empty for NULL."""
    return "" if cell is None else str(cell)


def real(cell: object) -> float | None:
    """The cell as a finite number; None for NULL, NaN, infinity and for anything that is none."""
    try:
        number = float(str(cell))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_usual(partition: Partition) -> bool:
    """Whether a partition has a day before and after it, and a deadline."""
    return 1 < partition.start.year < 9998


def due(landing: Landing, wanted: Partition) -> datetime:
    """When the partition should have landed: its deadline, else its end."""
    return landing.due(wanted) or landing.window(wanted)[1]


def reasons(cell: object) -> tuple[str, ...]:
    """The texts of the reasons in a JSON list: of strings, or of objects with `text`."""
    if not isinstance(cell, list):
        return ()
    return tuple(
        text(each.get("text") or each.get("kind")) if isinstance(each, Mapping) else text(each) for each in cell
    )


def figures(cell: object) -> dict[str, object]:
    """The numbers and short texts of a JSON document by name: `{"champion": {"rmse": 1}}` gives `champion rmse`."""
    found: dict[str, object] = {}
    _collect(cell, (), found)
    return found


def _collect(cell: object, path: tuple[str, ...], found: dict[str, object]) -> None:
    if len(found) >= MOST or len(path) > DEEPEST:
        return
    if isinstance(cell, Mapping):
        for name, value in cell.items():
            if name != "slices":
                _collect(value, path if name in UNTOLD else (*path, str(name)), found)
    elif path and (number := real(cell)) is not None and not isinstance(cell, (bool, str)):
        found[" ".join(path)] = int(number) if isinstance(cell, int) else number
    elif path and isinstance(cell, (bool, str)) and cell != "":
        found[" ".join(path)] = cell
