"""Runs of the DAGs, asked for and started through Airflow's REST API."""

from landfall.runs.airflow_api import ENDED, AirflowApi
from landfall.runs.backfills import Hold
from landfall.runs.client import Json

__all__ = ["ENDED", "AirflowApi", "Hold", "Json"]
