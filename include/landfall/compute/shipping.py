"""The jobs as one file to ship: what a cluster needs of this project, made from the sources that run here."""

import hashlib
import os
import sys
import zipfile
from pathlib import Path

import landfall
import spark_jobs

WHEN = (1980, 1, 1, 0, 0, 0)
"""A time for every file in the zip, so that the same sources make the same bytes."""


def jobs_zip(folder: Path) -> Path:
    """The zip for `--py-files`, in `folder`; made if it is not there. Its name holds a digest of its content.

    It has `spark_jobs` and `landfall` whole: a job imports only the specification and the errors, and the rest weighs little.
    """
    sources = list(_sources())
    digest = hashlib.sha256()
    for name, content in sources:
        digest.update(name.encode() + b"\0" + content + b"\0")
    made = folder / f"landfall-{landfall.__version__}-{digest.hexdigest()[:12]}.zip"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        begun = made.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(begun, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sources:
                archive.writestr(zipfile.ZipInfo(name, WHEN), content, zipfile.ZIP_DEFLATED)
        begun.replace(made)
    return made


def door() -> Path:
    """The file that a cluster starts: `spark_jobs/__main__.py`."""
    return Path(spark_jobs.__path__[0]) / "__main__.py"


def _sources() -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for package in (spark_jobs, landfall):
        root = Path(package.__path__[0])
        for file in sorted(root.rglob("*.py")):
            found.append((f"{package.__name__}/{file.relative_to(root)}", file.read_bytes()))
    return found


if __name__ == "__main__":
    print(jobs_zip(Path(sys.argv[1])))
