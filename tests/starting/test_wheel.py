"""The wheel is enough for a project of one's own: it carries the templates and the DAG files that every project has."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = "import landfall; from landfall.cli import main; import sys; print(landfall.__file__, file=sys.stderr); main()"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


def test_a_project_and_a_pipeline_are_made_by_the_wheel_alone(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,x,z\n7,1.5,4.5\n9,2.5,3.5\n12,3.5,9.5\n")
    (tmp_path / "ours").mkdir()
    commands = (
        (tmp_path, ("init", "ours", "--json")),
        (tmp_path / "ours", ("new", "pipeline", "small", "--from", "../rows.csv", "--yes", "--json")),
        (
            tmp_path / "ours",
            ("new", "table-model", "table", "--from", "../rows.csv", "--label", "x", "--yes", "--json"),
        ),
    )
    for folder, words in commands:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
        done = subprocess.run(
            [sys.executable, "-c", RUN, *words], cwd=folder, env={**clean, "PYTHONPATH": str(unpacked)},
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert str(unpacked) in done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        assert all((tmp_path / "ours" / name).is_file() for name in json.loads(done.stdout)["files"])
