"""Landfall's plugin for an Airflow that has this project's folders but not its package, such as one that reads them from S3.

Where the package is installed, as in the embedded stack and in the image, Airflow finds the same plugin there by its entry
point, and nothing is registered here: Airflow refuses a plugin twice.
"""

from importlib.metadata import entry_points

if not entry_points(group="airflow.plugins", name="landfall"):
    from landfall.orchestration.plugin import LandfallPlugin

    __all__ = ["LandfallPlugin"]
