"""Whether this Airflow has what the steps import: asked when a DAG file is read, not when a task is half way.

A DAG file and the plugin themselves need Airflow alone. The list is the extra `airflow` of this package's own metadata.
"""

import sys
from functools import lru_cache
from importlib import metadata

from packaging.requirements import Requirement

from landfall.errors import SettingsError

PACKAGE, EXTRA = "landfall", "airflow"


@lru_cache(maxsize=1)
def check_installed() -> None:
    """Returns at once after the first time. What runs without being installed, such as from a zip, has no list.

    Raises:
        SettingsError: Airflow cannot know the plugin, or a package is missing, or there in a version that does not fit;
            with the command that installs it.
    """
    if not _has_plugin():
        raise SettingsError(
            f"Airflow finds no plugin of `{PACKAGE}`: it was installed from a checkout that was older.",
            looked=f"the entry points of the installed package, in {sys.prefix}",
            left="no DAG of Landfall can be scheduled",
            next="make .venv/.ready    (or pip install -e . again), then landfall down && landfall up",
        )
    if missing := [str(need) for need in needed() if not _is_there(need)]:
        raise SettingsError(
            f"This Airflow lacks what Landfall's steps import: {', '.join(missing)}.",
            looked=f"the packages of {sys.prefix}",
            left="no DAG of Landfall can be read",
            next=f"pip install {' '.join(repr(each) for each in missing)}    (or all of it: {PACKAGE}[{EXTRA}])",
        )


def needed() -> list[Requirement]:
    """What the extra says; nothing where the package is not installed."""
    try:
        told = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []
    found = [Requirement(each) for each in told]
    of_extra = [each for each in found if each.marker and each.marker.evaluate({"extra": EXTRA})]
    for each in of_extra:
        each.marker = None
    return of_extra


def _has_plugin() -> bool:
    try:
        return any(each.group == "airflow.plugins" for each in metadata.distribution(PACKAGE).entry_points)
    except metadata.PackageNotFoundError:  # it runs from its sources, and whoever does that says where the plugin is
        return True


def _is_there(need: Requirement) -> bool:
    try:
        version = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        return False
    return need.specifier.contains(version, prereleases=True)
