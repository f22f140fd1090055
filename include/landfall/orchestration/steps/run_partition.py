"""The partition that a run owns."""

from collections.abc import Mapping
from typing import Any

from landfall.errors import RunError
from landfall.spec import Partition
from landfall.spec.run_form import BACKFILL, DAY, named_day

PARTITION = f"{{{{ (dag_run.run_type != '{BACKFILL}' and params.{DAY}) or ds }}}}"
"""The run's partition as a template: the day that its form names (see `named_day`), else the logical date."""


def named_partition(context: Mapping[str, Any]) -> Partition | None:
    """The partition that the form of the run names; None if it names none.

    Raises:
        SpecError: the form names something that is no partition.
    """
    day = named_day(context["dag_run"].run_type, context["params"])
    return Partition.parse(day) if day else None


def partition_of(context: Mapping[str, Any]) -> Partition:
    """The partition of the run that `context` belongs to.

    Raises:
        SpecError: the form names something that is no partition, or no run can have that day: see `Partition.checked`.
        RunError: the run has neither a day in its form nor a logical date.
    """
    if named := named_partition(context):
        return named
    if moment := context["dag_run"].logical_date:
        return Partition.holding(moment).checked()
    raise RunError(
        f"The run `{context['dag_run'].run_id}` has no partition.",
        looked="the form's field `day`, and the logical date of the run",
        left="nothing was read or written",
        next="trigger it again with a day, such as 2012-12-25",
    )
