"""What Airflow is told of a partition's run and tells of it: the form, and the moment that labels it."""

from collections.abc import Mapping
from datetime import UTC, datetime

BACKFILL = "backfill"
"""The type of the runs that a backfill made or took over, as Airflow names it."""
DAY = "day"
"""The form's field for the partition."""


def named_day(run_type: str, form: Mapping[str, object]) -> str:
    """The partition that a run's form names; empty if it names none, and the run owns that of its logical date.

    Nothing that is written into the form of a backfill counts: Airflow hands one form to all runs of a backfill, and each
    would do the same day.

    Args:
        run_type: What started the run, in Airflow's words: `manual`, `scheduled`, `backfill`, ...
        form: The run's parameters, or its `conf`.
    """
    return "" if run_type == BACKFILL else str(form.get(DAY) or "")


def label_of(logical_date: datetime) -> datetime:
    """`run_after` of a run that is to start now: its own date, or now where that lies ahead.

    Airflow starts no run before its `run_after`, and labels, sorts and names runs by it.
    """
    return min(logical_date, datetime.now(UTC))
