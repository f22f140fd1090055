"""Airflow's logging where its servers share one disk: a log that lies there is read there alone.

Airflow's API server asks the worker, or the triggerer, for the log of every task that runs or waits, whatever it has found on
disk. Here nobody serves logs: the log servers listen on every interface. So each waiting task's log began with "Could not read
served logs: connection refused".

Set as `[logging] logging_config_class` by the embedded stack and docker-compose. Where workers have disks of their own, leave
it out: docs/airflow.md.
"""

import importlib
from pathlib import Path
from typing import Any

# By name, because this room knows Airflow as a program to start, not as a library.
_airflow = importlib.import_module("airflow.config_templates.airflow_local_settings")
REMOTE_TASK_LOG = _airflow.REMOTE_TASK_LOG
"""What Airflow's own configuration has, for those who keep logs in S3 besides; and the same below."""
DEFAULT_REMOTE_CONN_ID = _airflow.DEFAULT_REMOTE_CONN_ID


class SharedDiskHandler(_airflow.FileTaskHandler):  # type: ignore[misc, name-defined]
    """Airflow's own handler of task logs, which asks another server only for what is not on this disk."""

    def _read_from_logs_server(self, ti: Any, worker_log_rel_path: str) -> tuple[list[str], list[Any]]:
        here = Path(self.local_base, worker_log_rel_path)
        if any(here.parent.glob(f"{here.name}*")):
            return [], []
        served: tuple[list[str], list[Any]] = super()._read_from_logs_server(ti, worker_log_rel_path)
        return served


LOGGING_CONFIG = {
    **_airflow.DEFAULT_LOGGING_CONFIG,
    "handlers": {
        **_airflow.DEFAULT_LOGGING_CONFIG["handlers"],
        "task": {
            **_airflow.DEFAULT_LOGGING_CONFIG["handlers"]["task"],
            "class": f"{__name__}.{SharedDiskHandler.__name__}",
        },
    },
}
