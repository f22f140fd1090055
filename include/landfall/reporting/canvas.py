"""Turns a matplotlib figure into SVG that is part of a page, with the page's variables as its colours and the page's font.

Figures are drawn in placeholder colours, which become `var(--name)` here, so that one drawing is legible on a light page and on
a dark one. Sizes are in CSS pixels: a figure has 72 dots per inch, and one of matplotlib's points is one dot.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, SURFACE, PLAIN = "#010101", "#010102", "#010103", "#010104", "#010105"
SERIES = ("#010111", "#010112", "#010113", "#010114", "#010115")
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    SURFACE: "--surface",
    PLAIN: "--plain",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, 1)},
}
"""Placeholder -> the page's variable, to which the page gives a value for light and one for dark."""
MARKERS = ("o", "s", "^", "D", "v")
"""Each series has a marker of its own beside its colour."""
RIGHT = 10
"""Pixels that are left free to the right of a panel."""


@dataclass(frozen=True)
class Size:
    """The size of a drawing in CSS pixels, and how many ticks its x axis has room for."""

    name: str
    width: int
    ticks: int

    @property
    def inner(self) -> int:
        """The approximate width of its panels."""
        return self.width - 46 - RIGHT


WIDE, NARROW = Size("wide", 880, 9), Size("narrow", 360, 4)
"""The sizes for a screen and for a phone."""


@contextmanager
def drawing(salt: str) -> Iterator[None]:
    """The settings for drawing: text stays text, without mathematics in it, and the same figure gives the same SVG every time."""
    import matplotlib

    settings = matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": salt,
            "text.parse_math": False,
            "font.size": 11,
            "path.simplify_threshold": 0.5,
        }
    )
    with settings, warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # about a letter that matplotlib's font lacks; a browser may have it
        yield


def axes(size: Size, heights: tuple[int, ...], *, top: int, left: int = 46) -> "tuple[Figure, list[Axes]]":
    """A figure with panels below each other, which share their x axis and are `heights` pixels high.

    `top` pixels above the first panel are free for labels. Below the last one there is room for the labels of the ticks.
    """
    from matplotlib.figure import Figure

    gap, bottom = 28, 38
    height = sum(heights) + gap * (len(heights) - 1) + top + bottom
    figure = Figure(figsize=(size.width / 72, height / 72), dpi=72, facecolor="none")
    panels: list[Axes] = []
    upper = height - top
    for panel_height in heights:
        box = (
            left / size.width,
            (upper - panel_height) / height,
            (size.width - left - RIGHT) / size.width,
            panel_height / height,
        )
        panels.append(figure.add_axes(box, sharex=panels[0] if panels else None))
        upper -= panel_height + gap
    for panel in panels:
        _dress(panel, last=panel is panels[-1])
    return figure, panels


def _dress(panel: "Axes", *, last: bool) -> None:
    panel.set_facecolor("none")
    panel.set_axisbelow(True)
    panel.grid(axis="y", color=GRID, linewidth=1)
    for side in ("left", "right", "top"):
        panel.spines[side].set_visible(False)
    panel.spines["bottom"].set_color(MUTED)
    panel.tick_params(axis="both", length=0, colors=MUTED, labelcolor=MUTED, pad=6)
    panel.tick_params(axis="x", length=4 if last else 0, labelbottom=last)


def svg(figure: "Figure", size: Size, name: str, says: str) -> str:
    """The drawing as an `<svg>` element for HTML.

    It has no style sheet, no comment and no namespace, and ids only where something refers to them.

    Args:
        figure: The drawing.
        size: Its size; its name becomes the class of the element.
        name: The beginning of the element's ids.
        says: The text for people who cannot see it; empty for an ornament.
    """
    written = io.BytesIO()
    figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(written.getvalue())  # noqa: S314  (matplotlib wrote it)
    references = (value for element in root.iter() for value in element.attrib.values())
    used = (match[1] for value in references if (match := re.fullmatch(r"(?:url\()?#([\w-]+)\)?", value)))
    _tidy(root, {old: f"{name}-{number}" for number, old in enumerate(dict.fromkeys(used))})
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib |= {"viewBox": box, "class": f"chart {size.name}"}
    root.attrib |= {"role": "img", "aria-label": says} if says else {"aria-hidden": "true"}
    return ElementTree.tostring(root, encoding="unicode")


def _tidy(element: ElementTree.Element, ids: Mapping[str, str]) -> None:
    """Removes what a page does not need, here and below. `ids` are the ids to keep: old -> new."""
    element.tag, element.tail = element.tag.rpartition("}")[2], None
    if element.tag != "text":
        element.text = None
    attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    element.attrib.clear()
    for name, value in attributes.items():
        if name != "id" or value in ids:
            element.set(name, _tidied(name, value, ids))
    for child in list(element):
        unwanted = child.tag.rpartition("}")[2] in ("metadata", "style")
        if not unwanted:
            _tidy(child, ids)
        if unwanted or _unseen(child):
            element.remove(child)
    _share_style(element)


def _unseen(element: ElementTree.Element) -> bool:
    """True for an empty group, and for a shape that has neither a fill nor a stroke."""
    if element.tag == "path":
        return element.get("style") == "fill: none"
    return element.tag in ("g", "defs") and not len(element)


def _share_style(element: ElementTree.Element) -> None:
    """Moves a style that all markers of a group have to the group."""
    styles = {child.get("style") for child in element}
    if element.tag == "g" and {child.tag for child in element} == {"use"} and len(styles) == 1 and None not in styles:
        element.set("style", styles.pop() or "")
        for child in element:
            del child.attrib["style"]


def _tidied(name: str, value: str, ids: Mapping[str, str]) -> str:
    if name == "style":
        return _coloured(value)
    if name in ("id", "href", "clip-path"):
        return re.sub(r"[\w-]{6,}", lambda match: ids.get(match[0], match[0]), value)
    return _rounded(value) if name in _NUMBERS else value


_NUMBERS = ("d", "x", "y", "width", "height", "points", "transform")


def _rounded(value: str) -> str:
    """Rounds coordinates to a tenth of a pixel."""
    short = re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), value)
    return " ".join(short.split())


def _coloured(style: str) -> str:
    """Replaces placeholders by the page's variables, and fonts by their sizes alone, so that the page's font is used."""
    for placeholder, variable in VARIABLES.items():
        style = style.replace(placeholder, f"var({variable})")
    return re.sub(
        r"font-family: [^;]*; ?|font-variant: [^;]*; ?",
        "",
        re.sub(r"font: [^;]*?([\d.]+px)[^;]*", r"font-size: \1", style),
    )


def swatch(style: Mapping[str, object], name: str) -> str:
    """A sample of a series for a legend, in the series' own style; a style with `upright` is that of a promotion.

    Args:
        style: The style of the line.
        name: The beginning of its ids.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    size, line_style = Size("swatch", 26, 0), dict(style)
    across = (
        ([0.5, 0.5, 0.5], [0.0, 0.5, 1.0]) if line_style.pop("upright", False) else ([0.0, 0.5, 1.0], [0.5, 0.5, 0.5])
    )
    figure = Figure(figsize=(size.width / 72, 12 / 72), dpi=72, facecolor="none")
    with drawing(name):
        line = Line2D(*across, transform=figure.transFigure, markevery=[1])
        line.update(line_style)
        figure.add_artist(line)
        return svg(figure, size, name, "")
