"""What is different between two contracts, in words for a person."""

from collections.abc import Iterator
from dataclasses import fields

from landfall.spec.column import Column
from landfall.spec.contract import Contract

_WORDS = {
    "minimum": "lower bound",
    "maximum": "upper bound",
    "allowed": "allowed values",
    "references": "must be in",
    "max_bad_share": "share of bad rows that is allowed",
    "max_bytes": "largest object in bytes",
    "max_line_bytes": "longest line in bytes",
}
"""The words for a field of a column or of a contract; other fields have their own names."""
LONG = 60
"""Longer values, such as many allowed texts, are cut."""


def contract_changes(before: Contract, after: Contract) -> tuple[str, ...]:
    """Each difference from `before` to `after`, such as "column `hum`: upper bound 100 -> 110". Empty if there is none.

    A column that `after` calls by another name (`Column.renamed_from`) is one column with a new name.
    """
    old = {column.name: column for column in before.columns}
    there = {_name_before(column, old) for column in after.columns}
    gone = [f"column `{name}` is gone" for name in old if name not in there]
    columns = [words for column in after.columns for words in _of_column(old, column)]
    rest = [
        f"{_WORDS.get(field.name, field.name)} {_shown(was)} -> {_shown(is_now)}"
        for field in fields(Contract)
        if field.name != "columns" and (was := getattr(before, field.name)) != (is_now := getattr(after, field.name))
    ]
    same = not (gone or columns or rest) and before.names != after.names
    return (*columns, *gone, *rest, *(("the order of the columns",) if same else ()))


def _name_before(column: Column, old: dict[str, Column]) -> str:
    return column.name if column.name in old or column.renamed_from not in old else column.renamed_from


def _of_column(old: dict[str, Column], column: Column) -> Iterator[str]:
    name = _name_before(column, old)
    if name not in old:
        yield f"column `{column.name}` is new" + (", nullable" if column.nullable else "")
        return
    if name != column.name:
        yield f"column `{name}` is called `{column.name}`"
    for field in fields(Column):
        was, is_now = getattr(old[name], field.name), getattr(column, field.name)
        if field.name not in ("name", "renamed_from") and was != is_now:
            yield f"column `{column.name}`: {_of_field(field.name, was, is_now)}"


def _of_field(name: str, was: object, is_now: object) -> str:
    if isinstance(is_now, bool):
        return f"{name} now" if is_now else f"no longer {name}"
    return f"{_WORDS.get(name, name)} {_shown(was)} -> {_shown(is_now)}"


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = f"({', '.join(value)})" if isinstance(value, tuple) else str(value)
    return "none" if value in (None, "") else text if len(text) <= LONG else f"{text[:LONG]}..."
