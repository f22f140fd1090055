"""What a chart of the page is, and how one is put together from a drawing in two sizes.

A chart that would have nothing in it is not made; the page then says what to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from landfall.reporting import canvas, words
from landfall.reporting.canvas import NARROW, WIDE, Size
from landfall.reporting.facts import Report
from landfall.reporting.series import Series, Style, version_styles

BOUND: Style = {"color": canvas.INK, "linewidth": 1.3, "linestyle": (0, (2, 2))}
"""How a declared bound is drawn."""
PROMOTION: Style = {"color": canvas.INK, "linewidth": 1}
"""How a promotion is drawn; its line is upright."""


@dataclass(frozen=True)
class Key:
    """One entry of a legend: a sample as SVG, and what it stands for."""

    sample: str
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing for a screen and one for a phone, its legend, and what it shows in a sentence."""

    title: str
    wide: str
    narrow: str
    keys: tuple[Key, ...]
    says: str


def chart(
    name: str,
    title: str,
    says: str,
    draw: Callable[[Size, str], str],
    samples: Sequence[tuple[str, Style]] = (),
    sizes: tuple[Size, Size] = (WIDE, NARROW),
) -> Chart:
    """Draws both sizes.

    Args:
        name: Keeps the ids of one page's drawings apart: lower-case letters, digits and hyphens.
        title: Its heading.
        says: What is read to those who do not see it.
        draw: Gives the SVG of one size; it is called with the size and with an id that no other drawing has.
        samples: The entries of the legend: text and style.
        sizes: For a screen and for a phone.
    """
    pictures = []
    for size in sizes:
        with canvas.drawing(name):
            pictures.append(draw(size, f"{name}-{size.name}"))
    return Chart(words.clean(title, 120), pictures[0], pictures[1], legend(name, samples), says)


def legend(name: str, samples: Sequence[tuple[str, Style]]) -> tuple[Key, ...]:
    """Each text once, with a sample of its style."""
    once = dict(reversed(samples))
    texts = list(dict.fromkeys(text for text, _ in samples))
    return tuple(Key(canvas.swatch(once[text], f"{name}-key-{number}"), text) for number, text in enumerate(texts))


def samples_of(series: Sequence[Series]) -> list[tuple[str, Style]]:
    """The legend's entries of some series."""
    return [(each.name, each.style) for each in series]


def styles_of(report: Report) -> dict[str, Style]:
    """The style of each of the newest versions: the same in every chart."""
    return version_styles([*(each.version for each in report.errors), *(each.version for each in report.drift)])
