"""`landfall init` and `landfall new`, as they are typed in an empty folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = "id,x,y\n" + "".join(f"{n},{n}.5,{n * 2}\n" for n in range(3, 30))


def typed(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "from landfall.cli import main; main()", *words],
        cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    made = typed(folder, "init", "riders", "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    assert json.loads(made.stdout)["package"] == "riders"
    (folder / "riders/rows.csv").write_text(SAMPLE)
    return folder / "riders"


def test_a_project_is_made_once(project: Path) -> None:
    again = typed(project.parent, "init", "riders")

    assert again.returncode == 1
    assert again.stderr.startswith("error: `pyproject.toml` is there already.")


def test_without_a_terminal_nothing_is_written_unless_yes_is_said(project: Path) -> None:
    asked = typed(project, "new", "pipeline", "asked", "--from", "rows.csv")

    assert asked.returncode == 1
    assert asked.stderr == (
        "error: Nobody can be asked whether the files are to be written.\n"
        "  looked: they would be riders/pipelines/asked.py, riders/jobs/asked.py, dags/asked_rows.py, tests/test_asked.py\n"
        "  left: nothing was written\n"
        "  next: the same command with --yes\n"
    )
    assert not (project / "dags/asked_rows.py").exists()
    assert "only whole numbers; 3 to 29 in the sample; it counts on, so it has no maximum" in asked.stdout


def test_with_yes_the_files_are_written_once_and_the_next_commands_are_shown(project: Path) -> None:
    done = typed(project, "new", "pipeline", "said", "--from", "rows.csv", "--label", "y", "--yes", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["feeds"] == ["said/actuals", "said/inputs"]
    assert all((project / name).is_file() for name in answer["files"])
    assert answer["next"] == [
        "python -m pytest tests/test_said.py",
        "landfall up",
        "landfall land said/actuals rows.csv --partition 2012-12-25    (rows of at least 2 days are needed to learn from)",
        "landfall train said",
        "landfall land said/inputs FILE --partition PARTITION    (other rows, to predict)",
        "landfall apply said",
    ]
    assert {"what": "key", "value": "id"}.items() <= next(
        one for one in answer["decisions"] if one["what"] == "key"
    ).items()
    again = typed(project, "new", "pipeline", "said", "--from", "rows.csv", "--yes")
    assert (again.returncode, again.stderr.splitlines()[0]) == (1, "error: There is a `said` already.")


def test_a_wrong_column_is_named_with_the_nearest(project: Path) -> None:
    wrong = typed(project, "new", "pipeline", "wrong", "--from", "rows.csv", "--label", "yy", "--yes", "--json")

    assert wrong.returncode == 1
    assert json.loads(wrong.stdout) == {
        "type": "SpecError",
        "error": "There is no column `yy`. Did you mean `y`?",
        "looked": "known: id, x, y",
        "next": "--label with one of these",
    }


def test_the_other_extension_points_are_of_the_checkout(project: Path) -> None:
    for kind, noun in (("readiness", "readiness rule"), ("target", "compute target")):
        refused = typed(project, "new", kind, "slurm", "--yes")
        assert refused.stderr.startswith(f"error: A {noun} is part of Landfall, not of a project.")


def test_a_table_model_is_written_with_the_dag_that_trains_it(project: Path) -> None:
    done = typed(project, "new", "table-model", "price", "--from", "rows.csv", "--label", "y", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "riders/pipelines/price.parquet").is_file()
    assert (project / "dags/train_model.py").is_file()
