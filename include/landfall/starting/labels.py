"""Infers how the column to predict can be learnt, and from which columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from landfall.errors import SpecError
from landfall.starting.columns import InferredColumn, counts
from landfall.starting.times import When

MOST_CLASSES = 20
"""The largest number of classes: whole numbers with more values are amounts."""


@dataclass(frozen=True)
class Label:
    """The column to predict.

    Args:
        name: Its name.
        task: How it is learnt.
        why: The reason for the task, in words.
        features: The columns to learn from.
        left_out: Column -> why it is not learnt from.
    """

    name: str
    task: Literal["regression", "classification"]
    why: str
    features: tuple[str, ...]
    left_out: dict[str, str]


def infer_label(columns: Sequence[InferredColumn], name: str, when: When, key: Sequence[str]) -> Label:
    """How the column `name` is learnt, from the numbers and the true-or-false columns of the sample.

    Raises:
        SpecError: there is no such column, it is no number, it has gaps or a single value, or there is nothing to learn from.
    """
    named = {one.name: one for one in columns}
    if name not in named:
        raise SpecError.unknown("column", name, list(named), next="--label with one of these")
    label = named[name]
    problem = _problem(label, when, key)
    if problem:
        raise SpecError(
            f"`{name}` cannot be the label.",
            looked=problem,
            left="nothing was written",
            next="--label with a number that is always known, or write classes as 0, 1, 2 ... in the file",
        )
    left_out: dict[str, str] = {}
    for one in columns:
        if one.name != name and (reason := _not_learnt(one, when, key)):
            left_out[one.name] = reason
    features = tuple(one.name for one in columns if one.name != name and one.name not in left_out)
    if not features and when.kind != "timestamp":
        looked = "; ".join(f"{column}: {why}" for column, why in left_out.items()) or "no other column"
        raise SpecError(f"There is nothing to learn `{name}` from.", looked=looked, left="nothing was written")
    task, why = _task(label)
    return Label(name, task, why, features, left_out)


def _problem(label: InferredColumn, when: When, key: Sequence[str]) -> str:
    if label.name in (when.column, when.hour, *key):
        return "it says when a row happened, or is part of the key"
    if label.column.type not in ("bigint", "double", "boolean"):
        return f"its type is {label.column.type}: {label.why}"
    if label.column.nullable:
        return "rows without a value"
    if len(set(label.texts)) == 1:
        return f"always {label.texts[0]} in the sample"
    return ""


def _not_learnt(one: InferredColumn, when: When, key: Sequence[str]) -> str:
    if one.column.type not in ("bigint", "double", "boolean"):
        return f"it holds {'text' if one.column.type == 'string' else one.column.type + 's'}"
    if one.column.nullable:
        return "it has gaps"
    if one.name in key and one.name != when.hour:
        return "it identifies a row"
    if one.column.type == "bigint" and counts(one):
        return "it names or counts rows"
    return ""


def _task(label: InferredColumn) -> tuple[Literal["regression", "classification"], str]:
    if label.column.type == "boolean":
        return "classification", "it is true or false"
    values = set(label.texts)
    classes = {str(number) for number in range(min(len(values), MOST_CLASSES))}
    if label.column.type == "bigint" and values == classes:
        return "classification", f"its values are the classes 0 to {len(values) - 1}"
    return "regression", "it is an amount"
