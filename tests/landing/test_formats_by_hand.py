"""Landing files of every format into feeds of every format, without a server."""

import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from landfall.errors import LandingError
from landfall.landing.by_hand.split import land
from landfall.pipelines.bike_demand import FORECAST
from landfall.spec import (
    Calendar,
    Column,
    Contract,
    Csv,
    Feed,
    FileFormat,
    JsonLines,
    Landing,
    Parquet,
    Partition,
    PredictionTable,
)

NAME = "bikes/snapshots"
HOURS = Contract(
    columns=(
        Column(name="day", type="date"),
        Column(name="hr", type="int"),
        Column(name="temp", type="double"),
        Column(name="price", type="decimal", precision=6, scale=2),
        Column(name="open", type="boolean", nullable=True),
        Column(name="sky", type="string"),
    ),
    key=("day", "hr"),
    partition_by="day",
    partition_hour="hr",
)
MOMENTS = replace(
    HOURS,
    columns=(Column(name="at", type="timestamp", zone="Europe/Berlin"), Column(name="temp", type="double")),
    key=("at",),
    partition_by="at",
    partition_hour="",
)
BARE = replace(MOMENTS, partition_by="")
ROWS = 'day,hr,temp,price,open,sky\n2012-12-25,7,0.240,19.90,true,clear\n2012-12-25,8,1e3,7,,"mist, rain"\n'


class Store:
    """An object store in memory."""

    meta = SimpleNamespace(endpoint_url="http://127.0.0.1:9000")

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.kinds: set[str] = set()

    def list_objects_v2(self, **_: Any) -> Mapping[str, Any]:
        return {}

    def put_object(self, *, Bucket: str, Key: str, Body: IO[bytes], ContentType: str) -> Mapping[str, Any]:
        self.objects[Key.removeprefix("snapshots/")] = Body.read()
        self.kinds.add(ContentType)
        return {}


def feed(contract: Contract, file_format: FileFormat, *, hourly: bool = True, timezone: str = "UTC") -> Feed:
    folder = "dt=%Y-%m-%d/hr=%H" if hourly else "dt=%Y-%m-%d"
    landing = Landing(prefix="snapshots", format=file_format, folder_format=folder, timezone=timezone)
    table = PredictionTable(
        name="predictions.snapshots",
        columns={"time": "timestamptz", "temp": "double precision"},
        key=("time",),
        calendar=Calendar("hour" if hourly else "day", timezone),
    )
    return replace(
        FORECAST,
        pipeline="bikes",
        name="snapshots",
        landing=landing,
        contract=contract,
        table=table,
        model="",
        transform=None,
    )


@pytest.fixture
def landing_into(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Lands a file into a feed; gives the store."""

    def land_file(target: Feed, name: str, content: bytes | str, **options: Any) -> Store:
        for module in ("source", "split"):
            monkeypatch.setattr(f"landfall.landing.by_hand.{module}.find_feed", lambda _: target)
        path, store = tmp_path / name, Store()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        land(store, "landfall", NAME, path, **options)
        return store

    return land_file


def refused(landing_into: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(LandingError) as error:
        landing_into(*arguments, **options)
    return str(error.value)


def test_hours_of_a_csv_file_become_json_lines(landing_into: Any) -> None:
    store = landing_into(feed(HOURS, JsonLines(paths={"temp": "weather.temp", "sky": "weather.sky"})), "hour.csv", ROWS)
    assert {key: body.decode() for key, body in store.objects.items()} == {
        "dt=2012-12-25/hr=07/rows.jsonl": '{"day":"2012-12-25","hr":7,"weather":{"temp":0.240,"sky":"clear"},'
        '"price":19.90,"open":true}\n',
        "dt=2012-12-25/hr=08/rows.jsonl": '{"day":"2012-12-25","hr":8,"weather":{"temp":1e3,"sky":"mist, rain"},'
        '"price":7,"open":null}\n',
    }
    assert store.kinds == {"application/x-ndjson"}


def test_hours_of_a_csv_file_become_parquet(landing_into: Any) -> None:
    store = landing_into(feed(HOURS, Parquet()), "hour.csv", ROWS)
    tables = {key: pq.read_table(io.BytesIO(body)) for key, body in store.objects.items()}
    assert [table.to_pylist() for table in tables.values()] == [
        [
            {"day": date(2012, 12, 25), "hr": 7, "temp": 0.24, "price": Decimal("19.90"), "open": True, "sky": "clear"},
        ],
        [
            {
                "day": date(2012, 12, 25),
                "hr": 8,
                "temp": 1e3,
                "price": Decimal("7.00"),
                "open": None,
                "sky": "mist, rain",
            },
        ],
    ]
    assert list(tables) == ["dt=2012-12-25/hr=07/rows.parquet", "dt=2012-12-25/hr=08/rows.parquet"]
    assert store.kinds == {"application/vnd.apache.parquet"}


def test_a_wrong_value_lands_too_and_is_judged_on_spark(landing_into: Any) -> None:
    wrong = ROWS.replace("0.240", "mild")
    lines = landing_into(feed(HOURS, JsonLines()), "hour.csv", wrong).objects["dt=2012-12-25/hr=07/rows.jsonl"]
    assert json.loads(lines)["temp"] == "mild"
    file = landing_into(feed(HOURS, Parquet()), "hour.csv", wrong).objects["dt=2012-12-25/hr=07/rows.parquet"]
    assert pq.read_table(io.BytesIO(file)).column("temp").to_pylist() == ["mild"]


@pytest.mark.parametrize("into", [Csv(), JsonLines(), Parquet()], ids=str)
def test_what_landed_lands_again_as_the_same_object(landing_into: Any, into: FileFormat) -> None:
    """So a file of each format is read as it was written."""
    store = landing_into(feed(HOURS, into), "hour.csv", ROWS)
    for key, body in store.objects.items():
        name = key.rpartition("/")[2]
        assert landing_into(feed(HOURS, into), name, body).objects == {key: body}
        if name != "rows.parquet":
            assert landing_into(feed(HOURS, into), f"{name}.gz", gzip.compress(body)).objects == {key: body}


def test_a_dialect_is_read_and_written(landing_into: Any) -> None:
    dialect = Csv(delimiter=";", decimal=",", quote="'", encoding="cp1252")
    text = "hr;day;price;temp;open;sky;note\n7;2012-12-25;19,90;0,24;true;'heiter; 5 €';x\n"
    store = landing_into(feed(HOURS, dialect), "hour.csv", text.encode("cp1252"))
    assert {key: body.decode("cp1252") for key, body in store.objects.items()} == {
        "dt=2012-12-25/hr=07/hours.csv": "day;hr;temp;price;open;sky\n2012-12-25;7;0,24;19,90;true;'heiter; 5 €'\n"
    }


def test_a_decimal_comma_is_moved_between_formats(landing_into: Any) -> None:
    line = '{"day": "2012-12-25", "hr": 7, "temp": 0.24, "price": 19.90, "open": null, "sky": "clear"}\n'
    store = landing_into(feed(HOURS, Csv(delimiter=";", decimal=",")), "rows.jsonl", line)
    assert list(store.objects.values()) == [
        b"day;hr;temp;price;open;sky\n2012-12-25;7;0,24;19,90;;clear\n",
    ]


def test_a_file_without_a_header_has_the_columns_of_the_contract(landing_into: Any) -> None:
    bare = ROWS.partition("\n")[2]
    store = landing_into(feed(HOURS, Csv(header=False)), "hour.csv", bare)
    assert list(store.objects.values()) == [line.encode() for line in bare.splitlines(keepends=True)]


def test_a_character_that_the_encoding_lacks_is_refused(landing_into: Any, tmp_path: Path) -> None:
    line = '{"day": "2012-12-25", "hr": 7, "temp": 0.24, "price": 1, "sky": "☀"}\n'
    message = refused(landing_into, feed(HOURS, Csv(encoding="iso-8859-1")), "rows.jsonl", line)
    assert message == (
        "File `rows.jsonl` has a character that iso-8859-1 lacks.\n"
        "  looked: '☀' in '2012-12-25,7,0.24,1,,☀\\n'; the feed's CSV is in iso-8859-1\n"
        "  left: nothing landed\n"
        f"  next: correct that row, then: landfall land {NAME} {tmp_path}/rows.jsonl"
    )


@pytest.mark.parametrize(
    ("text", "partition"),
    [
        ("2012-12-25T23:30:00+00:00", "dt=2012-12-26/hr=00"),
        ("2012-12-25T23:30:00Z", "dt=2012-12-26/hr=00"),
        ("2012-12-25 23:30", "dt=2012-12-25/hr=23"),
        ("1356478200000", "dt=2012-12-26/hr=00"),
        ("2026-10-25T00:30:00Z", "dt=2026-10-25/hr=02"),
        ("2026-10-25T01:30:00Z", "dt=2026-10-25/hr=02"),
    ],
)
def test_a_moment_lands_in_the_hour_of_the_landings_zone(landing_into: Any, text: str, partition: str) -> None:
    store = landing_into(feed(MOMENTS, Csv(), timezone="Europe/Berlin"), "a.csv", f"at,temp\n{text},1\n")
    assert list(store.objects) == [f"{partition}/hours.csv"]


def test_a_moment_without_an_offset_is_refused_if_its_column_has_no_zone(landing_into: Any, tmp_path: Path) -> None:
    aware = replace(MOMENTS, columns=(Column(name="at", type="timestamp"), *MOMENTS.columns[1:]))
    assert refused(landing_into, feed(aware, Csv()), "a.csv", "at,temp\n2012-12-25T07:00,1\n") == (
        "File `a.csv` has `2012-12-25T07:00` in column `at`, which is not a timestamp with an offset.\n"
        f"  looked: {tmp_path}/a.csv:2: expected a timestamp with an offset, such as 2012-12-25T07:30:00+01:00\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land {NAME} {tmp_path}/a.csv"
    )


def test_an_hour_that_the_clocks_leave_out_is_refused(landing_into: Any, tmp_path: Path) -> None:
    text = "day,hr,temp,price,open,sky\n2026-03-29,2,1,1,,x\n"
    assert refused(landing_into, feed(HOURS, Csv(), timezone="Europe/Berlin"), "a.csv", text) == (
        "File `a.csv` has `2026-03-29, 2` in column `day, hr`, which is not an hour.\n"
        f"  looked: {tmp_path}/a.csv:2: the clocks are put forward over that hour\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land {NAME} {tmp_path}/a.csv"
    )


def test_rows_that_do_not_say_their_partition_go_where_the_person_says(landing_into: Any, tmp_path: Path) -> None:
    text, hour = "at,temp\nany,1\nother,2\n", Partition.parse("2012-12-25T07")
    store = landing_into(feed(BARE, Csv()), "a.csv", text, into=hour)
    assert store.objects == {"dt=2012-12-25/hr=07/hours.csv": text.encode()}
    assert refused(landing_into, feed(BARE, Csv()), "a.csv", text) == (
        f"The rows of `{NAME}` do not say which partition they belong to.\n"
        "  looked: Contract.partition_by is empty\n"
        "  left: nothing landed\n"
        f"  next: landfall land {NAME} {tmp_path}/a.csv --partition 2012-12-25T07    (the whole file goes into it)"
    )
    assert refused(landing_into, feed(MOMENTS, Csv()), "a.csv", text, into=hour) == (
        f"The rows of `{NAME}` say their partition themselves, so --partition 2012-12-25T07 cannot.\n"
        "  looked: Contract.partition_by is `at`\n"
        "  left: nothing landed\n"
        f"  next: landfall land {NAME} {tmp_path}/a.csv --from 2012-12-25T07 --until 2012-12-25T07"
    )


def test_a_day_stands_for_its_hours_in_a_range(landing_into: Any) -> None:
    day = Partition.parse("2012-12-25")
    assert len(landing_into(feed(HOURS, Csv()), "hour.csv", ROWS, first=day, last=day).objects) == 2
    last = Partition.parse("2012-12-25T07")
    assert len(landing_into(feed(HOURS, Csv()), "hour.csv", ROWS, first=day, last=last).objects) == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1]", "the line is no object"),
        ('{"day": ', "Expecting value: line 2 column 1 (char 9)"),
        ('{"a":' * 20_000, "the line is too deep"),
    ],
)
def test_what_is_no_json_object_is_named(landing_into: Any, tmp_path: Path, line: str, problem: str) -> None:
    wide = replace(HOURS, max_line_bytes=200_000)
    assert refused(landing_into, feed(wide, JsonLines()), "a.jsonl", line + "\n") == (
        "File `a.jsonl` is not JSON lines.\n"
        f"  looked: {tmp_path}/a.jsonl:1: {problem}\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land {NAME} {tmp_path}/a.jsonl"
    )


def test_a_long_json_line_is_refused_before_it_is_held(landing_into: Any, tmp_path: Path) -> None:
    assert refused(landing_into, feed(HOURS, JsonLines()), "a.jsonl.gz", gzip.compress(b"a" * 10**7)) == (
        "File `a.jsonl.gz` has a line of more than 65,536 characters.\n"
        f"  looked: {tmp_path}/a.jsonl.gz:1: {'a' * 40!r}... (Contract.max_line_bytes)\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land {NAME} {tmp_path}/a.jsonl.gz"
    )


def test_a_parquet_file_that_is_cut_off_is_refused(landing_into: Any, tmp_path: Path) -> None:
    whole = io.BytesIO()
    pq.write_table(pa.table({"at": [datetime(2012, 12, 25, tzinfo=UTC)], "temp": [1.0]}), whole)
    message = refused(landing_into, feed(MOMENTS, Parquet()), "a.parquet", whole.getvalue()[:-9])
    assert message.startswith(f"File `a.parquet` is not whole Parquet.\n  looked: {tmp_path}/a.parquet: ")
    assert message.endswith(f"\n  left: nothing landed\n  next: landfall land {NAME} FILE.parquet")


def test_types_of_a_parquet_file_become_text(landing_into: Any) -> None:
    whole = io.BytesIO()
    columns = {
        "at": pa.array([datetime(2012, 12, 25, 6, tzinfo=UTC)], pa.timestamp("ms", "UTC")),
        "temp": pa.array([0.1], pa.float32()),
        "note": pa.array([[1]]),
    }
    pq.write_table(pa.table(columns), whole)
    store = landing_into(feed(MOMENTS, Csv(), timezone="Europe/Berlin"), "a.parquet", whole.getvalue())
    assert store.objects == {
        "dt=2012-12-25/hr=07/hours.csv": b"at,temp\n2012-12-25T06:00:00+00:00,0.10000000149011612\n"
    }


def test_an_absent_nullable_column_and_an_older_name_are_read(landing_into: Any) -> None:
    contract = replace(
        HOURS,
        columns=(*HOURS.columns[:2], Column(name="wind", type="double", renamed_from="windspeed"), HOURS.columns[4]),
    )
    text = "hr,windspeed,day\n7,0.5,2012-12-25\n"
    store = landing_into(feed(contract, Csv()), "a.csv", text)
    assert store.objects == {"dt=2012-12-25/hr=07/hours.csv": b"day,hr,wind,open\n2012-12-25,7,0.5,\n"}
