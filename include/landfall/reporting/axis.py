"""Axes: partitions from left to right, and values or delays from bottom to top."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from landfall.reporting import words
from landfall.reporting.canvas import Size
from landfall.spec import Partition

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SKEWED = 30
"""If the longest delay is more than this many times the median one, it would flatten the others: the axis is logarithmic."""
STEPS = {"1 min": 60, "10 min": 600, "1 h": 3600, "6 h": 21600, "1 d": 86400, "10 d": 864000, "100 d": 8640000,
         "1 y": 365.25 * 86400, "10 y": 3652.5 * 86400, "100 y": 36525.0 * 86400}  # fmt: skip
"""The possible ticks of a logarithmic axis of delays, in seconds."""
HOURS, DAYS, MONTHS = (1, 3, 6, 12), (1, 2, 4, 7, 14), (1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 6000, 12000, 36000)
"""The possible distances between ticks of time."""


def days(at: datetime) -> float:
    """The position of a moment on an axis of time: days since 1970."""
    return at.timestamp() / 86400


def shown_moments(partitions: Sequence[Partition]) -> tuple[datetime, datetime]:
    """The starts of the first and the last of the partitions."""
    return min(partition.start for partition in partitions), max(partition.start for partition in partitions)


def date_axis(panel: "Axes", size: Size, partitions: Sequence[Partition]) -> None:
    """An axis of time from left to right, with as many ticks as there is room for, and some space at both ends."""
    low, high = shown_moments(partitions)
    air = max((high - low) / 60, (partitions[0].end - partitions[0].start) / 2)
    panel.set_xlim(days(low - air), days(high + air))
    ticks = time_ticks(low, high, size.ticks, hourly=partitions[0].hour is not None)
    panel.set_xticks([days(at) for at, _ in ticks], [label for _, label in ticks])


def time_ticks(low: datetime, high: datetime, most: int, *, hourly: bool = False) -> list[tuple[datetime, str]]:
    """At most `most` round moments from `low` to `high` (at least one), each with its label.

    The second line of a label names the year or day; only the first tick of each year or day has one.
    """
    choices = _choices(low, high, hourly=hourly)
    moments, form, above = next((choice for choice in choices if len(choice[0]) <= most), ([low], "%Y", ""))
    labels, before = [], ""
    for at in moments or [low]:
        context = at.strftime(above)
        labels.append((at, at.strftime(form) + (f"\n{context}" if context != before else "")))
        before = context
    return labels


def _choices(low: datetime, high: datetime, *, hourly: bool) -> "list[tuple[list[datetime], str, str]]":
    """Ticks further and further apart. Each choice has its moments, the format of a tick and the format of its second line."""
    day, span = low.replace(hour=0, minute=0, second=0, microsecond=0), high - low
    hours, days = range(0, 24 * (span.days + 2)), range(0, span.days + 2)
    choices = []
    if hourly and span <= timedelta(days=3):
        choices = [([day + timedelta(hours=n) for n in hours if n % step == 0], "%H:%M", "%Y-%m-%d") for step in HOURS]
    if span <= timedelta(days=400):
        choices += [([day + timedelta(days=n) for n in days if n % step == 0], "%-d %b", "%Y") for step in DAYS]
    months = range(low.year * 12 + low.month - 1, high.year * 12 + high.month)
    for step in MONTHS:
        starts = [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in months if n % step == 0 and n >= 12]
        choices.append((starts, "%b" if step < 12 else "%Y", "%Y" if step < 12 else ""))
    return [([at for at in moments if low <= at <= high], form, above) for moments, form, above in choices]


def value_axis(panel: "Axes", values: Sequence[float], *, whole: bool = False) -> None:
    """An axis of values from 0 up, or from below 0 if one is negative, with room above the highest."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    highest, lowest = max(values, default=0.0), min(values, default=0.0)
    panel.set_ylim(min(lowest * 1.12, 0), max(highest, 0) * 1.12 or (1 if lowest >= 0 else 0))
    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.number(value)))


@dataclass(frozen=True)
class Delays:
    """An axis of seconds, negative for early; logarithmic on both sides of 0 if the values differ a lot.

    Args:
        values: Seconds, at least one.
        zero: The label at 0.
    """

    values: Sequence[float]
    zero: str

    @property
    def logarithmic(self) -> bool:
        """True if the longest would flatten the others."""
        lengths = [abs(value) for value in self.values]
        return max(lengths) > SKEWED * max(median(lengths), 1)

    def dress(self, panel: "Axes") -> None:
        """Gives the panel its scale and its ticks with their labels."""
        low, high = min(*self.values, 0.0), max(*self.values, 0.0)
        if self.logarithmic:
            panel.set_yscale("symlog", linthresh=60, linscale=0.4)
            panel.set_ylim(low * 2 if low else -20, high * 2 if high else 60)
            panel.set_yticks([], minor=True)
        else:
            room = (high - low) * 0.12 or 1
            panel.set_ylim(low - room if low else -room / 2, high + room)
        ticks = self.ticks()
        panel.set_yticks([at for at, _ in ticks], [label for _, label in ticks])

    def ticks(self) -> list[tuple[float, str]]:
        """Seconds and label of each tick; 0 is always one."""
        low, high = min(*self.values, 0.0), max(*self.values, 0.0)
        if self.logarithmic:
            steps = {label: at for label, at in STEPS.items() if at <= max(-low, high) * 2}
            labels = list(steps)[::2]
            both = [(-steps[label], f"−{label}") for label in labels] + [(steps[label], label) for label in labels]
            return [(at, label) for at, label in [*both, (0.0, self.zero)] if low * 2 <= at <= high * 2]
        unit, length = next(candidate for candidate in (*words.UNITS, ("s", 0.0)) if high - low >= candidate[1] * 1.5)
        length = length or 1.0
        step = _round_step((high - low) / length)
        numbers = range(int(low / length / step) - 1, int(high / length / step) + 2)
        margin = (high - low) * 0.1
        labelled = [(number * step * length, _signed(number * step, unit)) for number in numbers]
        return [(at, label if at else self.zero) for at, label in labelled if low - margin <= at <= high + margin]


def _round_step(reach: float) -> float:
    """A round step, of which about four reach that far."""
    return next(
        (factor * 10.0**power for power in range(-4, 9) for factor in (1, 2, 5) if factor * 10.0**power * 4 >= reach),
        reach,
    )


def _signed(amount: float, unit: str) -> str:
    return f"{'−' if amount < 0 else ''}{abs(amount):,.4g} {unit}"
