"""Packs the jobs into one file for a cluster, from the sources that run here."""

import hashlib
import os
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import landfall
import spark_jobs
from landfall.errors import SettingsError
from landfall.spec.project import shipped_packages

WHEN = (1980, 1, 1, 0, 0, 0)
"""The time that every file in the zip gets, so that the same sources make the same bytes."""


def jobs_zip(folder: Path) -> Path:
    """The zip for `--py-files`, in `folder`. It is made if it is not there. Its name holds a digest of its content.

    It holds all of `spark_jobs` and `landfall`, and the package of a project of one's own. A job imports only transforms,
    declarations and errors, but the rest is small.
    """
    sources = list(_sources())
    digest = hashlib.sha256()
    for name, content in sources:
        digest.update(name.encode() + b"\0" + content + b"\0")
    file = folder / f"landfall-{landfall.__version__}-{digest.hexdigest()[:12]}.zip"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sources:
                archive.writestr(zipfile.ZipInfo(name, WHEN), content, zipfile.ZIP_DEFLATED)
        unfinished.replace(file)
    return file


def door() -> Path:
    """The file that a cluster starts: `spark_jobs/__main__.py`."""
    return Path(spark_jobs.__path__[0]) / "__main__.py"


def _sources() -> list[tuple[str, bytes]]:
    sources: list[tuple[str, bytes]] = []
    for package in shipped_packages():
        root = _folder(package)
        for file in sorted(root.rglob("*.py")):
            sources.append((f"{package}/{file.relative_to(root)}", file.read_bytes()))
    return sources


def _folder(package: str) -> Path:
    """The folder of a package, which is not imported for it.

    Raises:
        SettingsError: there is no such package.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(
            f"The package `{package}` of the project cannot be found, so its jobs cannot be shipped.",
            looked="[tool.landfall] in pyproject.toml, or LANDFALL_PACKAGE",
            next="install the project, or set LANDFALL_PROJECT to its folder",
        )
    return Path(spec.submodule_search_locations[0])


if __name__ == "__main__":
    print(jobs_zip(Path(sys.argv[1])))
