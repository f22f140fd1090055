"""Two pictures of a model, small enough to cost a tenth of a second. By matplotlib's Agg, without its global state."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BARS = 30
"""So many features are shown, those that matter most."""
COLOUR, LINE = "#2a6fb0", "#888888"


def importances(shares: Mapping[str, float], path: Path) -> None:
    """A bar for each feature, the most important first. `shares` are feature -> share (they need not add up to 1)."""
    most = sorted(shares.items(), key=lambda each: -abs(each[1]))[:BARS]
    figure = _figure(5.0, 0.6 + 0.22 * len(most))
    axes = figure.add_subplot()
    axes.barh([name for name, _ in most], [share for _, share in most], color=COLOUR)
    axes.invert_yaxis()
    axes.set_xlabel("importance")
    figure.savefig(path, dpi=90)


def actual_versus_predicted(sample: Sequence[Sequence[object]], label: str, path: Path) -> None:
    """A point for each held-out row that has two numbers; the larger, the more rows it stands for."""
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
