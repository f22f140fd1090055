"""Looks at a CSV sample: delimiter, header, decimal point."""

import csv
import io
import re
from pathlib import Path

from landfall.spec import Csv
from landfall.starting.sample import MOST_ROWS, Sample, SampleColumn, read_text, refused

DELIMITERS = (",", ";", "\t", "|")
_TRIED_LINES = 100
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+")


def read(path: Path) -> Sample:
    """The sample at `path`.

    Each delimiter is tried on the first lines; the one that gives all of them the same number of values, and the most, is
    taken. (The standard library's Sniffer also takes letters for delimiters.)

    Raises:
        SpecError: no delimiter gives rows of equal width, or the file is not text.
    """
    text, encoding, whole = read_text(path)
    delimiter = _delimiter(path, text)
    rows, whole = _rows(path, text, delimiter, whole=whole)
    header = not any(not name.strip() or _NUMBER.fullmatch(name.strip()) for name in rows[0])
    header = header and len(set(rows[0])) == len(rows[0])
    names = [name.strip() for name in rows[0]] if header else [f"column_{number + 1}" for number in range(len(rows[0]))]
    values = rows[1:] if header else rows
    decimal = "," if delimiter != "," and _decimal_commas(values) else "."
    columns = tuple(
        SampleColumn(name, tuple(_text(row[position], decimal) for row in values))
        for position, name in enumerate(names)
    )
    dialect = Csv(delimiter=delimiter, encoding=encoding, header=header, decimal=decimal)
    remarks = {
        f"it is not UTF-8, and was read as {encoding}": encoding != "utf-8",
        f"its values are separated by {delimiter!r}": delimiter != ",",
        "its numbers have a decimal comma": decimal == ",",
        "its first line names no columns, so these are called column_1 and so on": not header,
    }
    noticed = tuple(remark for remark, holds in remarks.items() if holds)
    return Sample(path, dialect, columns, len(values), whole, {}, noticed)


def _delimiter(path: Path, text: str) -> str:
    lines = [line for line in text.splitlines()[:_TRIED_LINES] if line]
    if not lines:
        raise refused(path, "has no line with a value", looked=str(path))
    widths = {}
    for delimiter in DELIMITERS:
        found = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
        if len(found) == 1 and (width := found.pop()) > 1:
            widths[delimiter] = width
    if widths:
        return max(widths, key=lambda delimiter: widths[delimiter])
    if not any(delimiter in lines[0] for delimiter in DELIMITERS):
        return ","  # one column
    raise refused(
        path,
        "has rows of different widths",
        looked=f"tried commas, semicolons, tabs and bars on its first {len(lines)} lines",
        next="quote the values that hold the delimiter, or take a file without lines before its header",
    )


def _rows(path: Path, text: str, delimiter: str, *, whole: bool) -> tuple[list[list[str]], bool]:
    """The first rows, the header among them, and True if there are no others."""
    lines, rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), list[list[str]]()
    try:
        for row in lines:
            if not row:
                continue
            if len(rows) > MOST_ROWS:
                return rows, False
            if rows and len(row) != len(rows[0]):
                raise refused(
                    path,
                    f"has a row of {len(row)} values under a first row of {len(rows[0])}",
                    looked=f"{path}:{lines.line_num}",
                    next="correct that line",
                )
            rows.append(row)
    except csv.Error as error:
        raise refused(path, "is not well-formed CSV", looked=f"{path}:{lines.line_num}: {error}") from error
    return rows, whole


def _decimal_commas(rows: list[list[str]]) -> bool:
    """True if some column has numbers with a comma, and none with a point."""
    for column in zip(*rows[:_TRIED_LINES], strict=True):
        values = [value.strip() for value in column if value.strip()]
        numbers = values and all(_NUMBER.fullmatch(value) and "." not in value for value in values)
        if numbers and any(_COMMA_NUMBER.fullmatch(value) for value in values):
            return True
    return False


def _text(value: str, decimal: str) -> str | None:
    """The value as it is judged: without space around it, with a decimal point; None if it is empty."""
    stripped = value.strip()
    if decimal == "," and _COMMA_NUMBER.fullmatch(stripped):
        return stripped.replace(",", ".")
    return stripped or None
