"""The form of a partition's run in Airflow, and the time by which Airflow labels the run."""

from collections.abc import Mapping
from datetime import UTC, datetime

BACKFILL = "backfill"
"""Airflow's name for the type of the runs that a backfill made or took over."""
DAY = "day"
"""The field of the form that names the partition."""


def named_day(run_type: str, form: Mapping[str, object]) -> str:
    """The partition that a run's form names. Empty if it names none: then the run owns the partition of its logical date.

    The form of a backfill's run is ignored: Airflow gives one form to all runs of a backfill, so all would do the same day.

    Args:
        run_type: Airflow's word for what started the run: `manual`, `scheduled`, `backfill`, ...
        form: The run's parameters, or its `conf`.
    """
    return "" if run_type == BACKFILL else str(form.get(DAY) or "")


def label_of(logical_date: datetime) -> datetime:
    """The `run_after` of a run that is to start now: its logical date, or the present time if that date lies ahead.

    Airflow starts no run before its `run_after`. It labels, sorts and names runs by it.
    """
    return min(logical_date, datetime.now(UTC))
