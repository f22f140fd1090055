"""Looks at a sample of JSON lines. Nested objects become columns, which are read by their paths."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from landfall.spec import JsonLines
from landfall.starting.sample import MOST_ROWS, Sample, SampleColumn, read_text, refused

DEEPEST = 6
"""How many names may lead to a value. What lies deeper is left out."""


def read(path: Path) -> Sample:
    """The sample at `path`. The paths of its columns are set when the columns have their names.

    Raises:
        SpecError: a line is no JSON object, or the file is not UTF-8.
    """
    text, encoding, whole = read_text(path)
    if encoding != "utf-8":
        raise refused(path, "is not UTF-8", looked="JSON lines are UTF-8", next=f"iconv -f {encoding} -t utf-8")
    values: dict[str, dict[int, object]] = {}
    left_out: dict[str, str] = {}
    rows = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if rows == MOST_ROWS:
            whole = False
            break
        for name, value in _leaves(_object(path, number, line), left_out):
            values.setdefault(name, {})[rows] = value
        rows += 1
    columns = tuple(
        _column(name, of_rows, rows)
        for name, of_rows in values.items()
        if name not in left_out and not any(name.startswith(f"{out}.") for out in left_out)
    )
    return Sample(path, JsonLines(), columns, rows, whole, left_out)


def _object(path: Path, number: int, line: str) -> Mapping[str, object]:
    try:
        parsed = json.loads(line, parse_constant=str)
    except (ValueError, RecursionError) as error:
        hint = "landfall takes one object a line, not one array" if line.lstrip().startswith("[") else str(error)[:120]
        raise refused(path, "is not JSON lines", looked=f"{path}:{number}: {hint}") from error
    if not isinstance(parsed, dict):
        hint = f"{path}:{number}: {line[:60]!r}; expected one object a line"
        raise refused(path, "is not JSON lines", looked=hint)
    return parsed


def _leaves(
    value: Mapping[str, object], left_out: dict[str, str], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, object]]:
    """The names and the values of an object that are no objects. Lists, and names with a point, are noted as left out."""
    for name, inner in value.items():
        path = ".".join((*above, name))
        if not name or "." in name:
            left_out[path] = "no path can name it"
        elif isinstance(inner, list):
            left_out[path] = "it holds lists"
        elif isinstance(inner, dict):
            if len(above) + 1 == DEEPEST:
                left_out[path] = f"it lies deeper than {DEEPEST} names"
            else:
                yield from _leaves(inner, left_out, (*above, name))
        else:
            yield path, inner


def _column(name: str, of_rows: Mapping[int, object], rows: int) -> SampleColumn:
    texts = tuple(_text(of_rows.get(row)) for row in range(rows))
    kinds = {type(value) for value in of_rows.values() if value is not None}
    only = kinds.pop() if len(kinds) == 1 else None
    if only is str:
        return SampleColumn(name, texts, "text")
    return SampleColumn(name, texts, "boolean" if only is bool else "")


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)
