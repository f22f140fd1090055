"""Reads what S3 reports about objects, in every envelope that it may arrive in.

S3 notifies a function, a queue or a topic (keys are URL-encoded), or Amazon EventBridge does (keys are as they are). A topic
puts an envelope of its own around what it passes on, and so does a queue that feeds a function. The shapes are those of the
Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure".

Whoever can write to the bucket or the queue has written what is read here. So nothing raises an error, nothing is believed,
and what is shown is escaped and shortened.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from reprlib import Repr
from urllib.parse import unquote_plus

ENVELOPES = 3
"""How many envelopes may be around an event: a queue's around a topic's, and one to spare."""
LONGEST_KEY = 1024
"""The most bytes of UTF-8 in a key of S3."""

_shortened = Repr()
_shortened.maxstring = _shortened.maxother = 200
_shortened.maxlevel = 3


@dataclass(frozen=True)
class CreatedObject:
    """An object that was written. `version` differs for each writing of the same key; empty if the sender does not say."""

    bucket: str
    key: str
    version: str = ""


@dataclass(frozen=True)
class Ignored:
    """A part of an event that creates no object, with the reason. `rubbish`: S3 would not have sent it."""

    reason: str
    rubbish: bool = False


def read_text(text: str, envelopes: int = ENVELOPES) -> Iterator[CreatedObject | Ignored]:
    """The objects in a JSON text, such as the body of a message, in order. Never raises."""
    if envelopes < 0:
        yield Ignored(f"too many envelopes around {_shortened.repr(text)}", rubbish=True)
        return
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        yield Ignored(f"not JSON: {_shortened.repr(text)}", rubbish=True)
        return
    yield from read_event(event, envelopes)


def read_event(event: object, envelopes: int = ENVELOPES) -> Iterator[CreatedObject | Ignored]:
    """The objects in a parsed event, in order. Never raises.

    Args:
        event: An S3 notification, an EventBridge event, a batch of a queue or a topic with either in it, or anything else.
        envelopes: How many envelopes may still be opened.
    """
    match event:
        case {"Event": "s3:TestEvent"}:
            yield Ignored("a test event of S3")
        case {"Records": list(records)}:
            for record in records:
                yield from _record(record, envelopes)
        case {"Type": "Notification", "Message": str(text)}:
            yield from read_text(text, envelopes - 1)
        case {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)} as about},
        }:
            yield _created(bucket, key, about)
        case {"source": "aws.s3", "detail-type": str(kind), "detail": dict()} if kind != "Object Created":
            yield Ignored(f"creates no object: {_shortened.repr(kind)}")
        case _:
            yield Ignored(f"not an event of S3: {_shortened.repr(event)}", rubbish=True)


def _record(record: object, envelopes: int) -> Iterator[CreatedObject | Ignored]:
    """Reads one of `Records`: a message of a queue, a message of a topic, or S3's own record."""
    match record:
        case {"body": str(text)} | {"Sns": {"Message": str(text)}}:
            yield from read_text(text, envelopes - 1)
        case {
            "eventName": str(name),
            "s3": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)} as about},
        }:
            # Stores other than Amazon's write `s3:` before the name, as the configuration does.
            if name.removeprefix("s3:").startswith("ObjectCreated:"):
                yield _decoded(bucket, key, about)
            else:
                yield Ignored(f"creates no object: {_shortened.repr(name)}")
        case _:
            yield Ignored(f"not a record of S3: {_shortened.repr(record)}", rubbish=True)


def _decoded(bucket: str, encoded: str, about: Mapping[str, object]) -> CreatedObject | Ignored:
    try:
        key = unquote_plus(encoded, errors="strict")
    except UnicodeError:
        return Ignored(f"not a key of S3: {_shortened.repr(encoded)}", rubbish=True)
    return _created(bucket, key, about)


def _created(bucket: str, key: str, about: Mapping[str, object]) -> CreatedObject | Ignored:
    """The object, unless S3 cannot have such a name: JSON may hold half a character, or a name of any length."""
    try:
        good = bool(bucket.encode()) and 0 < len(key.encode()) <= LONGEST_KEY
    except UnicodeError:
        good = False
    if not good:
        return Ignored(f"not a key of S3: {_shortened.repr(key)}", rubbish=True)
    # The two kinds of event write the same sequencer differently: in lower case, or in capitals after zeros.
    sequencer = about.get("sequencer")
    if isinstance(sequencer, str) and sequencer:
        return CreatedObject(bucket, key, sequencer.lower().lstrip("0"))
    etag = about.get("eTag") or about.get("etag")
    return CreatedObject(bucket, key, etag if isinstance(etag, str) else "")
