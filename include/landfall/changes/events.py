"""Change events of Debezium's connector for PostgreSQL, as JSON without schemas: what happened to which row.

What each kind of event means for a learner is decided in `landfall.changes.turn`, and written down in docs/changes.md. The forms
are those of Debezium 3: https://debezium.io/documentation/reference/stable/connectors/postgresql.html
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["insert", "update", "delete", "truncate", "snapshot", "tombstone"]
KINDS: dict[str, Kind] = {"c": "insert", "u": "update", "d": "delete", "t": "truncate", "r": "snapshot"}
UNAVAILABLE = "__debezium_unavailable_value"
"""What stands for a TOASTed value that an UPDATE did not touch: PostgreSQL does not send it."""
NEW_KEY, OLD_KEY = "__debezium.newkey", "__debezium.oldkey"
"""The headers of the two events that the UPDATE of a key becomes: a delete with the new key, an insert with the old one."""
Position = tuple[int, int, int]
"""Where an event is in the write-ahead log: the end of the newest transaction that was committed before its own, its own place,
and its number in its transaction. Events of a table come in this order, transactions as they were committed. (The place alone
does not
rise: a transaction may have begun before one that was committed earlier; nor is it unique: the rows of one COPY share it.)"""


class Unreadable(ValueError):
    """A message is no change event, or lacks what is needed. The text is the reason, for a person."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message of a topic.

    Args:
        topic: Its topic.
        partition: Its partition.
        offset: Its offset.
        key: Its key as JSON text; None for a table without a key.
        value: Its value as JSON text; None for a tombstone.
        headers: Name -> text.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happened to a row.

    Args:
        kind: What.
        key: The row's key, as JSON text whose names are sorted; empty for a table without a key, and for a truncate.
        values: The columns after the change; before it for a delete. Empty for truncate and tombstone.
        before: The columns before an update, as far as the source sends them (all of them with REPLICA IDENTITY FULL).
        position: Where it is in the log; None for the rows of a snapshot, whose order means nothing, and for tombstones.
        milliseconds: When the change was committed, in milliseconds since 1970; 0 if the event does not say it.
        key_was: The key that the row had before, if this is the second half of a changed key.
        key_becomes: The key that the row gets, if this is the first half.
    """

    kind: Kind
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    position: Position | None = None
    milliseconds: int = 0
    key_was: str | None = None
    key_becomes: str | None = None


def change_of(message: Message) -> Change:
    """The change that a message tells.

    Raises:
        Unreadable: it is no change event, or does not say where it is in the log.
    """
    key = _sorted(message.key)
    if message.value is None:
        return Change(kind="tombstone", key=key)
    event = _object(message.value, "value")
    event = event["payload"] if set(event) == {"schema", "payload"} else event
    if not isinstance(event, dict) or str(event.get("op")) not in KINDS or not isinstance(event.get("source"), dict):
        raise Unreadable("not a change event of Debezium (no `op` that is known, or no `source`)")
    kind = KINDS[event["op"]]
    values = event.get("before" if kind == "delete" else "after") or {}
    if kind in ("insert", "update", "snapshot") and not values:
        raise Unreadable(f"an event of kind `{kind}` without the row after it")
    return Change(
        kind=kind,
        key="" if kind == "truncate" else key,
        values=values,
        before=event.get("before") or {},
        position=None if kind == "snapshot" else _position(event),
        milliseconds=int(event["source"].get("ts_ms") or 0),
        key_was=_header(message, OLD_KEY),
        key_becomes=_header(message, NEW_KEY),
    )


def _position(event: Mapping[str, Any]) -> Position:
    """Where an event is in the log.

    The first transaction after a snapshot has no transaction before it; its own places then stand for that, which are greater
    than all that was committed before the snapshot.
    """
    source, transaction = event["source"], event.get("transaction")
    if not isinstance(source.get("lsn"), int):
        raise Unreadable("no `source.lsn`: the source is no PostgreSQL")
    if not isinstance(transaction, dict) or not isinstance(transaction.get("total_order"), int):
        raise Unreadable("no `transaction.total_order` (the connector needs provide.transaction.metadata=true)")
    lsn = int(source["lsn"])
    try:
        committed = json.loads(source.get("sequence") or "[null]")[0]
        return (lsn if committed is None else int(committed), lsn, transaction["total_order"])
    except (ValueError, TypeError, IndexError, KeyError):
        raise Unreadable(f"`source.sequence` is {source['sequence']!r}") from None


def _header(message: Message, name: str) -> str | None:
    return _sorted(message.headers[name].encode()) if name in message.headers else None


def _sorted(key: bytes | None) -> str:
    """A key as text that is the same for the same key, however its names are ordered."""
    if key is None:
        return ""
    fields = _object(key, "key")
    fields = fields["payload"] if set(fields) == {"schema", "payload"} else fields
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(f"the {what} is no JSON") from None
    if not isinstance(value, dict):
        raise Unreadable(f"the {what} is no JSON object")
    return value


def number(change: Change, column: str) -> float | None:
    """The number in a column; None if it is null.

    A TOASTed value that the event lacks is taken from the row before the change, where the source sends that.

    Raises:
        Unreadable: the column is missing, unavailable, or no finite number.
    """
    if column not in change.values:
        raise Unreadable(f"column `{column}` is missing")
    value = change.values[column]
    if value == UNAVAILABLE:
        value = change.before.get(column, UNAVAILABLE)
        if value == UNAVAILABLE:
            raise Unreadable(
                f"column `{column}` was not sent, as it is TOASTed and did not change (REPLICA IDENTITY FULL sends it)"
            )
    if value is None:
        return None
    try:
        # A decimal comes as text (decimal.handling.mode=string). `float` would also take "nan", "1_0" and " 1".
        if isinstance(value, str) and not _digits(value):
            raise ValueError
        found = float(value)
    except (ValueError, TypeError, OverflowError):
        raise Unreadable(f"column `{column}` is {str(value)[:40]!r}, not a number{_hint(value)}") from None
    if not math.isfinite(found):
        raise Unreadable(f"column `{column}` is {found}, not a finite number")
    return found


def _digits(text: str) -> bool:
    return bool(text) and set(text) <= set("0123456789+-.eE")


def _hint(value: object) -> str:
    return " (a decimal needs decimal.handling.mode=string)" if isinstance(value, str) and value.endswith("=") else ""
