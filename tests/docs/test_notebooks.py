"""The notebooks in docs/notebooks run from their first cell to their last, and what is committed shows that they did."""

import importlib
import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def executor() -> ModuleType:
    """docs/notebooks/execute.py as a module (docs/ is not a package)."""
    spec = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown_by(notebook: nbformat.NotebookNode, start: str) -> str:
    """What the cell whose source has `start` shows, as text."""
    (cell,) = [cell for cell in code_cells(notebook) if start in cell.source]
    parts = [
        each.get("text") or each.get("evalue") or each.get("data", {}).get("text/plain", "") for each in cell.outputs
    ]
    return "\n".join(parts)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_what_a_notebook_imports_of_landfall_is_there(path):
    cells = code_cells(nbformat.read(path, as_version=4))
    lines = [line for cell in cells for line in cell.source.splitlines() if line.startswith("from landfall")]
    assert lines
    for line in lines:
        module, names = re.fullmatch(r"from (\S+) import (.+)", line).groups()
        there = vars(importlib.import_module(module))
        assert [name for name in names.split(", ") if name not in there] == [], line


@pytest.fixture(scope="module")
def executed(stack: Any, executor: ModuleType) -> nbformat.NotebookNode:
    """in_database.ipynb, executed anew on the suite's stack."""
    clean = {name: value for name, value in os.environ.items() if name not in stack.env}
    return executor.execute(FOLDER / "in_database.ipynb", {**clean, "LANDFALL_HOME": str(stack.home)})


def test_an_insert_returns_its_prediction(executed):
    shown = shown_by(executed, "VALUES (1, 5.1")

    assert re.findall(r"setosa|versicolor|virginica", shown.split("\n", 1)[1]) == [
        "setosa", "versicolor", "virginica", "versicolor",
    ]  # fmt: skip
    assert "CREATE OR REPLACE TRIGGER zz_landfall_scores_1 BEFORE INSERT" in shown_by(executed, "df=iris.drop")


def test_what_cannot_be_scored_has_a_reason_until_it_is_mended(executed):
    assert "petal_length is null" in shown_by(executed, "VALUES (5, 5.9")
    mended = shown_by(executed, "SET petal_length")
    assert "virginica" in mended
    assert "petal_length is null" not in mended
    assert "rose" not in shown_by(executed, "SET prediction = 'rose'")


def test_an_error_is_its_text_alone(executed):
    (cell,) = [cell for cell in code_cells(executed) if "petal_lenght" in cell.source]

    (error,) = cell.outputs
    assert error.traceback == [f"PublishingError: {error.evalue}"]
    assert error.evalue.startswith(
        'The statement failed: column "petal_lenght" of relation "live_flowers" does not exist'
    )


def test_the_second_model_is_fed_in_the_same_transaction(executed):
    assert "public.live_prices is fed by public.live_flowers" in shown_by(executed, "After(table=FLOWERS)")
    lines = shown_by(executed, "LEFT JOIN live_prices").splitlines()
    euros = [line.split()[-1] for line in lines if re.match(r"\d +[789] ", line)]
    assert float(euros[0]) == pytest.approx(3.58, abs=0.2)
    assert float(euros[1]) == pytest.approx(9.58, abs=0.2)
    assert euros[2] == "None"


def test_sql_says_what_spark_says(executed):
    assert shown_by(executed, "by_spark =").strip() == "450 of 450 probabilities are the same"


def test_the_history_tells_which_version_scored(executed):
    assert "public.live_flowers is scored by version 1 again" in shown_by(executed, "now = roll_back")
    kinds = re.findall(r"deployed|redeployed|rolled back", shown_by(executed, "FROM landfall.deployed_versions"))
    assert kinds == ["deployed", "redeployed", "rolled back"]


def test_rows_are_scored_after_spark_has_stopped(executed):
    assert shown_by(executed, "generate_series").strip() == "INSERT 0 100000"
    (cell,) = [cell for cell in code_cells(executed) if "plt.show()" in cell.source]
    assert [each.output_type for each in cell.outputs] == ["display_data"]
    assert "image/png" in cell.outputs[0].data


def test_rows_keep_their_predictions_when_the_models_are_gone(executed):
    counts = [line.split()[-2:] for line in shown_by(executed, "with_a_prediction").splitlines() if line[:1].isdigit()]
    assert counts == [["8", "7"], ["100151", "100151"], ["1", "0"]]


def test_it_leaves_no_model_in_a_table(executed, landfall):
    told = landfall("deployments", "--json").stdout

    assert "live_flowers" not in told
    assert "live_prices" not in told


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_what_is_committed_was_executed_whole(path: Path) -> None:
    cells = code_cells(nbformat.read(path, as_version=4))

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), (
        f"execute it: .venv/bin/python docs/notebooks/execute.py {path.stem}"
    )
    failed = [
        cell.source
        for cell in cells
        if "raises-exception" not in cell.metadata.get("tags", [])
        and any(each.output_type == "error" for each in cell.outputs)
    ]
    assert not failed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_what_is_committed_names_no_place_of_a_machine(path: Path) -> None:
    outputs = [str(cell.outputs) for cell in code_cells(nbformat.read(path, as_version=4))]
    found = re.findall(r"(?:127\.0\.0\.1|localhost)\S*|/(?:tmp|usr|var|opt|private)/\S*|\.venv\S*", "".join(outputs))

    assert not found
