"""JSON lines: nested values by their paths, and every way in which a line or a file may be wrong."""

import gzip
import json
from typing import Any

import pytest

from landfall.errors import ContractError
from landfall.spec import Column, Contract, JsonLines

GOOD, ROWS, FILES = "2012-06-01", "2012-06-02", "2012-06-03"
WINDS = Contract(
    columns=(
        Column(name="day", type="date"),
        Column(name="hr", type="int"),
        Column(name="wind", type="double"),
        Column(name="sky", type="string", nullable=True),
    ),
    key=("day", "hr"),
    partition_by="day",
    max_bad_share=0.95,
)
PATHS = JsonLines(paths={"wind": "weather.wind.speed", "sky": "weather.sky"})


def line(hour: Any, speed: Any = 0.24, day: str = ROWS, **weather: Any) -> bytes:
    return json.dumps({"hr": hour, "day": day, "weather": {"wind": {"speed": speed}, **weather}, "more": [1]}).encode()


@pytest.fixture(scope="module")
def corner(corner_of: Any) -> Any:
    return corner_of(WINDS, PATHS)


def test_nested_values_are_read_by_their_paths(corner: Any) -> None:
    lines = [line(7, 0.24, GOOD, sky="clear"), line("8", "1e1", GOOD), b"", line(9, 3, GOOD, sky=None)]
    corner.land(GOOD, b"\xef\xbb\xbf" + b"\r\n".join(lines[:2]), "a.jsonl")
    corner.land(GOOD, gzip.compress(b"\n".join(lines[2:])), "b.jsonl.gz")
    assert corner.run(GOOD) == {"rows": 3, "quarantined": 0, "partitions": {GOOD: (3, 0)}, "refused": []}
    rows = [row for row in corner.table("features").orderBy("hr").collect() if str(row.dt) == GOOD]
    assert [(row.hr, row.wind, row.sky) for row in rows] == [(7, 0.24, "clear"), (8, 10.0, None), (9, 3.0, None)]


def test_a_wrong_line_is_quarantined_with_its_reason(corner: Any) -> None:
    lines = {
        "good": line(0),
        "a number that is a text": line(1, "mild"),
        "a nested field that is missing": b'{"day": "2012-06-02", "hr": 2, "weather": {}}',
        "an object that is a number": b'{"day": "2012-06-02", "hr": 3, "weather": 5}',
        "cut off": line(4)[:-5],
        "too deep": b'{"hr":' + b'{"a":' * 12_000,
        "another encoding": b'{"day": "2012-06-02", "hr": 6, "weather": {"wind": {"speed": 1}, "sky": "gr\xfcn"}}',
        "a fraction": line(7.5),
        "NaN": line(8, float("nan")),
        "no object": b"[5]",
    }
    corner.land(ROWS, b"\n".join(lines.values()), "a.jsonl")
    assert corner.run(ROWS)["partitions"] == {ROWS: (1, len(lines) - 1)}
    reasons = [reason.partition(";")[0] for reason in corner.reasons()[ROWS]]
    form = "the row is not a JSON object of the declared form"
    assert sorted(reasons) == sorted(
        [
            "wind is not a number (mild)",
            "wind is not a number (empty)",
            "hr is not a whole number (7.5)",
            "wind is not a number (NaN)",
            *[form] * 5,
        ]
    )


def test_a_line_without_any_value_is_kept_as_it_came(corner: Any) -> None:
    [row] = [row for row in corner.table("quarantine").collect() if row.row.startswith('{"_corrupt":"[')]
    assert json.loads(row.row) == {"_corrupt": "[5]"}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl", b"day,hr\n", "is not JSON lines"),
        ("a.jsonl", line(1).decode().encode("utf-16"), "is UTF-16, not utf-8"),
        ("a.jsonl", gzip.compress(line(1)), "is not text (it looks compressed)"),
        ("a.jsonl.gz", gzip.compress(line(1))[:-9], "is not whole gzip"),
        ("a.jsonl.gz", gzip.compress(b'{"a": "' + b"x" * 10**7), "has a line of more than 65,536 bytes"),
        ("a.jsonl.zst", b"(\xb5/\xfd", "has a name that does not say how to read it"),
        ("a.csv", b"{}", "has a name that does not say how to read it"),
    ],
    ids=["csv", "utf-16", "gzip", "cut off", "bomb", "zstd", "name"],
)
def test_a_wrong_file_is_named(corner_of: Any, name: str, content: bytes, problem: str) -> None:
    corner = corner_of(WINDS, PATHS)
    corner.land(FILES, content, name)
    with pytest.raises(ContractError) as refused:
        corner.run(FILES)
    assert refused.value.what == f"The landed object `{corner.landed}/dt={FILES}/{name}` {problem}."
    assert refused.value.left == "the tables are untouched, what was published stays"
