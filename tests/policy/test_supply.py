"""What is fetched is held against a hash: packages, jars, and images where their digests are set."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINS = ("requirements.txt", "include/landfall/stack/minilake.txt", "docs/requirements.txt")


@pytest.mark.parametrize("file", PINS)
def test_every_package_is_pinned_with_hashes(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[^\s#])", text) if entry.strip()]

    assert len(entries) > 10
    for entry in entries:
        name = entry.splitlines()[0]
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+]+", name), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), name
    assert not re.search(r"^\s*(-i|-f|--[a-z]+-(url|links))\b", text, re.MULTILINE)


def test_packages_are_installed_with_their_hashes_alone() -> None:
    """The project itself, from this checkout, is the one that has none."""
    places = {
        "Makefile": r"^.*pip install (.*)$",
        "Dockerfile": r"^RUN pip install (.*)$",
    }
    for file, pattern in places.items():
        found = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert found, file
        assert [
            words
            for words in found
            if "--require-hashes" not in words and "--no-deps --no-build-isolation" not in words
        ] == []


def test_minilake_is_installed_with_its_hashes_alone() -> None:
    source = (ROOT / "include/landfall/stack/databricks.py").read_text(encoding="utf-8")

    assert 'pinned = ["--require-hashes", "-r", str(PINS)]' in source
    assert re.findall(r'"install",.*$', source, re.MULTILINE)
    assert all("*pinned" in line for line in re.findall(r'"install",.*$', source, re.MULTILINE))


def test_make_pins_writes_all_of_them() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pins = makefile.partition("\npins:")[2].partition("\n\n")[0]

    assert "--generate-hashes" in makefile.partition("PIN :=")[2].splitlines()[0]
    assert all(f"-o {file}" in pins for file in PINS)
    assert "landfall.stack.record_jars" in pins
