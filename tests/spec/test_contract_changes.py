"""What changed between two contracts, in words: one case for each kind of change."""

from dataclasses import replace
from typing import Any

import pytest

from landfall.spec import Column, Contract, References
from landfall.spec.contract_changes import contract_changes

HUM = Column(name="hum", type="int", minimum=0, maximum=100)
DAY, NOTE = Column(name="day", type="date"), Column(name="note", type="string", nullable=True)
BEFORE = Contract(columns=(DAY, HUM, NOTE), key=("day",), partition_by="day")
TABLE = References(table="features.stations", column="id")


def hum(**fields: Any) -> Contract:
    return replace(BEFORE, columns=(DAY, replace(HUM, **fields), NOTE))


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (BEFORE, ()),
        (hum(maximum=110), ("column `hum`: upper bound 100 -> 110",)),
        (hum(minimum=None, maximum=99.5), ("column `hum`: lower bound 0 -> none", "column `hum`: upper bound 100 -> 99.5")),
        (hum(type="bigint"), ("column `hum`: type int -> bigint",)),
        (hum(nullable=True), ("column `hum`: nullable now",)),
        (hum(unique=True), ("column `hum`: unique now",)),
        (hum(references=TABLE), ("column `hum`: must be in none -> features.stations.id",)),
        (hum(name="humidity", renamed_from="hum"), ("column `hum` is called `humidity`",)),
        (
            hum(name="humidity", renamed_from="hum", maximum=110),
            ("column `hum` is called `humidity`", "column `humidity`: upper bound 100 -> 110"),
        ),
        (replace(BEFORE, columns=(DAY, HUM)), ("column `note` is gone",)),
        (replace(BEFORE, columns=(DAY, HUM, replace(NOTE, nullable=False))), ("column `note`: no longer nullable",)),
        (
            replace(BEFORE, columns=(DAY, HUM, replace(NOTE, allowed=tuple("abcdefghijklmnopqrstuvwxyz")))),
            (f"column `note`: allowed values () -> ({', '.join('abcdefghijklmnopqrst')},...",),
        ),
        (
            replace(BEFORE, columns=(*BEFORE.columns, Column(name="x", type="int"), replace(NOTE, name="y"))),
            ("column `x` is new", "column `y` is new, nullable"),
        ),
        (replace(BEFORE, columns=(HUM, DAY, NOTE)), ("the order of the columns",)),
        (
            replace(BEFORE, key=("day", "hum"), max_bad_share=0.25, partition_by=""),
            ("key (day) -> (day, hum)", "partition_by day -> none", "share of bad rows that is allowed 0.1 -> 0.25"),
        ),
    ],
)  # fmt: skip
def test_each_change_is_named(after: Contract, words: tuple[str, ...]) -> None:
    assert contract_changes(BEFORE, after) == words
    assert bool(words) == (after.version != BEFORE.version)
