"""`landfall picture`: a verdict for each file, the gray values as JSON, and exit code 1 if a file is refused."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from landfall.cli.app import build


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (16, 16), 51).save("good.png")
    Path("text.png").write_text("hello, world")
    return tmp_path


def test_each_file_has_its_verdict(folder: Path) -> None:
    answer = CliRunner().invoke(build(["picture"]), ["picture", "good.png", "text.png"])

    assert answer.exit_code == 1
    assert answer.stdout == "good.png: good\ntext.png: refused: no PNG: begins with b'hello, w'\n"


def test_the_gray_values_are_given_as_json(folder: Path) -> None:
    answer = CliRunner().invoke(build(["picture"]), ["picture", "good.png", "--size", "2x2", "--json"])

    assert answer.exit_code == 0
    assert json.loads(answer.stdout) == [{"file": "good.png", "reason": "", "vector": [0.2, 0.2, 0.2, 0.2]}]


def test_a_refused_file_has_no_vector(folder: Path) -> None:
    answer = CliRunner().invoke(build(["picture"]), ["picture", "text.png", "--json"])

    assert answer.exit_code == 1
    [verdict] = json.loads(answer.stdout)
    assert verdict == {"file": "text.png", "reason": "no PNG: begins with b'hello, w'", "vector": None}


@pytest.mark.parametrize(("name", "why"), [("none.png", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_an_error(folder: Path, name: str, why: str) -> None:
    answer = CliRunner().invoke(build(["picture"]), ["picture", "good.png", name])

    assert answer.exit_code == 1
    assert answer.stderr == f"error: The file `{name}` cannot be read: {why}.\n  left: no picture was judged\n"


@pytest.mark.parametrize("size", ["8", "8x", "-1x8", "8x8x8", "٣x٣"])
def test_a_size_that_is_none_is_refused(folder: Path, size: str) -> None:
    answer = CliRunner().invoke(build(["picture"]), ["picture", "good.png", "--size", size])

    assert answer.exit_code == 2
    assert "is no size such as 8x8" in answer.stderr


def test_a_size_that_is_too_large_is_refused(folder: Path) -> None:
    answer = CliRunner().invoke(build(["picture"]), ["picture", "good.png", "--size", "9999x8"])

    assert answer.exit_code == 1
    assert "`width` of a picture is 9999." in answer.stderr


def test_without_pillow_the_error_names_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    answer = CliRunner().invoke(build(["picture"]), ["picture", "good.png"])

    assert answer.exit_code == 1
    assert answer.stderr == (
        "error: No picture can be read: a library is missing.\n  looked: for the Python package `PIL.Image`\n"
        "  left: no picture was judged\n  next: uv pip install 'landfall[images]'\n"
    )
