"""Registers what Airflow must know of Landfall: the timetable of partitioned DAGs, whose runs may start ahead."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from landfall.orchestration.ahead import let_runs_start_ahead
from landfall.orchestration.timetable import PartitionTimetable


class LandfallPlugin(AirflowPlugin):
    """Landfall's part in Airflow."""

    name = "landfall"
    timetables = [PartitionTimetable]  # noqa: RUF012  (Airflow reads a list)

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """In the scheduler: runs whose partition lies ahead start when they are created."""
        let_runs_start_ahead()
