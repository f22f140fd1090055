"""What tests of new pipelines share: files to infer from, and a project of one's own in a temporary folder."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landfall.starting.project_files import project_files
from landfall.starting.rendering import write_new


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a sample: `sample("rows.csv", text)`."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project of one's own with the package `ours`, which is the current folder. Each test imports `ours` anew."""
    folder = tmp_path / "ours_project"
    write_new(folder, project_files("ours", "ours"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("LANDFALL_PROJECT", "LANDFALL_PACKAGE"):
        monkeypatch.delenv(name, raising=False)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "ours"]:
        del sys.modules[name]
    importlib.invalidate_caches()
