"""Parquet: values of every type, files of several schemas, and every way in which a file may be wrong."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from landfall.errors import ContractError
from landfall.spec import Column, Contract, Parquet

GOOD, MIXED, FILES = "2012-06-01", "2012-06-02", "2012-06-03"
EVERY = Contract(
    columns=(
        Column(name="day", type="date"),
        Column(name="hr", type="int"),
        Column(name="id", type="bigint"),
        Column(name="temp", type="double"),
        Column(name="price", type="decimal", precision=9, scale=4),
        Column(name="open", type="boolean"),
        Column(name="at", type="timestamp", zone="Europe/Berlin"),
        Column(name="sky", type="string", nullable=True),
    ),
    key=("day", "hr"),
    partition_by="day",
    max_bad_share=0.9,
)
EXPECTED = f"its footer; expected {', '.join(f'{column.name} {column.type}' for column in EVERY.columns)}"
AT = datetime(2012, 6, 1, 7, 30, 0, 250_000, tzinfo=UTC)


def columns(of: str = FILES, **changes: Any) -> dict[str, Any]:
    """The columns of a file with one row of the day `of`, with `changes`."""
    columns = {
        "day": pa.array([date.fromisoformat(of)]),
        "hr": pa.array([7], pa.int64()),
        "id": pa.array([10**17], pa.int64()),
        "temp": pa.array([0.1]),
        "price": pa.array([Decimal("0.0000")], pa.decimal128(9, 4)),
        "open": pa.array([True]),
        "at": pa.array([AT], pa.timestamp("us", "UTC")),
        "sky": pa.array(["clear"]),
        **changes,
    }
    return {name: values for name, values in columns.items() if values is not None}


def file(columns: dict[str, Any], **options: Any) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content, **options)
    return content.getvalue()


@pytest.fixture(scope="module")
def corner(corner_of: Any) -> Any:
    return corner_of(EVERY, Parquet())


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd"])
def test_a_value_of_every_type_is_read(corner: Any, codec: str) -> None:
    corner.land(GOOD, file(columns(GOOD, more=pa.array([[1]])), compression=codec), "a.parquet")
    assert corner.run(GOOD) == {"rows": 1, "quarantined": 0, "partitions": {GOOD: (1, 0)}, "refused": []}
    [row] = [row for row in corner.table("features").collect() if str(row.dt) == GOOD]
    assert (row.day, row.hr, row.id, row.temp, row.price, row.open, row.sky) == (
        *(date(2012, 6, 1), 7, 10**17, 0.1, Decimal("0.0000"), True, "clear"),
    )
    assert row["at"].replace(tzinfo=UTC) == AT


def test_files_of_several_schemas_are_read_side_by_side(corner: Any) -> None:
    """Each file fits the contract by itself; a text where a number is declared is judged like the text of a CSV file."""
    local = datetime(2012, 6, 1, 7, 30)
    files = {
        "a": columns(MIXED, sky=None),
        "b": columns(MIXED, hr=pa.array(["8"]), temp=pa.array(["1e1"])),
        "c": columns(MIXED, hr=pa.array(["nine"])),
        "d": columns(MIXED, hr=pa.array([10.0]), temp=pa.array([1], pa.int8()), sky=pa.array([None])),
        "e": columns(MIXED, hr=pa.array([10.5])),
        "f": columns(MIXED, hr=pa.array([12]), at=pa.array([local], pa.timestamp("ms"))),
        "g": columns(MIXED, hr=pa.array([13]), open=pa.array([None], pa.bool_())),
        "h": columns(MIXED, hr=pa.array([14]), day=pa.array([datetime(2012, 6, 2)], pa.timestamp("us"))),
        "i": columns(MIXED, hr=pa.array([15]), sky=pa.array(["clear"]).dictionary_encode()),
    }
    for name, values in files.items():
        corner.land(MIXED, file(values), f"{name}.parquet")
    assert corner.run(MIXED)["partitions"] == {MIXED: (6, 3)}
    rows = sorted(row for row in corner.rows("features", "hr", "temp", "dt") if str(row[2]) == MIXED)
    assert [row[:2] for row in rows] == [(7, 0.1), (8, 10.0), (10, 1.0), (12, 0.1), (14, 0.1), (15, 0.1)]
    assert corner.reasons()[MIXED] == [
        "hr is not a whole number (10.5)",
        "hr is not a whole number (nine)",
        "open is not true or false (empty)",
    ]
    [at] = [row[1] for row in corner.rows("features", "hr", "at") if row[0] == 12]
    assert at.replace(tzinfo=UTC) == datetime(2012, 6, 1, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "problem", "looked", "mend"),
    [
        (
            lambda: file(columns(temp=None)),
            "has no column `temp`",
            EXPECTED,
            "add the column to the file, then land it again",
        ),
        (
            lambda: file(columns(hr=pa.array([{"a": 1}]))),
            "has a struct in column `hr`",
            EXPECTED,
            "write one plain value a row, then land it again",
        ),
        (
            lambda: file(columns(at=pa.array([AT], pa.timestamp("ns", "UTC")))),
            "has a timestamp[ns, tz=UTC] in column `at`",
            EXPECTED,
            "write the column in microseconds, then land it again",
        ),
        (lambda: file(columns())[:-4], "is not whole Parquet", "it does not end with PAR1", "land the file again"),
        (lambda: b"day,hr\n" * 9, "is not whole Parquet", "it does not begin with PAR1", "land the file again"),
        (
            lambda: file(columns())[:-8] + b"\xff\xff\xff\x7fPAR1",
            "is not whole Parquet",
            "its footer of 2,147,483,647 bytes is longer than the file, or than 4,194,304 bytes",
            "land the file again",
        ),
        (
            lambda: file(columns(), compression="brotli"),
            "is packed by brotli",
            "its footer; known: uncompressed, snappy, gzip, zstd",
            "write the file with zstd, then land it again",
        ),
    ],
    ids=["missing", "struct", "nanoseconds", "cut off", "csv", "footer", "codec"],
)
def test_a_wrong_file_is_named(corner_of: Any, content: Any, problem: str, looked: str, mend: str) -> None:
    corner = corner_of(EVERY, Parquet())
    corner.land(FILES, content(), "a.parquet")
    with pytest.raises(ContractError) as refused:
        corner.run(FILES)
    assert str(refused.value) == (
        f"The landed object `{corner.landed}/dt={FILES}/a.parquet` {problem}.\n"
        f"  looked: {looked}\n"
        "  left: the tables are untouched, what was published stays\n"
        f"  next: {mend}"
    )
