"""File formats: how a landing declares one, how it is written down, and what is refused."""

import pytest

from landfall.errors import SpecError
from landfall.spec import Column, Contract, Csv, FileFormat, JsonLines, Landing, Parquet
from landfall.spec.file_format import FORMATS, format_from_dict, format_to_dict

FORMS: list[FileFormat] = [
    Csv(),
    Csv(delimiter=";", decimal=",", quote="'", encoding="cp1252", header=False),
    JsonLines(),
    JsonLines(paths={"wind": "weather.wind.speed"}),
    Parquet(),
]


@pytest.mark.parametrize("file_format", FORMS, ids=str)
def test_a_format_is_read_as_it_was_written(file_format: FileFormat) -> None:
    assert format_from_dict(format_to_dict(file_format)) == file_format
    landing = Landing(prefix="a", format=file_format)
    assert Landing.from_json(landing.to_json()) == landing
    assert Landing.from_json(landing.place_json()) == landing


def test_defaults_are_not_written_so_that_a_new_field_changes_no_fingerprint() -> None:
    assert [format_to_dict(known()) for known in FORMATS] == [{"is": "Csv"}, {"is": "JsonLines"}, {"is": "Parquet"}]


def test_a_landing_that_was_written_without_a_format_has_csv_files() -> None:
    old = '{"prefix": "a", "suffixes": [".csv"], "ready": {"is": "OneObject"}, "deadline": null}'
    assert Landing.from_json(old) == Landing(prefix="a", suffixes=(".csv",))
    assert Landing.from_json(old).format == Csv()


@pytest.mark.parametrize(
    ("file_format", "endings"),
    [(Csv(), (".csv", ".csv.gz")), (JsonLines(), (".jsonl", ".jsonl.gz")), (Parquet(), (".parquet",))],
    ids=str,
)
def test_the_endings_are_those_of_the_format(file_format: FileFormat, endings: tuple[str, ...]) -> None:
    assert Landing(prefix="a", format=file_format).suffixes == endings


def test_an_ending_of_another_format_is_refused() -> None:
    with pytest.raises(SpecError) as refused:
        Landing(prefix="a", format=Parquet(), suffixes=(".parquet", ".csv"))
    assert str(refused.value) == (
        "Landing.suffixes has `.csv`, which no object of the format Parquet ends in.\n"
        "  looked: known endings: .parquet\n"
        "  next: leave suffixes out: then they are those of the format"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Csv(delimiter="::"),
            "Csv.delimiter is '::'.\n  looked: expected one character, such as , ; | or a tab",
        ),
        (lambda: Csv(quote="a"), "Csv.quote is 'a'.\n  looked: expected one character, such as , ; | or a tab"),
        (lambda: Csv(decimal="."[::-1] * 2), "Csv.decimal is '..'.\n  looked: expected . or ,"),
        (
            lambda: Csv(decimal=","),
            "Csv.delimiter ',' is also the quote or the decimal point.\n  looked: expected another one",
        ),
        (
            lambda: Csv(encoding="cp1251"),
            "There is no encoding `cp1251`. Did you mean `cp1252`?\n  looked: known: utf-8, iso-8859-1, cp1252",
        ),
        (
            lambda: JsonLines(paths={"x": "a..b"}),
            "JsonLines.paths has `a..b` for the column `x`.\n  looked: expected names: a.b.c",
        ),
        (
            lambda: format_from_dict({"is": "Parket"}),
            "There is no file format `Parket`. Did you mean `Parquet`?\n  looked: known: Csv, JsonLines, Parquet",
        ),
        (
            lambda: format_from_dict({"is": "Csv", "header": "no"}),
            "`{'header': 'no'}` is not a Csv.\n  looked: its fields: delimiter, quote, decimal, encoding, header",
        ),
        (
            lambda: format_from_dict({"is": "Parquet", "x": 1}),
            "`{'x': 1}` is not a Parquet.\n  looked: it has no fields",
        ),
        (
            lambda: format_from_dict({"is": "JsonLines", "path": {}}),
            '`{\'path\': {}}` is not a JsonLines.\n  looked: expected {"paths": {COLUMN: "a.b"}}',
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert str(refused.value) == message


def test_a_format_that_is_not_registered_is_refused() -> None:
    class Own(Parquet):
        """A format that a project has made itself."""

    with pytest.raises(SpecError) as refused:
        Landing(prefix="a", format=Own()).to_json()
    assert str(refused.value) == (
        "The file format `Own` is not registered.\n"
        "  looked: landfall.spec.file_format.FORMATS: Csv, JsonLines, Parquet\n"
        "  next: add its class to FORMATS"
    )


COLUMNS = (Column(name="day", type="date"), Column(name="wind", type="double"))
WINDS = Contract(columns=COLUMNS, key=("day",), partition_by="day")


def test_two_columns_of_one_place_are_refused() -> None:
    with pytest.raises(SpecError) as refused:
        WINDS.check_landing(Landing(prefix="a", format=JsonLines(paths={"wind": "day.wind"})))
    assert str(refused.value) == (
        "JsonLines.paths has `day.wind` for the column `wind`, inside the value of `day`.\n  looked: `day` is at `day`"
    )


def test_the_path_of_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SpecError) as refused:
        WINDS.check_landing(Landing(prefix="a", format=JsonLines(paths={"winds": "a.b"})))
    assert str(refused.value) == "There is no column `winds`. Did you mean `wind`?\n  looked: known: day, wind"
