"""The page of a stream: how it stands, the shares of its windows as a chart, its newest batches and what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import landfall
from landfall.reporting import words
from landfall.reporting.charts import Chart
from landfall.reporting.page import HERE
from landfall.reporting.stream_chart import share_chart
from landfall.spec import Stream
from landfall.streams.standing import Standing
from landfall.streams.state import BatchRecord

if TYPE_CHECKING:
    from jinja2 import Template

LISTED = 20
"""How many batches are listed."""


@dataclass(frozen=True, kw_only=True)
class StreamReport:
    """What the page shows.

    Args:
        stream: The stream.
        standing: How it stands, with its windows.
        batches: Its newest batches, newest first.
        letters: Reason -> how many dead letters are kept that have it, most first.
        made_at: When this was read (aware).
    """

    stream: Stream
    standing: Standing
    batches: Sequence[BatchRecord]
    letters: Sequence[tuple[str, int]]
    made_at: datetime

    @property
    def charts(self) -> list[Chart]:
        """A chart for each share."""
        found = (share_chart(self.stream, share, self.standing.windows) for share in self.stream.window.shares)
        return [chart for chart in found if chart]


def stream_page(report: StreamReport) -> str:
    """The page as one HTML document. It fetches nothing and runs no script. What comes from the database is escaped."""
    return _template().render(
        report=report,
        stream=report.stream,
        standing=report.standing,
        charts=report.charts,
        batches=report.batches[:LISTED],
        landfall_version=landfall.__version__,
        css=(HERE / "page.css").read_text(encoding="utf-8"),
    )


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters = (words.clean, words.number, words.duration, words.clock, words.count)
    environment.filters |= {function.__name__: function for function in filters}
    return environment.get_template("stream.html.jinja")
