"""`landfall report`: shows how a pipeline has been doing, as a page, as numbers or as a few lines."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, Output, answering
from landfall.errors import LandfallError


class ReportError(LandfallError):
    """The page could not be written."""


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(report)


def report(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline or a stream, such as bike_demand.")],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with charts to this file.")] = None,
    last: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=2000, help="The newest N partitions of each feed; windows of a stream."),
    ] = 365,
    json: JsonFlag = False,
) -> None:
    """Show how a pipeline has been doing: errors by model version, drift, delays, rows, promotions, decisions."""
    from landfall import database
    from landfall.pipelines import STREAMS, find_pipeline
    from landfall.reporting import as_json, read_report, summary
    from landfall.stack import settings

    with answering(json) as out:
        if pipeline in STREAMS:
            _report_stream(out, pipeline, html, last)
            return
        chosen = find_pipeline(pipeline)
        with database.connect(settings()) as conn:
            read = read_report(conn, chosen, now=datetime.now(UTC), limit=last)
        if html is not None:
            from landfall.reporting.page import page as page_of

            _write(html, page_of(read))
        page = (
            f"written: {html}" if html else f"the page with the charts: landfall report {pipeline} --html report.html"
        )
        out.answer({**as_json(read), "html": str(html) if html else None}, f"{summary(read)}\n{page}")


def _report_stream(out: Output, name: str, html: Path | None, last: int) -> None:
    """Shows how a stream has been doing; `last` is how many of the newest windows the page has."""
    from landfall import database
    from landfall.cli.stream import described
    from landfall.pipelines import find_stream
    from landfall.reporting.stream_page import StreamReport, stream_page
    from landfall.stack import settings
    from landfall.streams.standing import dead_letters, standing
    from landfall.streams.state import batches

    stream, now = find_stream(name), datetime.now(UTC)
    with database.connect(settings(), longest=database.QUESTION) as conn:
        found = standing(conn, stream, windows=last, now=now)
        read = StreamReport(
            stream=stream,
            standing=found,
            batches=batches(conn, name, newest=20),
            letters=dead_letters(conn, stream),
            made_at=now,
        )
    if html is not None:
        _write(html, stream_page(read))
    page = f"written: {html}" if html else f"the page with the chart: landfall report {name} --html report.html"
    out.answer(
        {**found.as_dict(), "dead_letters": dict(read.letters), "html": str(html) if html else None},
        f"{described(stream, found)}\n{page}",
    )


def _write(path: Path, text: str) -> None:
    """Writes the page in one step: a reader sees the old page or the new one.

    Raises:
        ReportError: it cannot be written there.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # a pipe, or /dev/stdout
            path.write_text(text, encoding="utf-8")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(
            f"The report could not be written to `{path}`.",
            looked=(error.strerror or str(error)).lower(),
            left="the file is as it was before",
            next="name a file in a folder that may be written to",
        ) from None
