"""What is taken out of JSON documents, and which partitions can be shown. What cannot be read is left out."""

import math
from collections.abc import Mapping
from datetime import datetime

from landfall.spec import Landing, Partition

DEEPEST, MOST = 4, 40
"""How deep figures are looked for in a JSON document, and how many are taken."""
UNNAMED = ("metrics", "slices", "parameters", "checks")
"""Names in a JSON document that are left out of a figure's name: they say nothing, or would make it too long."""


def text(cell: object) -> str:
    """The cell as text; empty for NULL."""
    return "" if cell is None else str(cell)


def real(cell: object) -> float | None:
    """The cell as a finite number; None for NULL, NaN, infinity and anything that is no number."""
    try:
        number = float(str(cell))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_usual(partition: Partition) -> bool:
    """Whether a partition has a day before and after it, and a deadline."""
    return 1 < partition.start.year < 9998


def due(landing: Landing, missing: Partition) -> datetime:
    """When the partition should have landed: its deadline, else its end."""
    return landing.due(missing) or landing.calendar.window(missing)[1]


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
