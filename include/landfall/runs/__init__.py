"""Runs of the DAGs, read and started through Airflow's REST API."""

from landfall.json_values import Json
from landfall.runs.airflow_api import ENDED, AirflowApi
from landfall.runs.backfills import Hold

__all__ = ["ENDED", "AirflowApi", "Hold", "Json"]
