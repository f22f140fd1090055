"""The targets that run jobs elsewhere: what each does, and which there are."""

from typing import TYPE_CHECKING, Protocol

from landfall.compute.target import Order
from landfall.errors import SettingsError

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


class Service(Protocol):
    """A target that runs jobs elsewhere; the module `operator` of its folder is one."""

    def operator(self, order: Order, task_id: str) -> "BaseOperator":
        """The operator that runs one job and waits for it; it may defer.

        Raises:
            SettingsError: the connection of the target is missing, or says something that makes no sense.
        """

    def settle(self, earlier: Order, *, again: bool) -> None:
        """See to it that no job of an earlier try goes on beside the one that is now to run.

        Args:
            earlier: What that try had ordered.
            again: The same order is given again, and its token with it.

        Raises:
            SettingsError: the connection of the target is missing. ComputeError: the target cannot be asked.
        """


def service_of(target: str) -> Service:
    """The service of a target. A new target is a folder of this room, a line here, and its name in `choice.Target`.

    Raises:
        SettingsError: jobs do not run elsewhere there.
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
    raise SettingsError.unknown("compute target", target, ["cluster", "databricks", "emr"])
