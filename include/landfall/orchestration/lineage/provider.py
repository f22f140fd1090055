"""The methods of a step that Airflow's OpenLineage provider calls when its task starts and when it has ended."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.steps.run_partition import partition_of
from landfall.spec import Calendar, Settings

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage


class TellsLineage:
    """A step that reports its lineage. If that fails, the provider logs the error and the task's state does not change."""

    reported: object = None
    """The value that the step has returned; None before it has returned."""

    @property
    def calendar(self) -> Calendar:
        """The partitions of the run's DAG."""
        return Calendar()

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """What the step reads and writes.

        Args:
            settings: Where the servers are.
            partition: The run's partition. Empty when the task starts, and in a run without a partition.
            report: The value that the step returned. Empty when the task starts, and if it was skipped or failed.
        """
        return Lineage()

    def get_openlineage_facets_on_start(self) -> "OperatorLineage[Any, Any]":
        """The lineage for the task's START event: the declared inputs."""
        return self._event("", {})

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> "OperatorLineage[Any, Any]":
        """The lineage for the task's COMPLETE or FAIL event."""
        context = task_instance.get_template_context()
        # A run without a partition, such as a training that a person started, has no logical date either.
        owned = context["params"].get("day") or context["dag_run"].logical_date
        partition = str(partition_of(context, self.calendar)) if owned else ""
        return self._event(partition, self.reported if isinstance(self.reported, dict) else {})

    def _event(self, partition: str, report: Mapping[str, Any]) -> "OperatorLineage[Any, Any]":
        from landfall.orchestration.lineage.events import operator_lineage  # loads OpenLineage: only in a task

        settings = Settings.read()
        return operator_lineage(self.lineage(settings, partition, report), settings)
