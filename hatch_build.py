"""Stamps the wheel with the commit that it is made from: `landfall/commit.txt`, which every publication's fingerprint names."""

import sys
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
        sys.path.insert(0, str(Path(self.root, "include")))
        from landfall.spec.commit import code_version

        stamp = Path(tempfile.mkdtemp(), "commit.txt")
        stamp.write_text(code_version(Path(self.root)), encoding="utf-8")
        build_data["force_include"][str(stamp)] = "landfall/commit.txt"
