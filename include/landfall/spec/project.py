"""The project whose pipelines run: Landfall's own checkout, or a folder of a team that has Landfall as a dependency.

A project of one's own has a package with two folders, `pipelines` for declarations and `jobs` for transforms. Only the package
that the operator named is imported: by LANDFALL_PACKAGE, or by `package` under `[tool.landfall]` in the project's
`pyproject.toml`. The project is the folder that LANDFALL_PROJECT names, else the current folder. No folder above is looked into:
somebody else may have written to it. For the same reason the current folder is refused if it, or its `pyproject.toml`, belongs
to another user or may be written by anybody.
"""

import os
import re
import stat
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from landfall.errors import SettingsError

PROJECT = "LANDFALL_PROJECT"
PACKAGE = "LANDFALL_PACKAGE"
SHIPPED = ("spark_jobs", "landfall")
"""The packages that every compute target gets, whichever project runs."""


@dataclass(frozen=True)
class Project:
    """A project of one's own.

    Args:
        root: Its folder, with `dags/` and, if it is not installed, the package.
        package: The package with its declarations and its jobs.
    """

    root: Path
    package: str

    @property
    def pipelines(self) -> str:
        """The package of its declarations."""
        return f"{self.package}.pipelines"

    @property
    def jobs(self) -> str:
        """The package of its transforms."""
        return f"{self.package}.jobs"

    def make_importable(self) -> None:
        """Lets Python find the package in the project's folder, unless the package is installed or was found before."""
        if (self.root / self.package).is_dir() and str(self.root) not in sys.path:
            sys.path.append(str(self.root))


def own_project(variables: Mapping[str, str] | None = None) -> Project | None:
    """The project of one's own that this process belongs to; None in Landfall's checkout and wherever none is configured.

    Args:
        variables: The environment; by default that of this process.

    Raises:
        SettingsError: the name is not that of a package; `pyproject.toml` cannot be read; or somebody else may have written it.
    """
    environment = os.environ if variables is None else variables
    root = Path(environment.get(PROJECT) or Path.cwd()).resolve()
    file, name = root / "pyproject.toml", environment.get(PACKAGE, "")
    if not name and file.is_file():
        name = _declared(file, file.stat().st_mtime_ns)
    if not name:
        return None
    project = Project(root, _checked(name, PACKAGE if environment.get(PACKAGE) else f"[tool.landfall] in {file}"))
    if not environment.get(PROJECT) and (root / project.package).is_dir():
        _check_owner(root, *filter(Path.exists, (file, root / project.package)))
    return project


def shipped_packages() -> tuple[str, ...]:
    """The packages that every compute target gets: Landfall's two, and that of the project if it has one of its own."""
    project = own_project()
    if project is None:
        return SHIPPED
    project.make_importable()
    return (*SHIPPED, project.package)


@lru_cache(maxsize=8)
def _declared(file: Path, changed: int) -> str:
    """The package that a `pyproject.toml`, last changed at that time, names; empty if it names none."""
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            "The project's pyproject.toml cannot be read.", looked=f"{file}: {error}", next="correct the file"
        ) from error
    match written:
        case {"tool": {"landfall": {"package": package}}}:
            return str(package)
    return ""


def _check_owner(*paths: Path) -> None:
    """Refuses a project that was only found, not named, if another user may have written it: its package would be imported."""
    for path in paths:
        status = path.stat()
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & stat.S_IWOTH:
            raise SettingsError(
                f"The project in `{paths[0]}` is not used: somebody else may have written it.",
                looked=f"{path}: owner {status.st_uid}, mode {stat.filemode(status.st_mode)}",
                left="nothing of it was imported",
                next=f"go to a folder of your own, or if you trust it: {PROJECT}={paths[0]} landfall ...",
            )


def _checked(name: str, where: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name in SHIPPED:
        raise SettingsError(
            f"`{name}` is not the package of a project.",
            looked=where,
            next="name a package of your own, such as `ours`, without dots",
        )
    return name
