"""Airflow's logging where its servers share one disk: a log that is on this disk is not asked for elsewhere.

For each task that runs or waits, Airflow's API server asks the worker or the triggerer for its log, whatever it has found on
disk. In the embedded stack nobody serves logs, because the log servers would listen on every interface. So each waiting
task's log began with "Could not read served logs: connection refused".

The embedded stack and docker-compose set this as `[logging] logging_config_class`. Leave it out where workers have disks of
their own: docs/airflow.md.
"""

import importlib
from pathlib import Path
from typing import Any

# Imported by name, because this room knows Airflow as a program to start, not as a library.
_airflow = importlib.import_module("airflow.config_templates.airflow_local_settings")
REMOTE_TASK_LOG = _airflow.REMOTE_TASK_LOG
"""Passed on from Airflow's own configuration, for those who also keep logs in S3; so is the next one."""
DEFAULT_REMOTE_CONN_ID = _airflow.DEFAULT_REMOTE_CONN_ID


class SharedDiskHandler(_airflow.FileTaskHandler):  # type: ignore[misc, name-defined]
    """Airflow's own handler of task logs, but it asks another server only for a log that is not on this disk."""

    def _read_from_logs_server(self, ti: Any, worker_log_rel_path: str) -> tuple[list[str], list[Any]]:
        log_file = Path(self.local_base, worker_log_rel_path)
        if any(log_file.parent.glob(f"{log_file.name}*")):
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
