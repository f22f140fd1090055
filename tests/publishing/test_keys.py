"""The key of a lookup, as people and applications write it. No server."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfall.errors import PublishingError
from landfall.pipelines.bike_demand import PREDICTIONS
from landfall.publishing import Fingerprint, parse_key
from landfall.spec import PredictionTable

NOON = datetime(2012, 12, 25, 12, tzinfo=UTC)
TYPES = PredictionTable(
    name="predictions.types",
    columns={"n": "bigint", "x": "double precision", "t": "text", "time": "timestamptz"},
    key=("n", "x", "t", "time"),
)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=OFFSETS)


def time_of(text):
    return parse_key(PREDICTIONS, {"city": "a", "state": "b", "time": text})["time"]


@pytest.mark.parametrize(
    "text",
    [
        "1356436800000",
        "2012-12-25T12:00",
        "2012-12-25 12:00:00",
        "2012-12-25T12:00:00Z",
        "2012-12-25T07:00:00-05:00",
        "20121225T120000",
        1356436800000,
        NOON,
    ],
)
def test_one_moment_may_be_written_in_many_ways(text):
    assert time_of(text) == NOON
    assert time_of(text).tzinfo is UTC


@settings(deadline=None)
@given(MOMENTS)
def test_iso_8601_round_trips(moment):
    assert time_of(moment.isoformat()) == moment


@settings(deadline=None)
@given(st.integers(-62135596800000, 253402300799999))
def test_epoch_milliseconds_round_trip(milliseconds):
    moment = time_of(str(milliseconds))
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1) == milliseconds


@settings(deadline=None)
@given(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")),
)
def test_every_type_round_trips_through_text(n, x, t):
    wanted = parse_key(TYPES, {"time": "2012-12-25", "t": t, "x": repr(x), "n": str(n)})
    assert list(wanted.items()) == [("n", n), ("x", x), ("t", t), ("time", NOON.replace(hour=0))]


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_time_or_a_clear_error(text):
    told = ""
    try:
        moment = time_of(text)
    except PublishingError as error:
        told = error.what
    assert told == f"The key column `time` cannot be {text!r}." or moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2012-13-01", "1e12", "9" * 30, "0001-01-01T00:00+14:00", "١٢", "NaN", " 7"]
)
def test_a_bad_time_says_what_is_expected(text):
    with pytest.raises(PublishingError) as caught:
        time_of(text)
    assert str(caught.value) == (
        f"The key column `time` cannot be {text!r}.\n"
        "  looked: expected epoch milliseconds (1356436800000) "
        "or ISO 8601 (2012-12-25T12:00, UTC where no offset is given)"
    )


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("n", "1.5"),
        ("n", str(2**63)),
        ("n", "1_0"),
        ("x", "nan"),
        ("x", "inf"),
        ("x", ""),
        ("t", "a\0b"),
        ("t", "\udc80"),
    ],
)
def test_a_value_of_another_type_is_refused(column, text):
    with pytest.raises(PublishingError, match=f"^The key column `{column}` cannot be "):
        parse_key(TYPES, {"n": "1", "x": "1", "t": "", "time": "0", column: text})


def test_an_unknown_column_is_named_with_its_nearest():
    with pytest.raises(PublishingError) as caught:
        parse_key(PREDICTIONS, {"cty": "Washington", "state": "D.C.", "time": "0"})
    assert str(caught.value) == (
        "There is no key column of `predictions.bike_demand` `cty`. Did you mean `city`?\n"
        "  looked: the key is city, state, time\n"
        "  next: give city=CITY state=D.C. time=0"
    )


def test_missing_columns_are_named():
    with pytest.raises(PublishingError) as caught:
        parse_key(PREDICTIONS, {"city": "Washington"})
    assert str(caught.value) == (
        "The key of `predictions.bike_demand` is incomplete: `state`, `time` is missing.\n"
        "  looked: the key is city, state, time\n"
        "  next: give city=Washington state=STATE time=2012-12-25T12:00"
    )
    with pytest.raises(PublishingError) as caught:
        parse_key(PREDICTIONS, {"city": "New York", "time": "0"})
    assert caught.value.next == "give city='New York' state=STATE time=0"


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text()), st.text(), st.randoms())
def test_a_fingerprint_does_not_depend_on_the_order_of_its_objects(objects, version, random):
    shuffled = list(objects.items())
    random.shuffle(shuffled)
    one, two = (
        Fingerprint(objects=dict(o), code_version="c", model_version=version, contract="1") for o in (objects, shuffled)
    )
    assert one.digest == two.digest


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text(), min_size=1), st.text())
def test_another_etag_is_another_fingerprint(objects, etag):
    changed = {**objects, next(iter(objects)): etag}
    one, two = (Fingerprint(objects=o, code_version="c", model_version="1", contract="1") for o in (objects, changed))
    assert (one.digest == two.digest) == (objects == changed)
