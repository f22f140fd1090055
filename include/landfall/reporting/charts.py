"""A chart of the page, made of one drawing in two sizes.

A chart that would be empty is not made; the page then says what to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from landfall.reporting import canvas, words
from landfall.reporting.canvas import NARROW, WIDE, Size
from landfall.reporting.facts import Report
from landfall.reporting.series import Series, Style, version_styles

BOUND: Style = {"color": canvas.INK, "linewidth": 1.3, "linestyle": (0, (2, 2))}
"""The style of a declared bound."""
PROMOTION: Style = {"color": canvas.INK, "linewidth": 1}
"""The style of a promotion, whose line is upright."""


@dataclass(frozen=True)
class LegendEntry:
    """One entry of a legend: a sample as SVG, and what it stands for."""

    sample: str
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing for a screen and one for a phone, its legend, and a sentence that says what it shows."""

    title: str
    wide: str
    narrow: str
    keys: tuple[LegendEntry, ...]
    says: str


def chart(
    name: str,
    title: str,
    says: str,
    draw: Callable[[Size, str], str],
    samples: Sequence[tuple[str, Style]] = (),
    sizes: tuple[Size, Size] = (WIDE, NARROW),
) -> Chart:
    """Draws a chart in both sizes.

    Args:
        name: Keeps the ids of one page's drawings apart: lower-case letters, digits and hyphens.
        title: Its heading.
        says: The text for people who cannot see it.
        draw: Gives the SVG of one size; called with the size and with an id that no other drawing has.
        samples: The entries of the legend: text and style.
        sizes: The sizes for a screen and for a phone.
    """
    pictures = []
    for size in sizes:
        with canvas.drawing(name):
            pictures.append(draw(size, f"{name}-{size.name}"))
    return Chart(words.clean(title, 120), pictures[0], pictures[1], legend(name, samples), says)


def legend(name: str, samples: Sequence[tuple[str, Style]]) -> tuple[LegendEntry, ...]:
    """One entry for each different text, with a sample of its style."""
    style_of = dict(reversed(samples))
    texts = list(dict.fromkeys(text for text, _ in samples))
    return tuple(
        LegendEntry(canvas.swatch(style_of[text], f"{name}-key-{number}"), text) for number, text in enumerate(texts)
    )


def samples_of(series: Sequence[Series]) -> list[tuple[str, Style]]:
    """The legend's entries for these series."""
    return [(line.name, line.style) for line in series]


def styles_of(report: Report) -> dict[str, Style]:
    """The style of each of the newest versions; it is the same in every chart."""
    return version_styles([*(value.version for value in report.errors), *(value.version for value in report.drift)])
