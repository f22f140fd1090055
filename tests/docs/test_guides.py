"""The commands of guides and tutorials are run: those without servers in a temporary folder, the others on stacks of their own.

A block of commands that is run has `<!-- run -->` in the line above it, or `<!-- run: stack -->` if it needs servers.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs/guides").glob("*.md")) + sorted((ROOT / "docs/tutorials").glob("*.md"))
BLOCK = re.compile(r"^<!-- run(?:: (stack))? -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TUTORIALS = [
    page for page in PAGES if page.parent.name == "tutorials" and BLOCK.search(page.read_text(encoding="utf-8"))
]


def blocks(page: Path, kind: str) -> list[str]:
    """The commands of a page that need servers (`stack`), or none (empty), in order."""
    return [text for needs, text in BLOCK.findall(page.read_text(encoding="utf-8")) if needs == kind]


def run(commands: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs commands as a person types them, in one shell that stops at the first failure."""
    ours = ("LANDFALL_", "AIRFLOW")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join([str(Path(sys.executable).parent), clean["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder, env={**clean, "PATH": path, **variables}, capture_output=True, text=True, check=False, timeout=1500,
    )  # fmt: skip


@pytest.mark.stack  # it needs none, but half a minute a page
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "")], ids=lambda page: page.stem)
def test_the_commands_of_a_guide_run_without_servers(page: Path, tmp_path: Path) -> None:
    done = run("\n".join(blocks(page, "")), tmp_path)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.stack
@pytest.mark.timeout(3000)
def test_the_guide_to_a_pipeline_leads_to_a_prediction(tmp_path: Path, calm: dict[str, str]) -> None:
    """Comes before the tutorials, so that its stack is down when theirs starts."""
    page = ROOT / "docs/guides/pipeline.md"
    try:
        done = run("\n".join(text for _, text in BLOCK.findall(page.read_text(encoding="utf-8"))), tmp_path, **calm)
    finally:
        if (tmp_path / "riders").is_dir():
            run("landfall down", tmp_path / "riders")

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "model version  1" in done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, calm: dict[str, str]) -> Iterator[Path]:
    """The home of a stack of the tutorials' own: they train models and land days that other tests have other plans for."""
    folder = tmp_path_factory.mktemp("tutorials")
    try:
        started = run("landfall up --with cdc", ROOT, LANDFALL_HOME=str(folder), **calm)
        assert started.returncode == 0, started.stdout[-2000:] + started.stderr[-2000:]
        yield folder
    finally:
        run("landfall down", ROOT, LANDFALL_HOME=str(folder))


@pytest.mark.stack
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_the_commands_of_a_tutorial_run_on_a_stack(page: Path, home: Path, tmp_path: Path) -> None:
    done = run("\n".join(blocks(page, "stack")), tmp_path, LANDFALL_HOME=str(home), LANDFALL_PROJECT=str(ROOT))

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_every_reference_system_has_a_tutorial() -> None:
    modules = {path.stem for path in (ROOT / "include/landfall/pipelines").glob("[!_]*.py")} - {"catalogue"}

    assert {page.stem for page in TUTORIALS} == modules


def test_a_block_that_is_marked_is_found() -> None:
    assert BLOCK.findall("<!-- run -->\n```sh\na\nb\n```\n\n```sh\nc\n```\n") == [("", "a\nb\n")]
    assert BLOCK.findall("<!-- run: stack -->\n```sh\na\n```\n") == [("stack", "a\n")]
