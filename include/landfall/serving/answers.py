"""What callers get: rows and reasons as JSON objects. The HTTP service and the Lambda function give the same."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from landfall.database.statements import plain
from landfall.errors import PublishingError, SpecError
from landfall.ledger import Standing
from landfall.publishing.keys import KeyValue, parse_key
from landfall.publishing.reading import PublishedRow
from landfall.serving.known import Freshness
from landfall.serving.live import LiveRow, digest
from landfall.serving.standings import WORDS
from landfall.serving.tables import PublishedTable, Row, Served

Json = dict[str, object]


def row_answer(served: Served, row: Row, known: Freshness) -> Json:
    """A row: its key, its values, and what it comes from."""
    reason = served.stale(row, known)
    publication: Json = {}
    if isinstance(row, PublishedRow):
        publication = {
            "partition": row.partition,
            "publication": row.publication,
            "published_at": plain(row.published_at),
        }
    return {
        "table": served.name,
        "key": {name: plain(value) for name, value in row.key.items()},
        "values": {name: plain(value) for name, value in row.values.items()},
        "model_version": row.model_version or None,
        **publication,
        "freshness": {"stale": bool(reason), "reason": reason},
    }


def etag(rows: Iterable[Row], *more: object) -> str:
    """The fingerprint of the rows' publication; of several, a digest of theirs; of rows without any, a digest of the rows.

    It is weak: an equal tag means equal rows, but not an equal number of the publication, nor an equal freshness.
    """
    rows = list(rows)
    live = [row for row in rows if isinstance(row, LiveRow)]
    if live:
        return f'W/"{digest(live, *more)}"'
    fingerprints = sorted({(row.partition, row.fingerprint) for row in rows if isinstance(row, PublishedRow)})
    if len(fingerprints) == 1 and not more:
        return f'W/"{fingerprints[0][1]}"'
    return f'W/"{hashlib.sha256(repr((fingerprints, more)).encode()).hexdigest()}"'


def stale_reasons(served: Served, rows: Iterable[Row], known: Freshness) -> list[str]:
    """The reasons why some of the rows are stale, each once."""
    return sorted({served.stale(row, known) for row in rows} - {""})


def partition_name(served: Served, key: Mapping[str, object]) -> str:
    """The name of the partition that a parsed key is in; empty if no run can own it, or if the table has no partitions."""
    if not isinstance(served, PublishedTable):
        return ""
    moment = key.get(served.table.time)
    if not isinstance(moment, datetime):
        return ""
    try:
        return str(served.table.calendar.holding(moment).checked())
    except (SpecError, OverflowError):
        return ""


def absence(standing: Standing | None, partition: str, nearest: Sequence[str]) -> Json:
    """Why a key has no row: where its partition stands, and which published partitions are nearest.

    What a run refused, and which servers failed, is for those who run the service: `landfall explain` tells them.
    """
    state, why = "unknown", ""
    if standing is not None and (standing.state in ("published", "stale") or partition in nearest):
        state, why = "published", "the partition is published, without a row of this key"
    elif standing is not None:
        state = standing.state
        why = standing.why if state in ("waiting", "late", "skipped") else WORDS.get(state, "")
    said = WORDS.get(state, state)
    return {"partition": partition or None, "state": state, "why": why or said, "nearest": list(nearest)}


def live_absence(state: str, why: str, last: str, near: Sequence[object]) -> Json:
    """Why a key has no row in a table without partitions, and the nearest values of its last key column `last`."""
    return {"state": state, "why": why, "nearest": [f"{last}={value}" for value in near]}


def key_values(given: object) -> dict[str, KeyValue]:
    """The key in a JSON object.

    Raises:
        PublishingError: it is no object, or one of its values is neither a text nor a number.
    """
    if not isinstance(given, dict):
        raise PublishingError(
            "A key is not an object.", looked=f"expected {{column: value}}, got {kind(given)}", fault="request"
        )
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise PublishingError(
                f"The key column `{name}` is {kind(value)}.", looked="expected a text or a number", fault="request"
            )
    return {str(name): value for name, value in given.items()}


def kind(value: object) -> str:
    """What JSON calls the kind of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case dict():
            return "an object"
        case list():
            return "an array"
        case str():
            return "a text"
    return "a number"


def missing_answer(served: Served, key: Mapping[str, KeyValue]) -> Json:
    """What a batch has in the place of a key without a row."""
    parsed = parse_key(served.table, key)
    return {
        "key": {name: plain(value) for name, value in parsed.items()},
        "partition": partition_name(served, parsed) or None,
    }
