"""The version of a feed's code: it changes with what computes the rows, and with nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from landfall.compute import code
from landfall.compute.code import code_of
from landfall.pipelines.bike_demand import ACTUALS, FORECAST


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The jobs' sources, copied, so that a test can change them."""
    real = code._file_of

    def file_of(module: str) -> Path | None:
        if (found := real(module)) is None:
            return None
        mine = tmp_path / f"{module}.py"
        if not mine.exists():
            mine.write_text(found.read_text())
        return mine

    monkeypatch.setattr(code, "_file_of", file_of)
    code._digest_of_job.cache_clear()
    code_of(FORECAST)
    yield tmp_path
    code._digest_of_job.cache_clear()


def changed(folder: Path, module: str, before: str, after: str) -> bool:
    """Whether the version of the forecast's code is another one after an edit."""
    file, old = folder / f"{module}.py", code_of(FORECAST)
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after, 1))
    code._digest_of_job.cache_clear()
    return code_of(FORECAST) != old


def test_two_feeds_have_two_versions_of_ten_digits() -> None:
    assert len({code_of(FORECAST), code_of(ACTUALS)}) == 2
    assert len(code_of(FORECAST)) == 10


def test_a_comment_or_a_docstring_is_no_other_code(copied: Path) -> None:
    assert not changed(copied, "spark_jobs.etl.bike_features", "def hour_start", "# a remark\ndef hour_start")
    assert not changed(copied, "spark_jobs.etl.bike_features", '"""Features of bike demand', '"""Other words')


def test_a_number_in_a_job_or_in_what_it_imports_is_other_code(copied: Path) -> None:
    assert changed(copied, "spark_jobs.etl.bike_features", "24 * workingday", "25 * workingday")
    assert changed(copied, "spark_jobs.contract", "40), F.lit", "41), F.lit")


def test_other_arguments_are_other_code() -> None:
    job = replace(FORECAST.etl, arguments={**FORECAST.etl.arguments, "city": "Paris"})
    assert code_of(replace(FORECAST, etl=job)) != code_of(FORECAST)
