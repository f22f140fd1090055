"""The embedded stack: real servers as supervised child processes, all bound to 127.0.0.1.

Other rooms need only what is here: where the stack keeps its state, and the settings it wrote. Nothing imported by this
file loads Spark, Airflow or MLflow.
"""

from landfall.stack.layout import environment, home, project_root, settings

__all__ = ["environment", "home", "project_root", "settings"]
