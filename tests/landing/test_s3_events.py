"""Events of S3, read: whatever comes, nothing raises and every reason can be shown."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from landfall.landing.events.s3_events import LONGEST_KEY, CreatedObject, Ignored, read_event, read_text

WORDS = st.sampled_from(
    ["Records", "body", "Sns", "Message", "Type", "Notification", "Event", "s3:TestEvent", "s3", "bucket", "name", "object",
     "key", "eventName", "ObjectCreated:Put", "detail-type", "Object Created", "detail", "source", "aws.s3", "sequencer"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(WORDS | st.text(), inner) | inner.map(json.dumps),
    max_leaves=12,
)
ANY_TEXT = st.text(st.characters())  # half characters (surrogates) too, as JSON may hold
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda key: len(key.encode()) <= LONGEST_KEY
)


def check(found: CreatedObject | Ignored) -> None:
    """What is promised of everything that was read."""
    if isinstance(found, Ignored):
        assert found.reason.isprintable()
        assert len(found.reason) < 2_000
    else:
        assert found.bucket
        assert 0 < len(found.key.encode()) <= LONGEST_KEY


@given(ANY_TEXT)
def test_no_text_crashes_the_reader(text: str) -> None:
    for found in read_text(text):
        check(found)


@settings(deadline=None)
@given(VALUES)
def test_no_value_of_json_crashes_the_reader(event: object) -> None:
    for found in [*read_event(event), *read_text(json.dumps(event))]:
        check(found)


@given(ANY_TEXT, ANY_TEXT)
def test_no_bucket_and_no_key_crashes_the_reader(bucket: str, key: str) -> None:
    about = {"bucket": {"name": bucket}, "object": {"key": key}}
    for event in (
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": about}]},
        {"source": "aws.s3", "detail-type": "Object Created", "detail": about},
    ):
        (found,) = read_event(event)
        check(found)


@given(KEYS)
def test_eventbridge_gives_the_key_as_it_is(key: str) -> None:
    detail = {"bucket": {"name": "landfall"}, "object": {"key": key}}
    event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}

    assert list(read_event(event)) == [CreatedObject("landfall", key)]


def test_text_that_nests_without_end_is_ignored() -> None:
    for text in ("[" * 100_000, '{"Records":' * 100_000, "1" * 5_000):
        assert Counter(type(found) for found in read_text(text)) == {Ignored: 1}


def test_both_kinds_of_event_name_one_writing_alike() -> None:
    about = {"bucket": {"name": "landfall"}, "object": {"key": "k", "sequencer": "00617F08299329D189"}}
    again = {"bucket": {"name": "landfall"}, "object": {"key": "k", "sequencer": "617f08299329d189"}}
    event = {"source": "aws.s3", "detail-type": "Object Created", "detail": again}

    assert (
        list(read_event({"Records": [{"eventName": "ObjectCreated:Put", "s3": about}]}))
        == list(read_event(event))
        == [CreatedObject("landfall", "k", "617f08299329d189")]
    )
