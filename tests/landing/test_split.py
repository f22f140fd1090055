"""Splitting a CSV file into the objects of its days, without a server."""

import csv
import gzip
import io
import tracemalloc
import zlib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import IO, Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from landfall.errors import LandingError, SpecError
from landfall.landing.by_hand.source import open_source
from landfall.landing.by_hand.split import land, split
from landfall.landing.by_hand.writers import csv_line
from landfall.pipelines.bike_demand import ACTUAL_HOURS, FORECAST_HOURS
from landfall.spec import Partition
from landfall.spec.partition import FIRST_DAY, LAST_DAY

ACTUALS, FORECAST = "bike_demand/actuals", "bike_demand/forecast"
HEADER = ",".join(ACTUAL_HOURS.names)
DAYS = ("2011-01-01", "2011-01-02", "2011-01-03")


class Memory:
    """An object store in memory, for what is asked before and after the wire. Stops answering after `puts` objects."""

    meta = SimpleNamespace(endpoint_url="http://127.0.0.1:9000")

    def __init__(self, puts: int = 10**9) -> None:
        self.objects: dict[str, str] = {}
        self.puts = puts

    def list_objects_v2(self, **_: Any) -> Mapping[str, Any]:
        return {}

    def put_object(self, *, Bucket: str, Key: str, Body: IO[bytes], ContentType: str) -> Mapping[str, Any]:
        assert (Bucket, ContentType) == ("landfall", "text/csv")
        if len(self.objects) >= self.puts:
            raise ConnectTimeoutError(endpoint_url=self.meta.endpoint_url)
        self.objects[Key] = Body.read().decode()
        return {}


def row(day: str, hour: int = 0) -> str:
    return f"{hour + 1},{day},1,0,1,{hour},0,6,0,1,0.24,0.2879,0.81,0,3,13,16"


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    return write(tmp_path / "hours.csv", HEADER, *(row(day, hour) for day in DAYS for hour in range(2)))


def refusal(path: Path, name: str = ACTUALS, **options: Any) -> str:
    """The whole message with which `land` refuses the file; checks that nothing was put."""
    store = Memory()
    with pytest.raises(LandingError) as refused:
        land(store, "landfall", name, path, **options)
    assert store.objects == {}
    return str(refused.value)


def test_each_day_becomes_one_object_of_its_partition(hours: Path) -> None:
    store = Memory()
    landed = land(store, "landfall", ACTUALS, hours)

    assert store.objects == {
        f"bike_sharing/actuals/dt={day}/hours.csv": f"{HEADER}\n{row(day, 0)}\n{row(day, 1)}\n" for day in DAYS
    }
    assert (landed.objects, landed.rows, str(landed.first), str(landed.last)) == (3, 6, DAYS[0], DAYS[2])
    assert landed.prefix == "s3://landfall/bike_sharing/actuals/"
    assert landed.left_out == ()


def test_a_forecast_leaves_the_rider_counts_out(hours: Path) -> None:
    store = Memory()
    landed = land(store, "landfall", FORECAST, hours)

    first = store.objects["bike_sharing/forecast/dt=2011-01-01/hours.csv"].splitlines()
    assert first[0] == ",".join(FORECAST_HOURS.names)
    assert first[1] == row(DAYS[0]).removesuffix(",3,13,16")
    assert landed.left_out == ("casual", "registered", "cnt")


def test_only_the_asked_days_land_both_ends_included(hours: Path) -> None:
    store = Memory()
    day = Partition.parse("2011-01-02")
    landed = land(store, "landfall", ACTUALS, hours, first=day, last=day)
    assert list(store.objects) == ["bike_sharing/actuals/dt=2011-01-02/hours.csv"]
    assert (landed.objects, landed.rows) == (1, 2)


def test_values_land_as_they_are_written_even_wrong_ones(tmp_path: Path) -> None:
    odd = '\x1160,2011-01-01,9,x,,-1,0,6,0,1,0.240,1e3, .8,"0,5",3,13,"say ""16"""'
    store = Memory()
    land(store, "landfall", ACTUALS, write(tmp_path / "a.csv", HEADER, odd))
    assert store.objects["bike_sharing/actuals/dt=2011-01-01/hours.csv"] == f"{HEADER}\n{odd}\n"


def test_columns_may_come_in_any_order_with_others_between_and_a_byte_order_mark(tmp_path: Path) -> None:
    names = [*reversed(ACTUAL_HOURS.names), "note"]
    values = [*reversed(row(DAYS[0]).split(",")), "sunny"]
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{','.join(names)}\r\n{','.join(values)}\r\n\r\n".encode())
    store = Memory()
    assert land(store, "landfall", ACTUALS, path).left_out == ("note",)
    assert list(store.objects.values()) == [f"{HEADER}\n{row(DAYS[0])}\n"]


def test_gzip_lands_like_plain_text(hours: Path) -> None:
    packed = hours.with_name("hours.csv.gz")
    packed.write_bytes(gzip.compress(hours.read_bytes()))
    plain, unpacked = Memory(), Memory()
    land(plain, "landfall", ACTUALS, hours)
    land(unpacked, "landfall", ACTUALS, packed)
    assert plain.objects == unpacked.objects


def test_progress_is_told_to_its_end(hours: Path) -> None:
    told: list[tuple[str, int, int]] = []
    land(Memory(), "landfall", ACTUALS, hours, report=lambda *step: told.append(step))
    size = hours.stat().st_size
    assert told == [("reading", size, size), ("landing", 1, 3), ("landing", 2, 3), ("landing", 3, 3)]


def test_a_long_file_with_its_days_mixed_is_split_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfall.landing.by_hand.split._ROWS_IN_MEMORY", 10_000)
    first = date(2011, 1, 1)
    lines = [row((first + timedelta(days=n % 7)).isoformat(), n) for n in range(45_000)]
    path = write(tmp_path / "long.csv", HEADER, *lines)
    (tmp_path / "days").mkdir()
    with open_source(ACTUALS, path) as source:
        days = split(source, tmp_path / "days")
    assert [day.rows for day in days.values()] == [6429] * 4 + [6428] * 3
    for number, day in enumerate(days.values()):
        assert day.path.read_text().splitlines() == [HEADER, *lines[number::7]]


texts = st.text(st.characters(codec="utf-8"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.dates(FIRST_DAY, LAST_DAY), st.lists(texts, min_size=16, max_size=16)), min_size=1, max_size=12
    )
)
def test_splitting_then_concatenating_gives_the_same_rows(rows: list[tuple[date, list[str]]]) -> None:
    lines = [[values[0], day.isoformat(), *values[1:]] for day, values in rows]
    with TemporaryDirectory() as folder:
        path = Path(folder, "any.csv")
        path.write_text(HEADER + "\n" + "".join(map(csv_line, lines)), newline="")
        with open_source(ACTUALS, path) as source:
            days = split(source, Path(folder))
        again = [line for day in days.values() for line in read(day.path)[1:]]
    assert again == sorted(lines, key=lambda line: line[1])
    assert sum(day.rows for day in days.values()) == len(lines)


def read(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), strict=True))


def test_a_missing_file_names_the_nearest(hours: Path) -> None:
    assert refusal(hours.with_name("hour.csv")) == (
        "There is no file `hour.csv`. Did you mean `hours.csv`?\n"
        f"  looked: {hours.parent}\n"
        "  left: nothing landed\n"
        f"  next: landfall land bike_demand/actuals {hours}"
    )


def test_a_missing_file_without_neighbours_offers_a_sample(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no" / "hour.csv") == (
        "There is no file `hour.csv`.\n"
        f"  looked: {tmp_path}/no\n"
        "  left: nothing landed\n"
        "  next: landfall sample bike_demand --out data    (writes files to try with)"
    )


def test_a_folder_is_not_a_file(hours: Path) -> None:
    assert refusal(hours.parent) == (
        f"`{hours.parent}` is a folder, not a file.\n"
        "  looked: it has: hours.csv\n"
        "  left: nothing landed\n"
        f"  next: landfall land bike_demand/actuals {hours.parent}/FILE.csv"
    )


@pytest.mark.parametrize(("content", "looked"), [("", "0 bytes"), ("\n\n", "no line")])
def test_an_empty_file_is_refused(tmp_path: Path, content: str, looked: str) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(content)
    assert refusal(path) == (
        "File `empty.csv` is empty.\n"
        f"  looked: {path}: {looked}\n"
        "  left: nothing landed\n"
        "  next: landfall land bike_demand/actuals FILE.csv"
    )


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "head.csv", HEADER)
    assert refusal(path) == (
        "File `head.csv` has a header and no rows.\n"
        f"  looked: {path}\n"
        "  left: nothing landed\n"
        "  next: landfall land bike_demand/actuals FILE.csv"
    )


@pytest.mark.parametrize(
    ("delimiter", "called", "shown"), [(";", "semicolons", ";"), ("\t", "tabs", "\\t"), ("|", "bars", "|")]
)
def test_another_delimiter_is_recognised(tmp_path: Path, delimiter: str, called: str, shown: str) -> None:
    header = HEADER.replace(",", delimiter)
    path = write(tmp_path / "a.csv", header, row(DAYS[0]).replace(",", delimiter))
    assert refusal(path) == (
        f"File `a.csv` seems to be separated by {called}, not commas.\n"
        f"  looked: {path}:1: {header!r}\n"
        "  left: nothing landed\n"
        f"  next: < {path} tr '{shown}' ',' > {tmp_path}/a.commas.csv"
        f" && landfall land bike_demand/actuals {tmp_path}/a.commas.csv    (if no value holds a comma)"
    )


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    header = HEADER.replace("windspeed", "Wind_speed")
    path = write(tmp_path / "a.csv", header, row(DAYS[0]))
    assert refusal(path) == (
        "File `a.csv` has no column `windspeed`. Did you mean `Wind_speed`?\n"
        f"  looked: {path}:1: {header.replace(',', ', ')}\n"
        "  left: nothing landed\n"
        f"  next: give the columns these names, then: landfall land bike_demand/actuals {path}"
    )


def test_a_forecast_file_for_the_actuals_is_sent_to_its_own_feed(tmp_path: Path) -> None:
    header = ",".join(FORECAST_HOURS.names)
    path = write(tmp_path / "a.csv", header)
    assert refusal(path) == (
        "File `a.csv` has no columns `casual`, `registered`, `cnt`.\n"
        f"  looked: {path}:1: {header.replace(',', ', ')}\n"
        "  left: nothing landed\n"
        f"  next: landfall land bike_demand/forecast {path}    (that feed's columns are all there)"
    )


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER + ",cnt")
    assert refusal(path) == (
        "File `a.csv` has column `cnt` twice.\n"
        f"  looked: {path}:1: {HEADER.replace(',', ', ')}, cnt\n"
        "  left: nothing landed\n"
        f"  next: rename one of them, then: landfall land bike_demand/actuals {path}"
    )


def test_no_rows_in_the_asked_range_says_what_there_is(hours: Path) -> None:
    assert refusal(hours, first=Partition.parse("2012-01-01"), last=Partition.parse("2012-01-31")) == (
        "File `hours.csv` has no rows from 2012-01-01 until 2012-01-31.\n"
        f"  looked: {hours}: it has 2011-01-01 to 2011-01-03\n"
        "  left: nothing landed\n"
        f"  next: landfall land bike_demand/actuals {hours} --from 2011-01-01 --until 2011-01-03"
    )


def test_a_range_the_wrong_way_round_is_refused(hours: Path) -> None:
    assert refusal(hours, first=Partition.parse("2012-01-01"), last=Partition.parse("2011-01-31")) == (
        "--from 2012-01-01 is after --until 2011-01-31.\n"
        "  looked: the options\n"
        "  left: nothing landed\n"
        f"  next: landfall land bike_demand/actuals {hours}"
    )


@pytest.mark.parametrize("day", ["9999-12-31", "2200-01-01", "1969-12-31"])
def test_a_day_that_cannot_be_a_partition_is_found_before_anything_lands(tmp_path: Path, day: str) -> None:
    path = write(tmp_path / "a.csv", HEADER, row(DAYS[0]), row(day))
    assert refusal(path) == (
        f"File `a.csv` has `{day}` in column `dteday`, which is not a day.\n"
        f"  looked: {path}:3: expected a day from 1970-01-01 to 2199-12-31\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land bike_demand/actuals {path}"
    )


@pytest.mark.parametrize("day", ["2011-02-30", "1/1/2011", "2011-01-01 00:00:00", ""])
def test_a_bad_date_is_found_before_anything_lands(tmp_path: Path, day: str) -> None:
    path = write(tmp_path / "a.csv", HEADER, row(DAYS[0]), row(day))
    assert refusal(path) == (
        f"File `a.csv` has `{day}` in column `dteday`, which is not a day.\n"
        f"  looked: {path}:3: expected a day written YYYY-MM-DD, such as 2012-12-25\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land bike_demand/actuals {path}"
    )


def test_a_row_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER, row(DAYS[0]), row(DAYS[1]).removesuffix(",13,16"))
    assert refusal(path) == (
        "File `a.csv` has a row of 15 values under a header of 17 columns.\n"
        f"  looked: {path}:3: the row is cut off, or a value holds a comma without quotes\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land bike_demand/actuals {path}"
    )


def test_a_quote_that_never_closes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER, row(DAYS[0]) + ',"never', row(DAYS[1]))
    assert refusal(path) == (
        "File `a.csv` is not well-formed CSV.\n"
        f"  looked: {path}:3: unexpected end of data\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land bike_demand/actuals {path}"
    )


def test_a_file_that_is_not_utf8_names_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER},note\n{row(DAYS[0])},Zürich\n".encode("cp1252"))
    assert refusal(path) == (
        "File `a.csv` is not UTF-8; it may be cp1252.\n"
        f"  looked: {path}:2: byte 0xfc at column {len(row(DAYS[0])) + 3}\n"
        "  left: nothing landed\n"
        f"  next: < {path} iconv -f cp1252 -t utf-8 > {tmp_path}/a.utf8.csv"
        f" && landfall land bike_demand/actuals {tmp_path}/a.utf8.csv"
    )


def test_utf16_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a b.csv"
    path.write_text(HEADER, encoding="utf-16")
    assert refusal(path) == (
        "File `a b.csv` is not UTF-8; it may be utf-16.\n"
        f"  looked: {path}:1: byte 0xff at column 1\n"
        "  left: nothing landed\n"
        f"  next: < '{path}' iconv -f utf-16 -t utf-8 > '{tmp_path}/a b.utf8.csv'"
        f" && landfall land bike_demand/actuals '{tmp_path}/a b.utf8.csv'"
    )


def test_gzip_named_csv_is_refused_with_its_right_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(HEADER.encode()))
    assert refusal(path) == (
        "File `a.csv` is gzip, but its name does not end in .gz.\n"
        f"  looked: {path}: begins with 1f 8b\n"
        "  left: nothing landed\n"
        f"  next: mv {path} {path}.gz && landfall land bike_demand/actuals {path}.gz"
    )


def test_text_named_gz_is_refused_with_its_right_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", HEADER)
    assert refusal(path) == (
        "File `a.csv.gz` is not gzip, but its name ends in .gz.\n"
        f"  looked: {path}: does not begin with 1f 8b\n"
        "  left: nothing landed\n"
        f"  next: mv {path} {tmp_path}/a.csv && landfall land bike_demand/actuals {tmp_path}/a.csv"
    )


def test_a_cut_off_gzip_is_refused_with_nothing_landed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *(row(day) for day in DAYS)]).encode())[:-6])
    assert refusal(path) == (
        "File `a.csv.gz` is not whole gzip.\n"
        f"  looked: {path}: Compressed file ended before the end-of-stream marker was reached\n"
        "  left: nothing landed\n"
        f"  next: gzip --test {path}    (then fetch the file again)"
    )


def test_a_zip_archive_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "hour.csv"
    path.write_bytes(b"PK\x03\x04 and so on")
    assert refusal(path) == (
        "File `hour.csv` is a zip archive, not CSV.\n"
        f"  looked: {path}: begins with `PK`\n"
        "  left: nothing landed\n"
        f"  next: unzip {path}, then: landfall land bike_demand/actuals FILE.csv"
    )


def test_a_day_larger_than_an_object_may_be_is_refused(hours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_source(ACTUALS, hours) as source:
        landing = source.feed.landing
    monkeypatch.setitem(vars(landing), "max_object_bytes", 100)
    size = len(HEADER) + 2 * len(row(DAYS[0])) + 3
    assert refusal(hours) == (
        "The rows of 2011-01-01 in file `hours.csv` are too many for one object.\n"
        f"  looked: 2 rows, {size} bytes; at most 100 (Landing.max_object_bytes)\n"
        "  left: nothing landed\n"
        f"  next: landfall land bike_demand/actuals {hours} --from DAY --until DAY    (the other days)"
    )


def test_a_hundred_megabytes_in_one_line_are_refused_before_they_are_held(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(b"".join([packer.compress(f"{HEADER}\n".encode()), *(packer.compress(b"a" * 10**6) for _ in range(120)),
                               packer.flush()]))  # fmt: skip
    tracemalloc.start()
    told = refusal(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told == (
        "File `bomb.csv.gz` has a line of more than 65,536 characters.\n"
        f"  looked: {path}:2: '{'a' * 40}'... (Contract.max_line_bytes)\n"
        "  left: nothing landed\n"
        f"  next: correct that line, then: landfall land bike_demand/actuals {path}"
    )
    assert most < 10**7


def test_a_day_without_end_is_refused_before_it_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv", HEADER, *[row(DAYS[0])] * 40)
    monkeypatch.setattr("landfall.landing.by_hand.split._ROWS_IN_MEMORY", 10)
    with open_source(ACTUALS, path) as source:
        monkeypatch.setitem(vars(source.feed.landing), "max_object_bytes", len(HEADER) + 15 * (len(row(DAYS[0])) + 1))
    told = refusal(path)
    assert told.startswith("The rows of 2011-01-01 in file `a.csv` are too many for one object.\n  looked: 20 rows, ")


def test_an_unknown_feed_names_the_nearest(hours: Path) -> None:
    with pytest.raises(SpecError) as refused:
        land(Memory(), "landfall", "bike_demand/actual", hours)
    assert str(refused.value) == (
        "There is no feed of `bike_demand` `actual`. Did you mean `actuals`?\n  looked: known: actuals, forecast"
    )


def test_a_store_that_stops_in_the_middle_leaves_an_exact_account(hours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfall.landing.by_hand.split.CONNECTIONS", 1)
    store = Memory(puts=1)
    with pytest.raises(LandingError) as stopped:
        land(store, "landfall", ACTUALS, hours)
    assert list(store.objects) == ["bike_sharing/actuals/dt=2011-01-01/hours.csv"]
    assert str(stopped.value) == (
        "Landing file `hours.csv` stopped after 1 of 3 partitions: the object store does not answer.\n"
        "  looked: bucket `landfall` at http://127.0.0.1:9000 (ConnectTimeoutError)\n"
        "  left: landed: 2011-01-01; not landed: 2011-01-02..2011-01-03; landing again overwrites\n"
        "  next: landfall ps"
    )


def test_an_interrupted_landing_leaves_an_exact_account(hours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfall.landing.by_hand.split.CONNECTIONS", 1)

    def interrupt(stage: str, done: int, _: int) -> None:
        if stage == "landing":
            raise KeyboardInterrupt

    store = Memory()
    with pytest.raises(LandingError) as stopped:
        land(store, "landfall", ACTUALS, hours, report=interrupt)
    done = len(store.objects)
    assert f"stopped after {done} of 3 partitions: interrupted." in str(stopped.value)
    assert f"next: landfall land bike_demand/actuals {hours}" in str(stopped.value)
