"""The version of a feed's code: it changes with what computes the rows, and with nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from landfall.compute import code
from landfall.compute.code import code_of
from landfall.pipelines.bike_demand import ACTUALS, FORECAST
from landfall.spec import JsonLines, Landing
from landfall.spec.transform import file_of


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The jobs' sources, copied, so that a test can change them."""

    def copy_of(module: str) -> Path | None:
        if (found := file_of(module)) is None:
            return None
        mine = tmp_path / f"{module}.py"
        if not mine.exists():
            mine.write_text(found.read_text())
        return mine

    monkeypatch.setattr(code, "file_of", copy_of)
    code._digest_of.cache_clear()
    code_of(FORECAST)
    yield tmp_path
    code._digest_of.cache_clear()


def changed(folder: Path, module: str, before: str, after: str) -> bool:
    """Whether the version of the forecast's code is another one after an edit."""
    file, old = folder / f"{module}.py", code_of(FORECAST)
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after, 1))
    code._digest_of.cache_clear()
    return code_of(FORECAST) != old


def test_two_feeds_have_two_versions_of_ten_digits() -> None:
    assert len({code_of(FORECAST), code_of(ACTUALS)}) == 2
    assert len(code_of(FORECAST)) == 10


def test_a_comment_or_a_docstring_is_no_other_code(copied: Path) -> None:
    assert not changed(copied, "spark_jobs.etl.bike_features", "def hour_start", "# a remark\ndef hour_start")
    assert not changed(copied, "spark_jobs.etl.bike_features", '"""Features of bike demand', '"""Other words')


def test_a_number_in_a_job_or_in_what_it_imports_is_other_code(copied: Path) -> None:
    assert changed(copied, "spark_jobs.etl.bike_features", "24 * workingday", "25 * workingday")
    assert changed(copied, "spark_jobs.columns", "40), F.lit", "41), F.lit")


def test_only_the_reader_of_the_feeds_own_format_is_its_code(copied: Path) -> None:
    assert changed(copied, "spark_jobs.formats.csv_text", "PERMISSIVE", "DROPMALFORMED")
    lines = replace(FORECAST, landing=Landing(prefix="a", format=JsonLines()))
    code_of(lines)
    assert not changed(copied, "spark_jobs.formats.json_lines", "PERMISSIVE", "DROPMALFORMED")


def test_other_arguments_are_other_code() -> None:
    assert FORECAST.transform
    transform = replace(FORECAST.transform, arguments={**FORECAST.transform.arguments, "city": "Paris"})
    assert code_of(replace(FORECAST, transform=transform)) != code_of(FORECAST)


def test_a_deadline_is_no_code() -> None:
    late = replace(FORECAST, landing=replace(FORECAST.landing, deadline=timedelta(days=9)))
    assert code_of(late) == code_of(FORECAST)
