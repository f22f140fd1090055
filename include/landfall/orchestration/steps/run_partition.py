"""The partition that a run owns."""

from collections.abc import Mapping
from typing import Any

from landfall.errors import RunError
from landfall.spec import Calendar, Partition
from landfall.spec.run_form import BACKFILL, DAY, named_day


def partition_template(calendar: Calendar) -> str:
    """The run's partition as a template: the one that its form names (see `named_day`), else that of its logical date."""
    date = "ts[:13]" if calendar.hourly else "ds"
    return f"{{{{ (dag_run.run_type != '{BACKFILL}' and params.{DAY}) or {date} }}}}"


def partition_of(context: Mapping[str, Any], calendar: Calendar) -> Partition:
    """The partition of the run that `context` belongs to: the one that its form names, else that of its logical date.

    Raises:
        SpecError: the form or the logical date names something that is no partition of the calendar.
        RunError: the run has neither a partition in its form nor a logical date.
    """
    run = context["dag_run"]
    if name := named_day(run.run_type, context["params"]):
        return calendar.parse(name)
    if run.logical_date:
        return calendar.checked(calendar.named(run.logical_date))
    raise RunError(
        f"The run `{run.run_id}` has no partition.",
        looked="the form's field `day`, and the logical date of the run",
        left="nothing was read or written",
        next=f"trigger it again with a partition, such as {calendar.example}",
    )
