"""Infers the key of a feed: the smallest set of columns that no two rows of the sample have in common."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from landfall.errors import SpecError
from landfall.starting.columns import ID_WORDS, InferredColumn, counts
from landfall.starting.times import When

TEXT = 3
"""The rank of texts. Alone they identify nothing: names that differ in a sample may be the same later."""
WIDEST = 3
"""The largest number of columns of a key that is searched for."""


@dataclass(frozen=True)
class Key:
    """The columns that identify a row, and why. Empty if no columns do: then a row has a number in its partition."""

    columns: tuple[str, ...]
    why: str


def infer_key(columns: Sequence[InferredColumn], when: When, *, chosen: Sequence[str], label: str) -> Key:
    """The key of the rows.

    Measured numbers identify nothing, although few of them are equal: only identifiers, counters, times, days and texts are
    tried, in this order.

    Args:
        columns: The columns of the sample.
        when: What says the partition of a row.
        chosen: The key if somebody chose one; else empty.
        label: The column to predict, which is unknown when a row is predicted; empty if there is none.

    Raises:
        SpecError: a chosen column does not exist, has gaps, or the chosen columns do not identify the rows of the sample.
    """
    named = {one.name: one for one in columns}
    if chosen:
        _check(named, chosen)
        return Key(tuple(chosen), "as given; no two rows of the sample have the same")
    candidates = sorted(
        (one for one in columns if _may_identify(one, when) and one.name != label), key=lambda one: _rank(one, when)
    )
    for width in range(1, WIDEST + 1):
        for tried in combinations(candidates[:12], width):
            if any(_rank(one, when) < TEXT for one in tried) and _identifies(tried):
                names = tuple(one.name for one in tried)
                return Key(names, "the smallest set of identifying columns that no two rows of the sample share")
    what = ", ".join(one.name for one in candidates) or "no column is an identifier, a time or a text"
    return Key((), f"no columns identify a row (tried: {what}), so rows are numbered in their partition")


def _check(named: dict[str, InferredColumn], chosen: Sequence[str]) -> None:
    for name in chosen:
        if name not in named:
            raise SpecError.unknown("column", name, list(named), next="--key with one of these")
        if named[name].column.nullable:
            raise SpecError(
                f"`{name}` cannot be part of a key.",
                looked="rows without a value",
                left="nothing was written",
                next="--key with columns without gaps",
            )
    if not _identifies([named[name] for name in chosen]):
        rows = list(zip(*(named[name].texts for name in chosen), strict=True))
        [(twice, _)] = Counter(rows).most_common(1)
        raise SpecError(
            f"`{', '.join(chosen)}` does not identify the rows of the sample.",
            looked=f"several rows have {', '.join(str(value)[:40] for value in twice)}",
            left="nothing was written",
            next="--key with more columns, or without --key",
        )


def _identifies(columns: Sequence[InferredColumn]) -> bool:
    rows = list(zip(*(one.texts for one in columns), strict=True))
    return len(set(rows)) == len(rows)


def _may_identify(one: InferredColumn, when: When) -> bool:
    if one.column.nullable:
        return False
    if one.name in (when.column, when.hour) or one.column.type in ("date", "timestamp", "string"):
        return True
    return one.column.type == "bigint" and counts(one)


def _rank(one: InferredColumn, when: When) -> int:
    """Lower ranks are tried first: identifiers by name, what says the partition, other times and counters, texts."""
    if set(one.words) & set(ID_WORDS[:5]):
        return 0
    if one.name in (when.column, when.hour):
        return 1
    return 2 if one.column.type in ("date", "timestamp", "bigint") else TEXT
