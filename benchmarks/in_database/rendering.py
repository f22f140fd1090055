"""Tables of Markdown."""

import statistics
from collections.abc import Iterable, Sequence

from report import quantile


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines: the names of the columns, then the rows."""
    return ["", _line(columns), "|" + "---|" * len(columns), *map(_line, rows)]


def median(taken: Sequence[float], digits: int = 3) -> str:
    """The median; nothing if nothing was measured."""
    return f"{statistics.median(taken):,.{digits}f}" if taken else ""


def both(taken: Sequence[float]) -> list[str]:
    """Median and 99th percentile of milliseconds."""
    return [median(taken), f"{quantile(taken, 0.99):.3f}"] if taken else ["", ""]


def times(above: Sequence[float], below: Sequence[float], digits: int = 2) -> str:
    """How many times as much, by the medians."""
    return f"{statistics.median(above) / statistics.median(below):.{digits}f}" if above and below else ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
