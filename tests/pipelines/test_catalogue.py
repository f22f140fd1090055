"""Declarations are found in a folder: that of the project of one's own, else Landfall's."""

import json
import subprocess
import sys
from pathlib import Path

from landfall.pipelines import PIPELINES, TABLE_MODELS
from landfall.starting.project_files import project_files
from landfall.starting.rendering import write_new

LIST = """
import json
from landfall.errors import LandfallError
from landfall.pipelines import PIPELINES, TABLE_MODELS
try:
    print(json.dumps([list(PIPELINES), list(TABLE_MODELS)]))
except LandfallError as error:
    print(json.dumps(error.as_dict()))
"""
MODEL = """
from landfall.pipelines.iris import IRIS
from landfall.spec import TableModel

OTHER = TableModel(name="{name}", learner=IRIS.learner, rows=IRIS.rows, classes=IRIS.classes)
"""


def listed(project: Path) -> object:
    """What a process in the project's folder finds."""
    done = subprocess.run([sys.executable, "-c", LIST], cwd=project, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def project_with(folder: Path, **modules: str) -> Path:
    write_new(folder, project_files("ours", "ours"))
    for name, text in modules.items():
        (folder / f"ours/pipelines/{name}.py").write_text(text)
    return folder


def test_landfall_s_own_are_those_of_its_folder() -> None:
    assert {"bike_demand", "bike_hourly", "bike_weather"} <= set(PIPELINES)
    assert {"iris", "species_price"} <= set(TABLE_MODELS)


def test_a_project_has_only_what_its_files_declare(tmp_path: Path) -> None:
    assert listed(project_with(tmp_path / "empty")) == [[], []]
    one = project_with(
        tmp_path / "one",
        flowers=MODEL.format(name="flowers"),
        _draft="raise ValueError",
        again="from ours.pipelines.flowers import OTHER",
    )
    assert listed(one) == [[], ["flowers", "iris"]] or listed(one) == [[], ["iris", "flowers"]]


def test_two_declarations_of_one_name_are_refused(tmp_path: Path) -> None:
    project = project_with(tmp_path, a=MODEL.format(name="same"), b=MODEL.format(name="same"))

    assert listed(project) == {
        "type": "SpecError",
        "error": "`same` is declared twice.",
        "looked": "ours.pipelines.a and ours.pipelines.b",
        "next": "rename one of them",
    }


def test_a_file_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    assert listed(project_with(tmp_path, broken="1 / 0")) == {
        "type": "SpecError",
        "error": "The declarations in `ours.pipelines.broken` cannot be imported.",
        "looked": "ZeroDivisionError: division by zero",
        "left": "no declaration of this project can be looked up",
        "next": "python -c 'import ours.pipelines.broken'    (shows the line)",
    }
