"""Registers Landfall with Airflow: the timetable of partitioned DAGs, whose runs may start ahead; the throttle of its login;
and the page that explains a partition.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from landfall.orchestration.airflow_patches.ahead import let_runs_start_ahead
from landfall.orchestration.airflow_patches.dags_test import leave_tests_alone
from landfall.orchestration.airflow_patches.login_throttle import LoginThrottle
from landfall.orchestration.airflow_patches.new_try import forget_old_ends
from landfall.orchestration.airflow_patches.second_run import refuse_second_runs
from landfall.orchestration.pages.explain_page import PREFIX, ExplainPage
from landfall.orchestration.timetable import PartitionTimetable


class LandfallPlugin(AirflowPlugin):
    """Landfall's part of Airflow."""

    name = "landfall"
    fastapi_apps = [{"name": "Landfall", "app": ExplainPage(), "url_prefix": PREFIX}]  # noqa: RUF012  (Airflow reads a list)
    timetables = [PartitionTimetable]  # noqa: RUF012  (the same)
    fastapi_root_middlewares = [{"name": "login throttle", "middleware": LoginThrottle}]  # noqa: RUF012  (the same)

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Changes Airflow's own processes, as the files of `airflow_patches` describe.

        In the scheduler, a run whose partition lies ahead starts when it is created, a new wait has no old end, and runs of
        `airflow dags test` are left alone. On Airflow's command line, a second run of a day is refused with a sentence.
        """
        let_runs_start_ahead()
        forget_old_ends()
        leave_tests_alone()
        refuse_second_runs()
