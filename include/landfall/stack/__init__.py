"""The embedded stack: real servers as supervised child processes, all bound to 127.0.0.1.

Other rooms need only what this file exports: where the stack keeps its state, and the settings that it wrote. Nothing that this
file imports loads Spark, Airflow or MLflow.
"""

from landfall.stack.layout import environment, home, project_root, settings

__all__ = ["environment", "home", "project_root", "settings"]
