"""Stamps the wheel with the commit that it is made from: `landfall/commit.txt`, which every publication's fingerprint names."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds one file to the wheel. An editable install has none: there the stack asks git."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files."""
        if version == "editable":
            return
        stamp = Path(tempfile.mkdtemp(), "commit.txt")
        stamp.write_text(commit(Path(self.root)), encoding="utf-8")
        build_data["force_include"][str(stamp)] = "landfall/commit.txt"


def commit(project: Path) -> str:
    """The commit of the checkout, `-dirty` when files differ from it; `unknown` where there is no git."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", project, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
