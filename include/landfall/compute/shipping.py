"""Packs the jobs into one file for a cluster, from the sources that run here."""

import hashlib
import os
import sys
import zipfile
from pathlib import Path

import landfall
import spark_jobs

WHEN = (1980, 1, 1, 0, 0, 0)
"""The time that every file in the zip gets, so that the same sources make the same bytes."""


def jobs_zip(folder: Path) -> Path:
    """The zip for `--py-files`, in `folder`. It is made if it is not there. Its name holds a digest of its content.

    It holds all of `spark_jobs` and `landfall`. A job imports only the declarations and the errors, but the rest is small.
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
    for package in (spark_jobs, landfall):
        root = Path(package.__path__[0])
        for file in sorted(root.rglob("*.py")):
            sources.append((f"{package.__name__}/{file.relative_to(root)}", file.read_bytes()))
    return sources


if __name__ == "__main__":
    print(jobs_zip(Path(sys.argv[1])))
