"""Numbers and times as a person reads them, and text from outside made harmless."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.reporting import words

NOON = datetime(2014, 4, 1, 12, tzinfo=UTC)


@given(st.text(), st.integers(2, 50))
def test_text_from_outside_is_one_short_line_without_control_characters(text, longest):
    cleaned = words.clean(text, longest)

    assert len(cleaned) <= longest
    assert not {unicodedata.category(each) for each in cleaned} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(cleaned) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200e\u200f\ufeff")
    assert words.clean(cleaned, longest) == cleaned


def test_what_spells_a_word_is_kept():
    assert words.clean("  a\tb\n\u202ec \u0645\u06cc\u200c\u062e  👩‍🚲 ") == "a b c \u0645\u06cc\u200c\u062e 👩‍🚲"


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "–"), (0, "0"), (52.345678, "52.35"), (1234.5, "1,234"), (1234, "1,234"), (0.01234567, "0.01235"),
     (1e-9, "1e-09"), (3e15, "3e+15"), (-4.0, "-4"), (999.96, "1000")],
)  # fmt: skip
def test_a_number_has_four_digits_or_is_whole(value, told):
    assert words.number(value) == told


@pytest.mark.parametrize(
    ("delay", "told"),
    [(timedelta(0), "0 s"), (timedelta(seconds=0.25), "0.2 s"), (timedelta(seconds=90), "90 s"),
     (timedelta(minutes=90), "90 min"), (timedelta(hours=-36), "36 h"), (timedelta(days=3), "3 d"),
     (timedelta(days=1000), "2.7 y"), (timedelta(days=14 * 365.25), "14 y"), (None, "–")],
)  # fmt: skip
def test_a_length_of_time_is_told_in_its_largest_fitting_unit(delay, told):
    assert words.duration(delay) == told


@given(st.timedeltas())
def test_any_length_of_time_can_be_told(delay):
    assert words.duration(delay)


def test_times_are_told_against_others():
    assert words.against_due(timedelta(hours=3)) == "3 h late"
    assert words.against_due(timedelta(hours=-3)) == "3 h early"
    assert words.against_due(timedelta(0)) == "0 s early"
    assert words.against_due(None) == "–"
    assert words.ago(NOON, NOON + timedelta(hours=3)) == "3 h ago"
    assert words.ago(NOON + timedelta(days=3), NOON) == "in 3 d"
    assert (words.clock(NOON), words.clock(None)) == ("2014-04-01 12:00", "–")


def test_counts_and_shares():
    assert [words.count(number, "row") for number in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]
    assert [words.share(*each) for each in ((1, 400), (1, 2), (0, 3), (0, 0))] == ["0.25 %", "50 %", "0 %", "–"]
