"""The files of a new pipeline: whole, in the project's own style, and none overwritten."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from landfall.errors import SpecError
from landfall.spec import Pipeline
from landfall.spec.project import own_project
from landfall.starting.inference import Choices, infer
from landfall.starting.other_files import readiness_files, table_model_files, target_files
from landfall.starting.pipeline_files import check_grain, check_name, pipeline_files
from landfall.starting.place import Place, find_place
from landfall.starting.project_files import STOCK_DAGS, package_of, stock_dag
from landfall.starting.rendering import write_new

ROOT = Path(__file__).resolve().parents[2]
Write = Callable[[str, str | bytes], Path]
ORC = "TestOrcFile.testDate1900.jsn.gz"
MEASURED = "a,b,kind,note\n" + "".join(f"{n}.5,{n % 7}.25,{n % 3},n{n}\n" for n in range(40))
TIMED = "station,at,ok,riders\n" + "".join(f"s{n % 2},2024-05-01 {n // 2:02}:00,{n % 3 == 0},{n}\n" for n in range(40))
HOSTILE = (
    'Tag;hr;"""; DROP TABLE";Größe in m² und noch viel mehr als in eine Zeile passt, wirklich;"\'\'\'\\\n'.rstrip("\n")
    + '"\n2024-01-01;0;x;1,5;1\n2024-01-01;1;y;2,5;2\n2024-01-02;0;z;3,5;4\n'
)


def real_wine(folder: Path) -> Path:
    from sklearn.datasets import load_wine

    path = folder / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(path, index=False)
    return path


def real_diabetes(folder: Path) -> Path:
    from sklearn.datasets import load_diabetes

    path = folder / "diabetes.parquet"
    load_diabetes(as_frame=True, scaled=False).frame.to_parquet(path)
    return path


def real_dates(folder: Path) -> Path:
    """70,000 times and days of 1900 to 1969, an example of Apache ORC that pyarrow ships as JSON lines."""
    import pyarrow

    path = folder / "dates.jsonl.gz"
    path.write_bytes((Path(pyarrow.__file__).parent / "tests/data/orc" / ORC).read_bytes())
    return path


def written(name: str, text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return write


SAMPLES: dict[str, tuple[Callable[[Path], Path], Choices]] = {
    "wine": (real_wine, Choices(label="target")),
    "diabetes": (real_diabetes, Choices(label="target")),
    "dates": (real_dates, Choices()),
    "measured": (written("measured.csv", MEASURED), Choices(label="kind")),
    "timed": (written("timed.csv", TIMED), Choices(label="riders", zone="Europe/Berlin")),
    "hourly": (written("hourly.csv", TIMED), Choices(grain="hour", zone="America/New_York")),
    "hostile": (written("hostile.csv", HOSTILE), Choices(grain="hour")),
}


@pytest.fixture(params=list(SAMPLES))
def new(request: pytest.FixtureRequest, project: Path, tmp_path: Path) -> tuple[str, Path, list[Path]]:
    """A new pipeline in a project of one's own: its name, the project's folder, its files."""
    make, choices = SAMPLES[request.param]
    files = pipeline_files(request.param, infer(make(tmp_path), choices), find_place(project))
    return request.param, project, write_new(project, files)


def test_new_files_are_in_the_style_of_the_project(new: tuple[str, Path, list[Path]]) -> None:
    _, project, files = new
    for command in (("check",), ("format", "--check")):
        done = subprocess.run(
            [Path(sys.executable).with_name("ruff"), *command, "--no-cache", *files],
            cwd=project, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_pipeline_is_found_and_its_dags_are_those_that_it_declares(new: tuple[str, Path, list[Path]]) -> None:
    name, project, files = new
    found = own_project()
    assert found is not None
    found.make_importable()
    pipeline = importlib.import_module(f"ours.pipelines.{name}").PIPELINE

    assert isinstance(pipeline, Pipeline)
    assert pipeline.name == name
    assert {path.stem for path in files if path.parent == project / "dags"} == set(pipeline.dag_ids)
    for feed in pipeline.feeds:
        assert feed.transform is not None
        assert feed.transform.function == f"ours.jobs.{name}:{name}_features"
        assert feed.landing.from_json(feed.landing.to_json()) == feed.landing


def test_no_name_of_a_file_becomes_code(project: Path, tmp_path: Path) -> None:
    make, choices = SAMPLES["hostile"]
    for file, text in pipeline_files("hostile", infer(make(tmp_path), choices), find_place(project)).items():
        constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        if "DROP TABLE" in text:
            assert any(isinstance(value, str) and value == '"; DROP TABLE' for value in constants), file


def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("mine")
    with pytest.raises(SpecError) as refused:
        write_new(tmp_path, {"a.txt": "new", "b.txt": "new"})
    assert str(refused.value) == (
        "`b.txt` is there already.\n"
        f"  looked: {tmp_path}\n"
        "  left: nothing was written, nothing was overwritten\n"
        "  next: take another name, or remove the file"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(SpecError, match="cannot be written"):
        write_new(tmp_path, {"a.txt": "new", "taken/b.txt": "new"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


@pytest.mark.parametrize("name", ["", "a", "Wine", "wine-2", "2wine", "w" * 40, "wine; rm", "../wine"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="is no name of a pipeline"):
        check_name(name, [])


def test_a_taken_name_and_an_unknown_grain_are_refused() -> None:
    with pytest.raises(SpecError) as refused:
        check_name("bike_demand", ["bike_demand", "iris"])
    assert str(refused.value) == (
        "There is a `bike_demand` already.\n"
        "  looked: bike_demand, iris\n  left: nothing was written\n  next: take another name"
    )
    with pytest.raises(SpecError, match="There is no grain `week`"):
        check_grain("week")
    assert (check_grain(None), check_grain("hour")) == (None, "hour")


def test_in_a_checkout_the_files_go_to_its_own_folders(monkeypatch: pytest.MonkeyPatch, sample: Write) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("LANDFALL_PROJECT", raising=False)
    said = infer(sample("measured.csv", MEASURED), Choices())

    assert list(pipeline_files("fresh", said, find_place(ROOT))) == [
        "include/landfall/pipelines/fresh.py",
        "spark_jobs/etl/fresh.py",
        "dags/fresh_rows.py",
        "tests/pipelines/test_fresh.py",
    ]


def test_without_a_project_the_way_to_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as refused:
        find_place(tmp_path)
    assert str(refused.value) == (
        "There is no project here.\n"
        f"  looked: {tmp_path}: no pyproject.toml with [tool.landfall], and not Landfall's checkout\n"
        "  left: nothing was written\n"
        "  next: landfall init DIR && cd DIR"
    )


def test_every_project_gets_the_same_dags(project: Path) -> None:
    for name in STOCK_DAGS:
        assert (project / "dags" / f"{name}.py").read_text() == (ROOT / "dags" / f"{name}.py").read_text()
    assert "table_model_dag" in stock_dag("train_model")


@pytest.mark.parametrize("named", ["landfall", "spark_jobs", "dags", "7", "a.b", "Ours"])
def test_a_package_that_a_project_cannot_have_is_refused(tmp_path: Path, named: str) -> None:
    with pytest.raises(SpecError, match="cannot be the package of a project"):
        package_of(tmp_path, named)
    assert package_of(tmp_path / "My Riders", "") == "my_riders"


def test_a_table_model_has_its_rows_beside_it(project: Path, tmp_path: Path) -> None:
    files = table_model_files("species", infer(real_wine(tmp_path), Choices(label="target")), find_place(project))
    write_new(project, files)
    found = own_project()
    assert found is not None
    found.make_importable()
    module = importlib.import_module("ours.pipelines.species")

    assert module.rows().num_rows == 178
    assert module.MODEL.classes == ("0", "1", "2")
    assert set(module.MODEL.learner.columns) <= set(module.rows().column_names)
    assert (project / "dags/train_model.py").exists()


CHECKOUT = Place(
    ROOT, "landfall.pipelines", "spark_jobs.etl", {"landfall": "include/", "spark_jobs": ""}, "tests/pipelines", False
)


def test_a_readiness_rule_and_a_target_are_written_with_tests_that_pass(tmp_path: Path) -> None:
    """The rule is tried where it stands; a target is a package of Landfall's, so only its text is looked at."""
    rule, steps = readiness_files("starts_with", CHECKOUT)
    assert steps[1] == "import StartsWith in include/landfall/spec/readiness/__init__.py and add it to RULES"
    module: dict[str, object] = {"__name__": "starts_with"}
    exec(compile(rule["include/landfall/spec/readiness/starts_with.py"], "starts_with", "exec"), module)
    fulfilled = module["StartsWith"]("rows")  # type: ignore[operator]
    assert fulfilled.lacks({}, None) == "no object whose name begins with rows"
    target, _ = target_files("slurm", CHECKOUT)
    assert set(target) == {
        "include/landfall/compute/slurm/__init__.py", "include/landfall/compute/slurm/operator.py", "tests/compute/test_slurm.py",
    }  # fmt: skip
    for files in (rule, target):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    done = subprocess.run(
        [Path(sys.executable).with_name("ruff"), "format", "--check", "--no-cache", "."], cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["marker", "Marker", "x"])
def test_a_rule_of_a_taken_or_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="cannot be the name of a readiness rule"):
        readiness_files(name, CHECKOUT)
    with pytest.raises(SpecError, match="cannot be the name of a compute target"):
        target_files("emr", CHECKOUT)


def test_what_is_part_of_landfall_is_not_written_into_a_project(project: Path) -> None:
    with pytest.raises(SpecError, match="A readiness rule is part of Landfall, not of a project"):
        readiness_files("starts_with", find_place(project))
