"""The ETL job on rows: what a landed day becomes, and what goes to quarantine. Every case is one day of two calls."""

import gzip
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from landfall.pipelines.bike_demand import FORECAST_HOURS

NAMES = list(FORECAST_HOURS.names)
HR, TEMP, HUM, DATE, INSTANT = (NAMES.index(name) for name in ("hr", "temp", "hum", "dteday", "instant"))
GOOD, REORDERED, GZIP, RAGGED, TEXT, NAN, TWICE, SHORT, LONG, STRANGER, BARE, HALF, CORRUPT = (
    f"2012-06-{day:02}" for day in range(1, 14)
)
Rows = list[list[str]]


@dataclass(frozen=True)
class Outcome:
    """What two calls left: their reports, and the tables by day."""

    first: dict[str, Any]
    second: dict[str, Any]
    before: dict[str, list[Any]]
    features: dict[str, list[Any]]
    quarantine: dict[str, list[Any]]
    sources: dict[str, str]

    def reasons(self, day: str) -> list[list[str]]:
        return [row.reasons for row in self.quarantine[day]]


def with_value(rows: Rows, column: int, *values: str) -> Rows:
    """The rows, of which the first ones have other values in one column."""
    changed = [[*row] for row in rows]
    for row, value in zip(changed, values, strict=False):
        row[column] = value
    return changed


def contents(corner: Any) -> dict[str, bytes]:
    """The second file of every day."""
    rows = {day: corner.rows_of(day) for day in (GOOD, REORDERED, RAGGED, TEXT, NAN, TWICE, SHORT, LONG)}
    rows |= {day: corner.rows_of(day) for day in (GZIP, STRANGER, HALF, CORRUPT)}
    order = sorted(range(len(NAMES)), key=lambda n: NAMES[n], reverse=True)
    turned = corner.csv([[row[n] for n in order] for row in rows[REORDERED]], [NAMES[n] for n in order])
    ragged = [rows[RAGGED][0][:-2], [*rows[RAGGED][1], "7"], *rows[RAGGED][2:]]
    nan = with_value(with_value(rows[NAN], TEMP, "NaN"), HUM, rows[NAN][0][HUM], "inf")
    late = [*rows[LONG][0][:HR], "24", *rows[LONG][0][HR + 1 :]]
    return {
        GOOD: corner.csv(rows[GOOD]),
        REORDERED: turned,
        GZIP: gzip.compress(corner.csv(rows[GZIP])),
        RAGGED: corner.csv(ragged),
        TEXT: corner.csv(with_value(with_value(rows[TEXT], TEMP, "mild"), HR, rows[TEXT][0][HR], "7.5")),
        NAN: corner.csv(nan),
        TWICE: corner.csv([*rows[TWICE], rows[TWICE][3], with_value(rows[TWICE], TEMP, "0.99")[0]]),
        SHORT: corner.csv(rows[SHORT][:-1]),
        LONG: corner.csv([*rows[LONG], late]),
        STRANGER: corner.csv(with_value(rows[STRANGER], DATE, "2012-06-11")),
        BARE: corner.csv([]),
        HALF: corner.csv(with_value(rows[HALF], TEMP, *["mild"] * 12)),
        CORRUPT: corner.csv(with_value(rows[CORRUPT], INSTANT, "x7", "")),
    }


def by_day(frame: Any) -> dict[str, list[Any]]:
    days: dict[str, list[Any]] = defaultdict(list)
    for row in frame.collect():
        days[str(row.dt)].append(row)
    return days


@pytest.fixture(scope="module")
def outcome(corner: Any) -> Outcome:
    """Two good days, then all thirteen at once, those two among them."""
    for day in (GOOD, HALF):
        corner.land(day)
    first = corner.run(f"{GOOD},{HALF}")
    before = by_day(corner.table("features").orderBy("time"))
    names = {GZIP: "hours.csv.gz"}
    sources = {day: corner.land(day, body, names.get(day, "hours.csv")) for day, body in contents(corner).items()}
    second = corner.run(f"{GOOD}..{CORRUPT}")
    features = by_day(corner.table("features").orderBy("time"))
    quarantine = by_day(corner.table("quarantine").orderBy("source", "row"))
    return Outcome(first, second, before, features, quarantine, sources)


def test_the_report_counts_kept_and_quarantined_rows(outcome: Outcome) -> None:
    kept = {GOOD: 24, REORDERED: 24, GZIP: 24, RAGGED: 22, TEXT: 22, NAN: 22, TWICE: 24, SHORT: 23, LONG: 24}
    kept |= {STRANGER: 23, CORRUPT: 22}
    assert {day: len(rows) for day, rows in outcome.features.items()} == {**kept, HALF: 24}
    days = {GOOD: (24, 0), HALF: (24, 0)}
    assert outcome.first == {"rows": 48, "quarantined": 0, "partitions": days, "refused": []}
    bad = {day: len(rows) for day, rows in outcome.quarantine.items()}
    assert outcome.second == {
        "rows": sum(kept.values()),
        "quarantined": sum(bad.values()),
        "partitions": {HALF: (12, 12), **{day: (rows, bad.get(day, 0)) for day, rows in kept.items()}},
        "refused": [
            {
                "partition": HALF,
                "rows": 12,
                "quarantined": 12,
                "reasons": {"temp is not a number": (12, "temp is not a number (mild)")},
            }
        ],
    }


def test_a_good_day_is_one_row_an_hour(outcome: Outcome, corner: Any) -> None:
    rows, landed = outcome.features[GOOD], corner.rows_of(GOOD)
    assert [row.time.replace(tzinfo=UTC) for row in rows] == [datetime(2012, 6, 1, n, tzinfo=UTC) for n in range(24)]
    assert {(row.city, row.state, row.source) for row in rows} == {("Washington", "D.C.", outcome.sources[GOOD])}
    assert [row.temp for row in rows] == [float(row[TEMP]) for row in landed]
    assert [row.hour_of_daytype for row in rows] == [24 + n for n in range(24)]
    assert GOOD not in outcome.quarantine


def test_a_rerun_gives_the_same_rows_and_none_twice(outcome: Outcome) -> None:
    assert outcome.features[GOOD] == outcome.before[GOOD]


@pytest.mark.parametrize("day", [REORDERED, GZIP])
def test_order_of_columns_and_packing_do_not_change_values(outcome: Outcome, corner: Any, day: str) -> None:
    names = [name for name in NAMES if name not in ("dteday", "instant")]
    typed = [[float(row[NAMES.index(name)]) for name in names] for row in corner.rows_of(day)]
    assert [[float(row[name]) for name in names] for row in outcome.features[day]] == typed
    assert day not in outcome.quarantine


def test_a_ragged_row_is_quarantined_and_the_others_are_kept(outcome: Outcome) -> None:
    assert sorted(outcome.reasons(RAGGED), key=len) == [
        ["the row has not 14 fields"],
        ["the row has not 14 fields", "hum is not a number (empty)", "windspeed is not a number (empty)"],
    ]
    assert [row.time.hour for row in outcome.features[RAGGED]] == list(range(2, 24))


def test_text_in_a_number_is_quarantined_with_its_text(outcome: Outcome) -> None:
    assert sorted(outcome.reasons(TEXT)) == [["hr is not a whole number (7.5)"], ["temp is not a number (mild)"]]


def test_nan_and_infinity_are_no_numbers(outcome: Outcome) -> None:
    assert sorted(outcome.reasons(NAN)) == [["hum is not a number (inf)"], ["temp is not a number (NaN)"]]


def test_of_two_rows_of_one_hour_the_first_is_kept(outcome: Outcome, corner: Any) -> None:
    assert sorted(outcome.reasons(TWICE)) == [
        ["dteday, hr is there twice (2012-06-07, 0)"],
        ["dteday, hr is there twice (2012-06-07, 3)"],
    ]
    assert outcome.features[TWICE][0].temp == float(corner.rows_of(TWICE)[0][TEMP])


def test_a_day_of_23_hours_has_no_24th(outcome: Outcome) -> None:
    assert [row.time.hour for row in outcome.features[SHORT]] == list(range(23))
    assert SHORT not in outcome.quarantine


def test_a_25th_hour_is_quarantined(outcome: Outcome) -> None:
    assert outcome.reasons(LONG) == [["hr is outside 0..23 (24)"]]
    assert [row.time.hour for row in outcome.features[LONG]] == list(range(24))


def test_a_row_of_another_day_is_quarantined_and_leaves_that_day_alone(outcome: Outcome) -> None:
    assert outcome.reasons(STRANGER) == [["dteday is not the partition's day (2012-06-11)"]]
    assert BARE not in outcome.features


def test_a_header_without_rows_is_no_day(outcome: Outcome) -> None:
    assert BARE not in outcome.features
    assert BARE not in outcome.quarantine


def test_too_many_bad_rows_leave_the_features_as_they_were(outcome: Outcome) -> None:
    assert outcome.features[HALF] == outcome.before[HALF]
    assert outcome.reasons(HALF) == [["temp is not a number (mild)"]] * 12


def test_quarantine_names_the_object_and_keeps_the_row_as_it_came(outcome: Outcome) -> None:
    for day, rows in outcome.quarantine.items():
        assert {row.source for row in rows} == {outcome.sources[day]}
        assert all(row.reasons for row in rows)
    assert sorted(outcome.reasons(CORRUPT)) == [
        ["instant is not a whole number (empty)"],
        ["instant is not a whole number (x7)"],
    ]
    assert any('"instant":"x7","dteday":"2012-06-13"' in row.row for row in outcome.quarantine[CORRUPT])
