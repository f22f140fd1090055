"""Three real samples, from the file to a row that an application reads, in a project of one's own with a stack of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3000)]
ORC = "TestOrcFile.testDate1900.jsn.gz"
LAST = "2024-05-04"
"""The day whose rows are predicted; the three days before are learnt from."""


@dataclass(frozen=True)
class Ours:
    """A project of one's own, whose stack is up."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def landfall(self, *words: str, fails: bool = False) -> str:
        """What `landfall WORDS` prints, typed in the project's folder."""
        ours = ("LANDFALL_", "AIRFLOW", "AWS_", "MLFLOW_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        done = subprocess.run(
            [sys.executable, "-c", "from landfall.cli import main; main()", *words],
            cwd=self.folder, env={**clean, **self.variables}, capture_output=True, text=True, check=False, timeout=1500,
        )  # fmt: skip
        assert bool(done.returncode) is fails, f"{words}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done.stdout

    def new(self, name: str, sample: Path, *words: str) -> None:
        self.landfall("new", "pipeline", name, "--from", str(sample), "--yes", *words)

    def row(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.landfall("lookup", *words, "--json"))
        return found

    def sql(self, query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.landfall("sql", query, "--json"))
        return rows


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, calm: dict[str, str]) -> Iterator[Ours]:
    """The project, made in an empty folder, with the three pipelines. Its audit starts the runs by itself."""
    folder = tmp_path_factory.mktemp("own") / "ours"
    Ours(folder.parent).landfall("init", "ours")
    project = Ours(folder, calm)
    for name, (write, words) in SAMPLES.items():
        project.new(name, write(folder), *words)
    project.landfall("new", "table-model", "cultivar", "--from", str(folder / "wine.csv"), "--label", "target", "--yes")
    try:
        project.landfall("up")
        yield project
    finally:
        project.landfall("down")


def wine(folder: Path) -> Path:
    from sklearn.datasets import load_wine

    load_wine(as_frame=True).frame.to_csv(folder / "wine.csv", index=False)
    return folder / "wine.csv"


def diabetes(folder: Path) -> Path:
    from sklearn.datasets import load_diabetes

    load_diabetes(as_frame=True, scaled=False).frame.to_parquet(folder / "diabetes.parquet")
    return folder / "diabetes.parquet"


def dates(folder: Path) -> Path:
    """70,000 times and days of 1900 to 1969, an example of Apache ORC that pyarrow ships as JSON lines."""
    import pyarrow

    shutil.copy(Path(pyarrow.__file__).parent / "tests/data/orc" / ORC, folder / "dates.jsonl.gz")
    return folder / "dates.jsonl.gz"


SAMPLES: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "wine": (wine, ("--label", "target")),
    "diabetes": (diabetes, ("--label", "target")),
    "dates": (dates, ()),
}


def parts(file: Path, number: int) -> list[Path]:
    """The rows of a sample in several files of its format, in turns."""
    import pandas as pd

    rows = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    written = []
    for part in range(number):
        path = file.with_name(f"{file.stem}_{part}{file.suffix}")
        some = rows.iloc[part::number].reset_index(drop=True)
        some.to_csv(path, index=False) if file.suffix == ".csv" else some.to_parquet(path)
        written.append(path)
    return written


@pytest.mark.parametrize(("name", "ending"), [("wine", "csv"), ("diabetes", "parquet")])
def test_a_model_of_a_sample_is_trained_gated_and_predicts(ours: Ours, name: str, ending: str) -> None:
    *learnt, last = parts(ours.folder / f"{name}.{ending}", 4)
    for day, part in enumerate(learnt, 1):
        ours.landfall("land", f"{name}/actuals", str(part), "--partition", f"2024-05-0{day}")
    told = json.loads(ours.landfall("train", name, "--json"))
    ours.landfall("land", f"{name}/inputs", str(last), "--partition", LAST)
    ours.landfall("backfill", name, "--from", LAST, "--to", LAST)

    assert (told["promoted"], told["snapshot"]["days"]) == (True, 3)
    found = ours.row(name, f"time={LAST}T00:00:00Z", "row=1")
    assert found["model_version"] == "1"
    assert isinstance(found["predicted"], int | float)
    count = ours.sql(f"SELECT count(*) AS rows FROM predictions.{name}")
    assert int(count[0]["rows"]) == sum(1 for _ in last.open()) - 1 if ending == "csv" else int(count[0]["rows"]) > 100


def test_rows_of_a_sample_are_published_as_they_are(ours: Ours) -> None:
    ours.landfall("land", "dates/rows", str(ours.folder / "dates.jsonl.gz"), "--partition", LAST)
    ours.landfall("backfill", "dates", "--from", LAST, "--to", LAST)

    [published] = ours.sql("SELECT count(*) AS rows, min(date) AS first, max(date) AS last FROM published.dates")
    assert (int(published["rows"]), published["first"], published["last"]) == (70_000, "1900-12-25", "1969-12-25")


def test_a_table_model_of_a_sample_is_trained(ours: Ours) -> None:
    told = json.loads(ours.landfall("train", "cultivar", "--json"))

    assert str(told["version"]) == "1"


def test_only_the_pipelines_of_the_project_exist_in_it(ours: Ours) -> None:
    feeds = {one["feed"] for one in json.loads(ours.landfall("status", "--json"))}

    assert {feed.partition("/")[0] for feed in feeds} <= set(SAMPLES)
    assert "There is no pipeline `bike_demand`" in ours.landfall("status", "bike_demand", "--json", fails=True)
