"""Reports: how a pipeline's model and feeds have been doing, as numbers, a few lines of text, or one HTML page.

    with database.connect(settings) as conn:
        report = read_report(conn, pipeline, now=datetime.now(UTC))
    print(summary(report)); file.write_text(page(report))

Nothing here writes to a database. Importing it loads neither Altair nor Jinja.
"""

from landfall.reporting.facts import Report
from landfall.reporting.queries import read_report
from landfall.reporting.summary import as_json, summary

__all__ = ["Report", "as_json", "read_report", "summary"]
