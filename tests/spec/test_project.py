"""Which project a process belongs to: the one that its operator named, and no other."""

import os
import sys
from pathlib import Path

import pytest

from landfall.errors import SettingsError
from landfall.spec.project import SHIPPED, own_project, shipped_packages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("LANDFALL_PROJECT", "LANDFALL_PACKAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def declare(folder: Path, package: str) -> None:
    (folder / "pyproject.toml").write_text(f'[tool.landfall]\npackage = "{package}"\n')


def test_without_a_name_there_is_no_project_of_one_s_own(folder: Path) -> None:
    assert own_project() is None
    (folder / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert own_project() is None
    assert shipped_packages() == SHIPPED


def test_the_pyproject_of_the_folder_names_the_package(folder: Path) -> None:
    declare(folder, "ours")
    project = own_project()

    assert project is not None
    assert (project.root, project.pipelines, project.jobs) == (folder, "ours.pipelines", "ours.jobs")
    assert shipped_packages() == (*SHIPPED, "ours")


def test_no_folder_above_is_looked_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(folder, "theirs")
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")

    assert own_project() is None


def test_variables_have_precedence(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    declare(folder, "ours")
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    assert own_project({"LANDFALL_PROJECT": str(elsewhere)}) is None
    named = own_project({"LANDFALL_PACKAGE": "installed", "LANDFALL_PROJECT": str(elsewhere)})
    assert named is not None
    assert (named.package, named.root) == ("installed", elsewhere)


def test_the_package_is_found_in_the_project_s_folder_after_what_is_installed(folder: Path) -> None:
    declare(folder, "ours")
    project = own_project()
    assert project is not None
    project.make_importable()
    assert str(folder) not in sys.path  # there is no such package in it
    (folder / "ours").mkdir()
    project.make_importable()
    project.make_importable()

    assert sys.path[-1] == str(folder)
    assert sys.path.count(str(folder)) == 1


@pytest.mark.parametrize("package", ["landfall", "spark_jobs", "a.b", "1a", "a-b", ""])
def test_a_name_that_is_no_package_is_refused(folder: Path, package: str) -> None:
    declare(folder, package)
    if not package:
        assert own_project() is None
        return
    with pytest.raises(SettingsError) as refused:
        own_project()
    assert str(refused.value) == (
        f"`{package}` is not the package of a project.\n"
        f"  looked: [tool.landfall] in {folder / 'pyproject.toml'}\n"
        "  next: name a package of your own, such as `ours`, without dots"
    )


def test_a_pyproject_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.landfall\n")
    with pytest.raises(SettingsError, match=r"The project's pyproject\.toml cannot be read\."):
        own_project()


@pytest.mark.parametrize("of", [".", "pyproject.toml", "theirs"])
@pytest.mark.parametrize("how", ["anybody may write it", "it belongs to another user"])
def test_a_project_that_somebody_else_may_have_written_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, of: str, how: str
) -> None:
    declare(folder, "theirs")
    (folder / "theirs").mkdir()
    mine, path = os.geteuid(), folder / of
    path.chmod(0o777 if how.startswith("anybody") else 0o755)
    if how.startswith("it belongs"):
        if mine:
            pytest.skip("only root can give a file away")
        os.chown(path, 12345, -1)
    with pytest.raises(SettingsError) as refused:
        own_project()
    assert refused.value.what == f"The project in `{folder}` is not used: somebody else may have written it."
    assert (refused.value.left, refused.value.next) == (
        "nothing of it was imported",
        f"go to a folder of your own, or if you trust it: LANDFALL_PROJECT={folder} landfall ...",
    )
    monkeypatch.setenv("LANDFALL_PROJECT", str(folder))
    assert own_project() is not None
