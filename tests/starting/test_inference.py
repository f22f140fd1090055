"""What a whole sample says: when its rows happened, what identifies them, and how its label is learnt."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from landfall.errors import SpecError
from landfall.starting.inference import Choices, infer

Write = Callable[[str, str | bytes], Path]
HOURS = "station,at,riders\n" + "".join(
    f"{station},2024-05-{day:02}T{hour:02}:00Z,{hour + day}\n"
    for day in (1, 2, 3)
    for hour in range(24)
    for station in ("north", "south")
)
DAYS = "id,day,hr,x\n" + "".join(f"{n + 7},2024-05-0{1 + n // 24},{n % 24},{n % 5}.5\n" for n in range(48))


def test_a_time_column_says_the_partition_and_is_part_of_the_key(sample: Write) -> None:
    said = infer(sample("hours.csv", HOURS), Choices())

    assert (said.when.column, said.when.calendar.grain, said.when.partitions) == ("at", "day", 3)
    assert (
        said.when.why == "`at` says when a row happened; partitions are days of UTC, because times are 60 minutes apart"
    )
    assert said.key.columns == ("at", "station")


def test_times_seconds_apart_fill_hours(sample: Write) -> None:
    rows = "\n".join(f"2024-05-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z,{n}" for n in range(0, 9000, 5))
    said = infer(sample("quick.csv", f"at,x\n{rows}\n"), Choices())

    assert (said.when.calendar.grain, said.when.partitions) == ("hour", 3)
    assert said.when.why.endswith("partitions are hours of UTC, because times are 5 seconds apart")


def test_a_day_with_an_hour_beside_it_can_be_hours(sample: Write) -> None:
    path = sample("days.csv", DAYS)

    assert infer(path, Choices()).when.hour == ""
    said = infer(path, Choices(grain="hour"))
    assert (said.when.column, said.when.hour, said.when.partitions) == ("day", "hr", 48)
    [hour] = [one.column for one in said.columns if one.name == "hr"]
    assert (hour.type, hour.minimum, hour.maximum) == ("int", 0, 23)


def test_an_identifier_is_the_key_and_measures_never_are(sample: Write) -> None:
    assert infer(sample("days.csv", DAYS), Choices()).key.columns == ("id",)
    measured = infer(sample("measured.csv", "a,b\n1.5,7\n2.5,3\n3.5,9\n"), Choices())
    assert measured.key.columns == ()
    assert measured.key.why == (
        "no columns identify a row (tried: no column is an identifier, a time or a text), so rows are numbered in their partition"
    )


def test_a_label_is_a_class_or_an_amount(sample: Write) -> None:
    path = sample("rows.csv", "x,kind,price,good\n1.5,0,9,true\n2.5,1,7,false\n3.5,0,12,true\n")

    for label, task in (("kind", "classification"), ("price", "regression"), ("good", "classification")):
        said = infer(path, Choices(label=label)).label
        assert said is not None
        assert (said.task, label in said.features) == (task, False)


def test_what_a_model_cannot_learn_from_is_left_out_with_the_reason(sample: Write) -> None:
    said = infer(sample("rows.csv", "id,text,gap,x,y\n4,a,1,1.5,9\n9,b,,2.5,7\n6,c,3,3.5,12\n"), Choices(label="y"))

    assert said.label is not None
    assert said.label.features == ("x",)
    assert said.label.left_out == {"id": "it identifies a row", "text": "it holds text", "gap": "it has gaps"}


def test_nested_json_is_read_by_paths_and_lists_are_left_out(sample: Write) -> None:
    lines = '{"at":"2024-01-01T00:00Z","a":{"b":1,"c c":2},"l":[1]}\n{"at":"2024-01-01T01:00Z","a":{"b":3},"l":[]}\n'
    said = infer(sample("rows.jsonl", lines), Choices())

    assert said.format.to_dict() == {"paths": {"a_b": "a.b", "a_c_c": "a.c c"}}
    assert [(one.name, one.column.type, one.column.nullable) for one in said.columns] == [
        ("at", "timestamp", False), ("a_b", "bigint", False), ("a_c_c", "bigint", True),
    ]  # fmt: skip
    assert said.sample.left_out == {"l": "it holds lists"}


def test_dialects_are_seen(sample: Write) -> None:
    said = infer(sample("rows.csv", "Tag;Größe\n2024-01-01;1,5\n2024-01-02;2,5\n".encode("cp1252")), Choices())

    assert said.format.to_dict() == {"delimiter": ";", "decimal": ",", "encoding": "cp1252"}
    assert [one.column.type for one in said.columns] == ["date", "double"]
    bare = infer(sample("bare.csv", "1,2.5\n2,3.5\n"), Choices())
    assert bare.format.to_dict() == {"header": False}
    assert [one.name for one in bare.columns] == ["column_1", "column_2"]


def test_a_column_called_time_that_does_not_say_when_gets_another_name(sample: Write) -> None:
    said = infer(sample("rows.csv", "time,x\nearly,1.5\nlate,2.5\n"), Choices())

    assert [one.name for one in said.columns] == ["time_value", "x"]
    assert (
        infer(sample("days.csv", "time,x\n2024-01-01,1\n2024-01-02,4\n"), Choices(time="time")).when.column
        == "time_value"
    )


ONE_COLUMN = "a,b\n1,2\n3,4\n"


@pytest.mark.parametrize(
    ("name", "content", "choices", "message"),
    [
        ("x.csv", "", {}, "The sample `x.csv` is empty."),
        ("x.xlsx", "PK", {}, "The sample `x.xlsx` ends in `.xlsx`."),
        ("x.csv", "a,b\n1,2\n", {}, "The sample `x.csv` has 1 row."),
        ("x.csv", "a,b\n", {}, "The sample `x.csv` has 0 rows."),
        ("x.csv", "a,b\n,\n,\n", {}, "The sample `x.csv` has no value in any column."),
        ("x.csv", "a,b\n1,2\n3\n", {}, "The sample `x.csv` has rows of different widths."),
        ("x.csv", b"a,b\n\x00,2\n", {}, "The sample `x.csv` is not text."),
        ("x.csv", "a,b\n1,2\n".encode("utf-16"), {}, "The sample `x.csv` is UTF-16."),
        ("x.csv", b"a,b\n\x81,2\n1,2\n", {}, "The sample `x.csv` is neither UTF-8 nor cp1252."),
        ("x.csv.gz", b"\x1f\x8b\x08\x00", {}, "The sample `x.csv.gz` is not whole gzip."),
        ("x.jsonl", "[1,\n2]\n", {}, "The sample `x.jsonl` is not JSON lines."),
        ("x.jsonl", "7\n8\n", {}, "The sample `x.jsonl` is not JSON lines."),
        ("x.jsonl", '{"a":1}\n{"a"\n', {}, "The sample `x.jsonl` is not JSON lines."),
        ("x.jsonl", b'{"a":"\xe9"}\n{"a":"b"}\n', {}, "The sample `x.jsonl` is not UTF-8."),
        ("x.parquet", "PAR1", {}, "The sample `x.parquet` is not whole Parquet."),
        ("x.csv", ONE_COLUMN, {"label": "c"}, "There is no column `c`."),
        ("x.csv", ONE_COLUMN, {"key": ("aa",)}, "There is no column `aa`. Did you mean `a`?"),
        ("x.csv", ONE_COLUMN, {"time": "a"}, "`a` is no column that says when a row happened."),
        ("x.csv", "a,b\n1,2\n1,4\n", {"key": ("a",)}, "`a` does not identify the rows of the sample."),
        ("x.csv", "a,b\n1,2\n,4\n", {"key": ("a",)}, "`a` cannot be part of a key."),
        ("x.csv", "a,b\nx,2\ny,4\n", {"label": "a"}, "`a` cannot be the label."),
        ("x.csv", "a,b\n1,2\n3,2\n", {"label": "b"}, "`b` cannot be the label."),
        ("x.csv", "a,b\nx,2\ny,4\n", {"label": "b"}, "There is nothing to learn `b` from."),
        (
            "x.csv",
            "d,b\n2024-01-01,2\n2024-01-02,4\n",
            {"grain": "hour"},
            "`d` says days, so partitions cannot be hours.",
        ),
        ("x.csv", "a,A\n1,2\n3,4\n", {}, "The sample has the columns `a` and `A`."),
    ],
)
def test_a_sample_that_cannot_be_used_is_refused(
    sample: Write, name: str, content: str | bytes, choices: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError) as refused:
        infer(sample(name, content), Choices(**choices))  # type: ignore[arg-type]
    assert str(refused.value).splitlines()[0] == message
    assert refused.value.looked


def test_the_whole_message_of_a_refused_sample(sample: Write) -> None:
    path = sample("one.csv", "a,b\n1,2\n")
    with pytest.raises(SpecError) as refused:
        infer(path, Choices())
    assert str(refused.value) == (
        "The sample `one.csv` has 1 row.\n"
        "  looked: types and ranges need at least 2 rows\n"
        "  left: nothing was written\n"
        f"  next: landfall new pipeline NAME --from {path}    (once the file is another)"
    )


def test_a_sample_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path, problem in ((tmp_path / "no.csv", "is not there"), (tmp_path, "is a folder")):
        with pytest.raises(SpecError, match=re.escape(f"The sample `{path.name}` {problem}.")):
            infer(path, Choices())


def test_only_the_beginning_of_a_huge_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n" + b"1.5,2\n3.5,4\n" * 8_000)
        file.truncate(5 * 1024**3)  # sparse: what follows takes no room on the disk, and must not be read

    said = infer(path, Choices())
    assert (said.sample.rows, said.sample.whole) == (10_000, False)
