"""The targets that run jobs elsewhere, and the protocol that each follows."""

from typing import TYPE_CHECKING, Protocol

from landfall.compute.choice import TARGETS
from landfall.compute.target import Order
from landfall.errors import SettingsError

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


class Service(Protocol):
    """A target that runs jobs elsewhere. The module `operator` in a target's folder is such a service."""

    def operator(self, order: Order, task_id: str) -> "BaseOperator":
        """The operator that runs one job and waits for it. It may defer.

        Raises:
            SettingsError: the connection of the target is missing, or one of its fields makes no sense.
        """

    def settle(self, earlier: Order, *, again: bool) -> None:
        """Makes sure that no job of an earlier try goes on beside the job that is now to run.

        Args:
            earlier: The order of the earlier try.
            again: True if the same order is given again, with the same token.

        Raises:
            SettingsError: the connection of the target is missing.
            ComputeError: the target cannot be reached.
        """


def service_of(target: str) -> Service:
    """The service of a target. A new target needs a folder in this room, a branch here, and its name in `choice.Target`.

    Raises:
        SettingsError: `target` is not one that runs jobs elsewhere.
    """
    if target == "cluster":
        from landfall.compute.cluster import operator as cluster

        return cluster
    if target == "databricks":
        from landfall.compute.databricks import operator as databricks

        return databricks
    if target == "emr":
        from landfall.compute.emr import operator as emr

        return emr
    raise SettingsError.unknown("compute target", target, [known for known in TARGETS if known != "local"])
