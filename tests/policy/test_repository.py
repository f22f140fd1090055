"""Policies over every file of the repository: what must never be committed, and what every module has."""

import ast
import re
import runpy
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("include", "spark_jobs", "dags")
LONGEST_FILE = 300
LONGEST_PLUGIN = 40


def repository_files() -> list[Path]:
    """Every file that is, or is about to be, tracked."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return sorted({ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()})


def text_of(path: Path) -> str:
    """The file's text; empty for a picture or another binary file."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


FILES = repository_files()
MODULES = [path for path in FILES if path.suffix == ".py"]
SOURCE_MODULES = [path for path in MODULES if path.relative_to(ROOT).parts[0] in SOURCES]

# The patterns are put together from pieces, so that this file does not hold what it looks for.
_HOSTS = ["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs", "repo1?" + r"\.maven", "maven" + r"\.org",
          "pypi[_-]?" + "mirror", "artifact" + "ory", "nexus" + r"\."]  # fmt: skip
_INDEX_OPTIONS = [
    "--" + "index-url",
    "--" + "extra-index-url",
    "--" + "find-links",
    "-Dmaven" + r"\.repo",
    "--" + "repositories",
]
FORBIDDEN = {
    "a registry's host name": "|".join(_HOSTS),
    "an option that names a registry": "|".join(_INDEX_OPTIONS),
    "an absolute path of a machine": r"(?<![\w.$}/-])/(?:"
    + "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"])
    + r")/\w",
    "a private key": "-----BEGIN" + r" [A-Z ]*PRIVATE KEY",
    "an access key of Amazon": r"\bAKIA" + r"[0-9A-Z]{16}\b",
    "a token of a code host": r"\b(?:gh[pousr]_|glpat-|xox[abp]-)" + r"[\w-]{20,}",
    "a password in a URL": r"\w+://[\w.-]+:"
    + r"(?!\$|\{|<|\*|PASSWORD\b|password\b|secret\b|hunter2\b|wrong\b|pw\b)[^\s:/@'\"`{}$]{6,}@[\w.-]+",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in FILES
        for number, line in enumerate(text_of(path).splitlines(), 1)
        for match in pattern.finditer(line)
    ]

    assert not found, f"{what}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a registry's host name", "url = https://" + "pypi" + ".org/simple"),
        ("an option that names a registry", "pip install --" + "index-url=x"),
        ("an absolute path of a machine", 'open("/' + 'home/someone/file")'),
        ("an absolute path of a machine", "cd /" + "root/project"),
        ("a private key", "-----BEGIN" + " RSA PRIVATE KEY-----"),
        ("an access key of Amazon", "AKIA" + "IOSFODNN7EXAMPLE"),
        ("a token of a code host", "ghp" + "_" + "a" * 36),
        ("a password in a URL", "postgresql://landfall:" + "Tr0ub4dor3@127.0.0.1/landfall"),
    ],
)
def test_each_pattern_finds_what_it_is_for(what: str, text: str) -> None:
    assert re.search(FORBIDDEN[what], text)


@pytest.mark.parametrize(
    "text",
    [
        "${AIRFLOW_HOME}/" + "work/file",
        "docker/home" + "/page.md",
        "postgresql://landfall:{password}@127.0.0.1:5432/landfall",
        "postgresql://landfall:${LANDFALL_DB_PASSWORD}@postgres:5432/landfall",
    ],
)
def test_no_pattern_finds_what_is_allowed(text: str) -> None:
    assert not [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)]


def test_state_and_environments_are_not_tracked() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in FILES}

    assert not names & {".landfall", ".venv", ".env"}


@pytest.mark.parametrize("path", SOURCE_MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_is_short_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines < LONGEST_FILE, f"{lines} lines: give the second idea in it a file of its own"


def test_the_plugin_comes_with_the_package_and_stays_small() -> None:
    """One entry point, so that an Airflow that only has the wheel finds it; where it is found, the folder registers nothing."""
    named = [each.value for each in metadata.distribution("landfall").entry_points if each.group == "airflow.plugins"]
    assert named == ["landfall.orchestration.plugin:LandfallPlugin"]
    folder = [path.relative_to(ROOT) for path in FILES if path.relative_to(ROOT).parts[0] == "plugins"]
    assert folder == [Path("plugins/landfall_plugin.py")]
    assert "LandfallPlugin" not in runpy.run_path(str(ROOT / folder[0]))

    lines = (ROOT / "include/landfall/orchestration/plugin.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_PLUGIN


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "the module needs a docstring"


def test_the_files_that_are_run_first_are_there(request: pytest.FixtureRequest) -> None:
    """A file that was renamed would be run late, and the suite would wait for it."""
    slow = request.config.pluginmanager.getplugin(str(ROOT / "tests" / "conftest.py")).SLOW
    there = {f"{path.parent.name}/{path.stem}" for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(slow) - there == set()
