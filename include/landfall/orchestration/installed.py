"""Checks that this Airflow has the packages that the steps import: when a DAG file is read, not halfway through a task.

A DAG file and the plugin themselves need only Airflow. The list is the extra `airflow` of this package's own metadata.
"""

import sys
from functools import lru_cache
from importlib import metadata

from packaging.requirements import Requirement

from landfall.errors import SettingsError

PACKAGE, EXTRA = "landfall", "airflow"


@lru_cache(maxsize=1)
def check_installed() -> None:
    """Returns at once after the first time. Code that runs without being installed, such as from a zip, has no list.

    Raises:
        SettingsError: Airflow cannot find the plugin, or a package is missing or has a version that does not fit; with the
            command that installs it.
    """
    if not _has_plugin():
        raise SettingsError(
            f"Airflow finds no plugin of `{PACKAGE}`: it was installed from an older checkout.",
            looked=f"the entry points of the installed package, in {sys.prefix}",
            left="no DAG of Landfall can be scheduled",
            next="make .venv/.ready    (or pip install -e . again), then landfall down && landfall up",
        )
    if missing := [str(need) for need in needed() if not _is_there(need)]:
        raise SettingsError(
            f"This Airflow lacks packages that Landfall's steps import: {', '.join(missing)}.",
            looked=f"the packages of {sys.prefix}",
            left="no DAG of Landfall can be read",
            next=f"pip install {' '.join(repr(requirement) for requirement in missing)}    (or all of it: {PACKAGE}[{EXTRA}])",
        )


def needed() -> list[Requirement]:
    """The packages of the extra; empty if this package is not installed."""
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []
    requirements = [Requirement(line) for line in lines]
    of_extra = [
        requirement
        for requirement in requirements
        if requirement.marker and requirement.marker.evaluate({"extra": EXTRA})
    ]
    for requirement in of_extra:
        requirement.marker = None
    return of_extra


def _has_plugin() -> bool:
    try:
        return any(entry.group == "airflow.plugins" for entry in metadata.distribution(PACKAGE).entry_points)
    except metadata.PackageNotFoundError:  # it runs from its sources, by somebody who registers the plugin
        return True


def _is_there(need: Requirement) -> bool:
    try:
        version = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        return False
    return need.specifier.contains(version, prereleases=True)
