"""Charts as Vega-Lite specifications, which Altair writes: one drawing in two sizes, for a screen and for a phone.

`vl-convert-python` turns a specification into SVG without a browser. Colours are the page's own variables (`var(--ink)`), so one
drawing is legible on a light page and on a dark one. A chart that would be empty is not made; the page then says what to do.

Importing this file loads neither Altair nor the converter.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias, cast

from landfall.errors import LandfallError
from landfall.reporting import words
from landfall.reporting.svg import tidied

if TYPE_CHECKING:
    import altair as alt

    Drawing: TypeAlias = alt.Chart | alt.LayerChart | alt.VConcatChart | alt.FacetChart
Spec: TypeAlias = dict[str, object]
"""A Vega-Lite specification, as JSON holds it."""

INK, MUTED, GRID, SURFACE, PLAIN = (f"var(--{name})" for name in ("ink", "muted", "grid", "surface", "plain"))
COLOURS = tuple(f"var(--series-{number})" for number in range(1, 6))
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down")
"""Each series has a colour and a marker of its own."""
NUMBER = (
    "abs(datum.value) >= 1e9 || (datum.value != 0 && abs(datum.value) < 1e-4)"
    " ? format(datum.value, '~e') : format(datum.value, ',~r')"
)
"""The label of a tick, as an expression of Vega. No text from outside is ever part of an expression."""

_PAIRS = re.compile("[\U00010000-\U0010ffff]")
"""Letters that JavaScript keeps as two halves, such as emoji. Vega cuts long texts between the halves, and the converter then
fails; so a drawing shows a replacement for them. The text for people who cannot see it keeps them."""


class ChartError(LandfallError):
    """A chart could not be drawn."""


@dataclass(frozen=True)
class Size:
    """The size of a drawing: its width in CSS pixels, and about how many ticks its x axis has room for."""

    name: str
    width: int
    ticks: int


WIDE, NARROW = Size("wide", 880, 9), Size("narrow", 360, 4)
"""The sizes for a screen and for a phone."""


@dataclass(frozen=True)
class Chart:
    """A drawing for a screen and one for a phone.

    Args:
        title: Its heading.
        says: What it shows, as text for people who cannot see it.
        wide: The specification for a screen, which is also the one for a live page.
        narrow: The specification for a phone.
    """

    title: str
    says: str
    wide: Spec
    narrow: Spec

    def svg(self, size: str) -> str:
        """The drawing as an `<svg>` element for HTML: `wide` or `narrow`.

        Raises:
            ChartError: `vl-convert-python` is not installed.
        """
        try:
            import vl_convert
        except ModuleNotFoundError as error:
            raise _missing(error) from None
        spec = json.dumps(self.wide if size == "wide" else self.narrow, ensure_ascii=False)
        # Without any address that may be asked: a specification holds its data.
        drawn = vl_convert.vegalite_to_svg(_PAIRS.sub("\ufffd", spec), allowed_base_urls=[])
        return tidied(drawn, size, self.says)


def library() -> ModuleType:
    """Altair, imported when the first chart is made.

    Raises:
        ChartError: it is not installed.
    """
    try:
        import altair
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    return altair


def chart(title: str, says: str, draw: "Callable[[Size], Drawing]") -> Chart:
    """Writes the specifications of both sizes.

    Args:
        title: Its heading.
        says: The text for people who cannot see it.
        draw: Gives the drawing in one size.
    """
    schemapi = library().utils.schemapi
    with schemapi.debug_mode(False):  # it would validate each part against the schema; the tests do that with the whole
        wide, narrow = (_written(draw(size)) for size in (WIDE, NARROW))
    return Chart(words.clean(title, 120), says, wide, narrow)


def _written(drawing: "Drawing") -> Spec:
    """The specification in the look of the page."""
    altair = library()
    dressed = drawing.configure(
        background="transparent",
        font="sans-serif",
        aria=False,  # the drawing as a whole has a text
        padding=2,
        view=altair.ViewConfig(stroke=None),
        axis=altair.AxisConfig(
            domain=False, ticks=False, gridColor=GRID, labelColor=MUTED, labelFontSize=11, labelPadding=6
        ),
        axisX=altair.AxisConfig(
            domain=True,
            domainColor=MUTED,
            ticks=True,
            tickColor=MUTED,
            labelPadding=3,
            titleColor=MUTED,
            titleFontSize=11,
            titleFontWeight="normal",
            titleAnchor="start",
            titlePadding=2,
        ),
        legend=altair.LegendConfig(
            orient="top", title=None, labelColor=INK, labelFontSize=12, labelLimit=320, symbolStrokeWidth=2, offset=22
        ),
        title=altair.TitleConfig(
            anchor="start", color=MUTED, fontSize=11, fontWeight="normal", frame="group", limit=340, offset=6
        ),
        header=altair.HeaderConfig(
            title=None, labelAnchor="start", labelColor=INK, labelFontSize=13, labelFontWeight="bold", labelLimit=340
        ),
        text=altair.MarkConfig(color=INK, fontSize=11),
        rule=altair.MarkConfig(color=INK),
    )
    return cast(Spec, dressed.to_dict(validate=False))


def _missing(error: ModuleNotFoundError) -> ChartError:
    return ChartError(
        "The charts cannot be drawn: a library is missing.",
        looked=f"for the Python package `{error.name}`",
        left="nothing was written",
        next="uv pip install 'landfall[report]'",
    )
