"""The Airflow connections of the targets. A connection says how its target runs jobs."""

from airflow.sdk import BaseHook, Connection

from landfall.errors import SettingsError


def connection(name: str) -> Connection:
    """The Airflow connection called `name`.

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
