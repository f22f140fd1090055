"""The commit of this project that runs: git knows it in a checkout, a wheel is stamped with it."""

import subprocess
from importlib.resources import files
from pathlib import Path

import landfall


def code_version(project: Path) -> str:
    """The commit of the project, with `-dirty` if files differ from it. Without git: the version of the package."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(project), *arguments], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        commit = git("rev-parse", "--short", "HEAD")
        return commit + ("-dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return landfall.__version__


def stamp() -> str:
    """The commit that this package was built from, which `make wheel` has noted. Empty in a checkout."""
    file = files("landfall") / "commit.txt"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
