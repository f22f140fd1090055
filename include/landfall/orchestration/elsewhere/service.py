"""What each target of this folder offers, and how it is found: by its file, which has the target's name."""

from importlib import import_module
from typing import Protocol, cast

from airflow.sdk import BaseHook, BaseOperator, Connection

from landfall.compute.target import Order
from landfall.errors import SettingsError


class Service(Protocol):
    """A target that runs jobs elsewhere."""

    def operator(self, order: Order, task_id: str) -> BaseOperator:
        """The operator that runs one job and waits for it; it may defer.

        Raises:
            SettingsError: the target's connection is missing or makes no sense.
        """

    def settle(self, earlier: Order, *, again: bool) -> None:
        """Makes sure that no job of an earlier try goes on beside the job that will run now.

        Args:
            earlier: The order of that try.
            again: True if the same order is given again, with the same token.

        Raises:
            SettingsError: the target's connection is missing. ComputeError: the target does not answer.
        """


def service_of(target: str) -> Service:
    """The service of a target."""
    return cast(Service, import_module(f"landfall.orchestration.elsewhere.{target}"))


def connection(name: str) -> Connection:
    """An Airflow connection.

    Raises:
        SettingsError: there is no connection of that name.
    """
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException as error:
        variable = f"AIRFLOW_CONN_{name.upper()}"
        raise SettingsError(
            f"The Airflow connection `{name}` is missing.",
            looked=f"Airflow's connections, and the variable {variable}",
            left="nothing was started",
            next=f"airflow connections add {name} ...    (docs/compute/ has one for each target)",
        ) from error
