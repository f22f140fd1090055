"""The page: one HTML file with everything in it. It fetches nothing and runs no script; its own headers forbid both."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import landfall
from landfall.reporting import present, tiles, words
from landfall.reporting.charts import Chart
from landfall.reporting.delay_chart import delay_charts
from landfall.reporting.drift_chart import drift_chart
from landfall.reporting.error_chart import error_chart
from landfall.reporting.facts import Decided, FeedFacts, Report
from landfall.reporting.present import FeedNow
from landfall.reporting.rows_chart import rows_chart

if TYPE_CHECKING:
    from jinja2 import Template

HERE = Path(__file__).parent
LISTED = 8
"""How many rows of a table are shown before it has to be unfolded."""
MOST_FIGURES = 10
"""How many figures of a decision are shown."""
FIGURES = ("until", "new_rows", "new_partitions", "published_error", "gate_error", "error_partitions")
"""The figures of a decision that are shown first."""


@dataclass(frozen=True)
class Volume:
    """A feed's rows: the chart (None if there is none), and whether any row was quarantined."""

    feed: str
    chart: Chart | None
    quarantined: bool


def page(report: Report) -> str:
    """The report as one HTML document, for a browser of any size, light or dark, and for a printer.

    Everything from the database is escaped; characters that control a terminal or turn the direction of writing are removed.
    """
    return _template().render(
        report=report,
        pipeline=report.pipeline,
        landfall_version=landfall.__version__,
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        tiles=tiles.tiles(report),
        version=present.serving_version(report),
        serving=report.serving,
        error_chart=error_chart(report),
        drift_chart=drift_chart(report),
        drift_now=present.drift_now(report),
        delay_charts=delay_charts(report),
        volumes=[_volume(facts) for facts in report.feeds],
        feeds=[_feed(report, facts) for facts in report.feeds],
        listed=LISTED,
        figures=_figures,
    )


def _volume(facts: FeedFacts) -> Volume:
    return Volume(facts.feed.name, rows_chart(facts), any(life.quarantined for life in facts.lives))


def _feed(report: Report, facts: FeedFacts) -> tuple[FeedNow, FeedFacts, int]:
    return present.feed_now(report, facts), facts, present.late_landings(facts)


def _figures(decided: Decided) -> list[tuple[str, str]]:
    """The first few figures of a decision, as name and number, without false ones and the champion, which is shown elsewhere."""
    names = [name for name in FIGURES if name in decided.figures]
    names += [name for name in decided.figures if name not in names and name != "champion"]
    values = [(name, decided.figures[name]) for name in names]
    return [
        (
            name.replace("_", " "),
            words.number(value) if isinstance(value, (int, float)) and value is not True else str(value),
        )
        for name, value in values
        if value is not False
    ][:MOST_FIGURES]


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (words.clean, words.number, words.duration, words.against_due, words.ago, words.clock, words.count)
    environment.filters |= {function.__name__: function for function in filters}
    return environment.get_template("page.html.jinja")
