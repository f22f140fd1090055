"""The ETL job on files that the contract cannot read: the whole message, and what is left out of a training."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from landfall.errors import ContractError, LandingError
from landfall.landing.landed import check_landed, iterate_folder
from landfall.pipelines.bike_demand import FORECAST_HOURS
from landfall.spec import Landing, Partition

PROJECT = Path(__file__).parents[3]
NAMES = list(FORECAST_HOURS.names)
GOOD, NEW, DELIMITER, MISSING, EXTRA, TWICE, PACKED, EMPTY, BARE = (f"2012-07-{day:02}" for day in range(1, 10))
EXPECTED = f"expected the columns {', '.join(NAMES)}"
LEFT = "the tables are untouched, what was published stays"
PROBLEMS = {
    DELIMITER: ("is separated by ';', not by commas", "write the file with commas, then land it again"),
    MISSING: ("has no column `windspeed`", "add the column to the file, then land it again"),
    EXTRA: (
        "has an unexpected column `colour`",
        "drop the column, or add it to the contract, then land it again",
    ),
    TWICE: ("names a column twice", "name every column once, then land it again"),
    PACKED: ("is not text (it looks compressed)", "name gzip files .csv.gz, then land it again"),
}


def contents(corner: Any) -> dict[str, bytes]:
    rows = corner.rows_of(GOOD)
    plain = corner.csv(rows)
    return {
        GOOD: plain,
        NEW: corner.csv(corner.rows_of(NEW)),
        DELIMITER: corner.csv(rows, mark=";"),
        MISSING: corner.csv([row[:-1] for row in rows], NAMES[:-1]),
        EXTRA: corner.csv([[*row, "red"] for row in rows], [*NAMES, "colour"]),
        TWICE: corner.csv([[*row, row[-1]] for row in rows], [*NAMES, NAMES[-1]]),
        PACKED: gzip.compress(plain, mtime=0),
        EMPTY: b"",
        BARE: corner.csv([]),
    }


@pytest.fixture(scope="module")
def landed(corner: Any) -> dict[str, str]:
    """Every file of this module landed, and the features of the good one made."""
    sources = {day: corner.land(day, body) for day, body in contents(corner).items()}
    assert corner.run(GOOD) == {"rows": 24, "quarantined": 0, "partitions": {GOOD: (24, 0)}, "refused": []}
    return sources


def first_line(corner: Any, day: str) -> str:
    """What the message shows of the file: 120 characters of its first line, as text."""
    line = contents(corner)[day].partition(b"\n")[0]
    return repr(line.decode("utf-8")[:120])


@pytest.mark.parametrize("day", [DELIMITER, MISSING, EXTRA, TWICE])
def test_a_file_of_other_columns_is_told_with_its_first_line(corner: Any, landed: dict[str, str], day: str) -> None:
    problem, mend = PROBLEMS[day]
    with pytest.raises(ContractError) as refused:
        corner.run(day)
    assert str(refused.value) == (
        f"The landed object `{corner.landed}/dt={day}/hours.csv` {problem}.\n"
        f"  looked: first line: {first_line(corner, day)}; {EXPECTED}\n  left: {LEFT}\n  next: {mend}"
    )


def test_gzip_under_the_name_of_a_csv_is_recognized(corner: Any, landed: dict[str, str]) -> None:
    problem, mend = PROBLEMS[PACKED]
    with pytest.raises(ContractError) as refused:
        corner.run(PACKED)
    told = refused.value
    assert (told.what, told.left, told.next) == (
        f"The landed object `{corner.landed}/dt={PACKED}/hours.csv` {problem}.",
        LEFT,
        mend,
    )
    assert told.looked.startswith(("first line: '\\x1f\ufffd", 'first line: "\\x1f\ufffd'))
    assert told.looked.endswith(f"; {EXPECTED}")


def test_an_empty_object_is_refused_by_its_listing(corner: Any, landed: dict[str, str]) -> None:
    landing, partition = Landing(prefix=corner.landed), Partition.parse(EMPTY)
    objects = list(iterate_folder(corner.client, corner.bucket, landing, partition))
    with pytest.raises(LandingError) as refused:
        check_landed(objects, landing, partition)
    assert str(refused.value) == (
        f"Object `{corner.landed}/dt={EMPTY}/hours.csv` is empty.\n"
        f"  looked: 0 bytes, last written {objects[0].last_modified:%Y-%m-%d %H:%M} UTC\n"
        "  left: nothing was read; what was published before stays\n"
        f"  next: landfall land {corner.landed} FILE.csv --from {EMPTY} --until {EMPTY}"
    )


def test_an_empty_object_that_got_through_has_nothing_to_read(corner: Any, landed: dict[str, str]) -> None:
    with pytest.raises(ContractError) as refused:
        corner.run(EMPTY)
    assert str(refused.value) == (
        f"Nothing to read in `{corner.landed}`.\n"
        f"  looked: {corner.settings.lake}/{corner.landed}/dt={EMPTY}/\n"
        f"  left: {LEFT}\n"
        "  next: land the file again with its header line and its rows"
    )


def test_days_that_cannot_be_used_are_left_out_and_named(corner: Any, landed: dict[str, str]) -> None:
    """Training asks for the missing days of all that landed: one bad file does not stop it."""
    report = corner.run(f"{GOOD}..{BARE}", "--days", "missing")
    files = {
        day: f"The landed object `{corner.landed}/dt={day}/hours.csv` {problem}."
        for day, (problem, _) in PROBLEMS.items()
    }
    files |= dict.fromkeys((EMPTY, BARE), "There is no row in what landed.")
    assert report == {
        "rows": 24,
        "quarantined": 0,
        "partitions": {NEW: (24, 0)},
        "refused": [
            {"partition": day, "rows": 0, "quarantined": 0, "reasons": {"file": (1, what)}}
            for day, what in files.items()
        ],
    }
    days = corner.table("features").groupBy("dt").count().collect()
    assert sorted((str(row.dt), row["count"]) for row in days) == [(GOOD, 24), (NEW, 24)]


def test_a_training_goes_on_when_every_missing_day_is_empty(corner: Any, landed: dict[str, str]) -> None:
    assert corner.run(f"{GOOD},{EMPTY}", "--days", "missing") == {
        "rows": 0,
        "quarantined": 0,
        "partitions": {},
        "refused": [
            {
                "partition": EMPTY,
                "rows": 0,
                "quarantined": 0,
                "reasons": {"file": (1, "There is no row in what landed.")},
            }
        ],
    }


def as_a_process(corner: Any, stack: Any, days: str) -> "subprocess.CompletedProcess[str]":
    """The same command line by `python -m spark_jobs`, as spark-submit and other targets call it."""
    command = [sys.executable, "-m", "spark_jobs", *corner.argv(days)]
    env = {**os.environ, "LANDFALL_SPARK_REMOTE": stack.settings.spark_remote}
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False, timeout=600)


def test_a_process_gives_the_same_report_as_a_call(corner: Any, stack: Any, landed: dict[str, str]) -> None:
    told = as_a_process(corner, stack, GOOD)
    assert told.returncode == 0, told.stderr
    report = {"rows": 24, "quarantined": 0, "partitions": {GOOD: [24, 0]}, "refused": []}
    assert json.loads(told.stdout.splitlines()[-1]) == report


def test_a_failing_process_ends_with_one_and_its_message(corner: Any, stack: Any, landed: dict[str, str]) -> None:
    told = as_a_process(corner, stack, MISSING)
    problem, mend = PROBLEMS[MISSING]
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.endswith(
        f"The landed object `{corner.landed}/dt={MISSING}/hours.csv` {problem}.\n"
        f"  looked: first line: {first_line(corner, MISSING)}; {EXPECTED}\n  left: {LEFT}\n  next: {mend}\n"
    )
    assert "Traceback" not in told.stderr
