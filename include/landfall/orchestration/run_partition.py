"""Which partition a run owns."""

from collections.abc import Mapping
from typing import Any

from landfall.errors import RunError
from landfall.spec import Partition

PARTITION = "{{ params.day or ds }}"
"""The run's partition as a template: the day from the form, else the logical date."""


def partition_of(context: Mapping[str, Any]) -> Partition:
    """The partition of the run that `context` belongs to.

    Raises:
        RunError: the run has neither a day in its form nor a logical date.
        SpecError: its day cannot be a partition: see `Partition.checked`.
    """
    if day := context["params"].get("day"):
        return Partition.parse(day)
    if moment := context["dag_run"].logical_date:
        return Partition.holding(moment).checked()
    raise RunError(
        f"The run `{context['dag_run'].run_id}` has no partition.",
        looked="the form's field `day`, and the logical date of the run",
        left="nothing was read or written",
        next="trigger it again with a day, such as 2012-12-25",
    )
