"""Runs of the DAGs, asked for and started through Airflow's REST API."""

from landfall.runs.airflow_api import ENDED, AirflowApi, Json

__all__ = ["ENDED", "AirflowApi", "Json"]
