"""Objects that would take the shared Spark's heap: refused by name, and the server answers on."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from landfall.errors import ContractError

GOOD, ONE_LINE, MANY_LINES, WIDE, LONG_LINE, PATTERN, REPLACED = (f"2012-08-{day:02}" for day in range(1, 8))
LEFT = "the tables are untouched, what was published stays"


def packed(pieces: Iterator[bytes]) -> bytes:
    """Gzip of a text that is never held whole."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join([*map(packer.compress, pieces), packer.flush()])


@pytest.fixture(scope="module")
def landed(corner: Any) -> None:
    """A good day, and four that no heap would hold."""
    header, rows = corner.csv([]), corner.rows_of(GOOD)
    corner.land(GOOD)
    corner.land(ONE_LINE, packed(b"a" * 10**6 for _ in range(1200)), "hours.csv.gz")
    line = corner.csv(rows[:1]).split(b"\n")[1] + b"\n"
    corner.land(MANY_LINES, packed([header, *[line * 20_000] * 800].__iter__()), "hours.csv.gz")
    corner.land(WIDE, b"," * 200_000 + b"\n" + line)
    corner.land(LONG_LINE, header + line + b"1" * 60_000_000 + b"\n" + line)


PROBLEMS = {
    ONE_LINE: ("hours.csv.gz", "has a line of more than 65,536 bytes"),
    MANY_LINES: ("hours.csv.gz", "has more than 536,870,912 bytes of text"),
    WIDE: ("hours.csv", "has a line of more than 65,536 bytes"),
    LONG_LINE: ("hours.csv", "has a line of more than 65,536 bytes"),
}


@pytest.mark.parametrize(
    "day", PROBLEMS, ids=["1.2 GB in one line", "1.2 GB of rows", "200,000 columns", "60 MB in one line"]
)
def test_a_bomb_is_refused_by_name_and_spark_answers_on(corner: Any, landed: None, day: str) -> None:
    name, problem = PROBLEMS[day]
    with pytest.raises(ContractError) as refused:
        corner.run(day)

    assert refused.value.what == f"The landed object `{corner.landed}/dt={day}/{name}` {problem}."
    assert refused.value.left == LEFT
    assert corner.run(GOOD)["rows"] == 24


def test_one_bomb_does_not_stop_the_other_days(corner: Any, landed: None) -> None:
    report = corner.run(f"{GOOD}..{LONG_LINE}", "--days", "usable")

    assert report["partitions"] == {GOOD: (24, 0)}
    files = {
        day: f"The landed object `{corner.landed}/dt={day}/{name}` {said}." for day, (name, said) in PROBLEMS.items()
    }
    assert {each["partition"]: each["reasons"] for each in report["refused"]} == {
        day: {"file": (1, what)} for day, what in files.items()
    }


def test_a_row_of_many_columns_is_one_bad_row(corner: Any) -> None:
    """Within the limit of a line there is room for more columns than Spark's reader usually takes."""
    rows = corner.rows_of(PATTERN)
    corner.land(PATTERN, corner.csv(rows) + b"," * 60_000 + b"\n")

    assert corner.run(PATTERN) == {"rows": 24, "quarantined": 1, "partitions": {PATTERN: (24, 1)}, "refused": []}


def test_an_object_is_read_under_its_own_name_though_that_is_a_pattern(corner: Any) -> None:
    """Names are a stranger's: one must not lead Spark to objects that were not looked into."""
    rows = corner.rows_of(PATTERN)
    corner.land(PATTERN, corner.csv(rows[:12]))
    for number, name in enumerate(("*.csv", "[h]ours.csv", "{hours,x}.csv", "what?.csv"), 3):
        corner.land(PATTERN, corner.csv(rows[4 * number : 4 * number + 4]), name)

    assert corner.run(PATTERN)["partitions"] == {PATTERN: (24, 0)}


def test_an_object_that_becomes_a_bomb_after_the_look_takes_no_heap(
    corner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and Spark's own reading somebody may replace it: then the long line is skipped, not held."""
    from spark_jobs import landed
    from spark_jobs.unpacked import look_into

    corner.land(REPLACED, gzip.compress(corner.csv(corner.rows_of(REPLACED))), "hours.csv.gz")
    bomb = packed([corner.csv(corner.rows_of(REPLACED)), *[b"a" * 10**6] * 1200].__iter__())

    def look_then_replace(*arguments: Any) -> Any:
        found = look_into(*arguments)
        corner.land(REPLACED, bomb, "hours.csv.gz")
        return found

    monkeypatch.setattr(landed, "look_into", look_then_replace)
    assert corner.run(REPLACED)["partitions"] == {REPLACED: (24, 0)}
    assert corner.run(GOOD)["rows"] == 24
