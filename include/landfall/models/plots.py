"""Two pictures of a model; each takes about a tenth of a second. Drawn by matplotlib's Agg, without its global state."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BARS = 30
"""How many features are shown: those with the largest shares."""
COLOUR, LINE = "#2a6fb0", "#888888"


def importances(shares: Mapping[str, float], path: Path) -> None:
    """A bar for each feature, the most important first. `shares`: feature -> share; the shares need not add up to 1."""
    largest = sorted(shares.items(), key=lambda share: -abs(share[1]))[:BARS]
    figure = _figure(5.0, 0.6 + 0.22 * len(largest))
    axes = figure.add_subplot()
    axes.barh([name for name, _ in largest], [share for _, share in largest], color=COLOUR)
    axes.invert_yaxis()
    axes.set_xlabel("importance")
    figure.savefig(path, dpi=90)


def actual_versus_predicted(sample: Sequence[Sequence[object]], label: str, path: Path) -> None:
    """A point for each pair of numbers among the held-out rows (actual, predicted); a larger point stands for more rows."""
    counts = Counter((actual, predicted) for actual, predicted in sample if _finite(actual, predicted))
    figure = _figure(4.2, 4.2)
    axes = figure.add_subplot()
    if counts:
        most = max(counts.values())
        sizes = [8 + 192 * (count - 1) / max(most - 1, 1) for count in counts.values()]
        actual, predicted = zip(*counts, strict=True)
        axes.scatter(actual, predicted, s=sizes, alpha=0.5, color=COLOUR, linewidths=0)
        low, high = min(*actual, *predicted), max(*actual, *predicted)
        axes.plot([low, high], [low, high], color=LINE, linewidth=1)
    axes.set_xlabel(f"actual {label}")
    axes.set_ylabel(f"predicted {label}")
    figure.savefig(path, dpi=90)


def _finite(*values: object) -> bool:
    return all(isinstance(value, int | float) and isfinite(value) for value in values)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
