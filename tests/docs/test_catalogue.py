"""The catalogue of DAGs in docs/dags.md is what the DAG files say, and the decisions are numbered."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """docs/generate_dags.py as a module (docs/ is not a package)."""
    spec = importlib.util.spec_from_file_location("generate_dags", ROOT / "docs" / "generate_dags.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    """A folder with two DAG files that cannot be imported: the catalogue only reads them."""
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "b_second.py").write_text(
        '"""# Second\n\nAfter the first.\n\n## When it fails\n\nWait.\n"""\nimport no_such\n'
    )
    (folder / "a_first.py").write_text('"""# First: one line"""\nraise SystemExit\n')
    return folder


def test_the_committed_page_is_what_the_dag_files_say(generator: ModuleType) -> None:
    assert generator.main(["--check"]) == 0, "docs/dags.md drifted: run python docs/generate_dags.py"


def test_every_dag_file_has_a_chapter_by_name_with_its_headings_lowered(generator: ModuleType, dags: Path) -> None:
    page = generator.catalogue(dags)

    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == ["# DAGs", "## First: one line", "## Second", "### When it fails"]
    assert "`b_second`, in `dags/b_second.py`\n\nAfter the first.\n" in page


def test_check_tells_when_the_page_drifts(
    generator: ModuleType, dags: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "dags.md"
    where = ["--dags", str(dags), "--page", str(page)]

    assert generator.main([*where, "--check"]) == 1, "a missing page is a page that drifted"
    assert not page.exists(), "--check writes nothing"
    assert generator.main(where) == 0
    assert generator.main([*where, "--check"]) == 0
    (dags / "a_first.py").write_text('"""# First: another line"""\n')
    capsys.readouterr()
    assert generator.main([*where, "--check"]) == 1
    assert capsys.readouterr().err == (
        "dags.md is not what the docstrings of the DAG files say.\n  next: python docs/generate_dags.py\n"
    )


def test_a_dag_file_without_a_title_is_an_error_that_names_it(generator: ModuleType, dags: Path) -> None:
    (dags / "c_third.py").write_text("import this_is_not_a_story\n")

    with pytest.raises(SystemExit) as error:
        generator.catalogue(dags)

    assert error.value.code == (
        "dags/c_third.py needs a docstring that starts with `# Title`: it is the DAG's page in the Airflow UI."
    )


def test_the_catalogue_needs_neither_airflow_nor_landfall(generator: ModuleType) -> None:
    source = (ROOT / "docs" / "generate_dags.py").read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}

    assert imported <= sys.stdlib_module_names


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES]

    assert not [page for page in pages if page not in site]


def test_decisions_are_numbered_without_gaps_and_say_why() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))

    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for number, path in enumerate(decisions, 1):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. "), path.name
        assert all(f"\n{part}:" in text for part in ("Context", "Decision", "Consequence")), path.name
