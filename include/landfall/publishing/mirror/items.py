"""The items of a mirror, as DynamoDB has them: pointers, generations and rows.

| `pk` | `sk` | what |
|---|---|---|
| `pointer TABLE` | the partition | the generation that readers see, the one before it, and the count of switches |
| `generations TABLE PARTITION` | the generation | how many buckets it has, when it was begun, whether it is whole |
| `rows TABLE GENERATION BUCKET` | the key | one row: `values` by column, `model_version` |

A bucket is a part of a generation's rows, chosen by a digest of the key: many rows do not share one partition of DynamoDB.
"""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from landfall.publishing.keyed import in_utc
from landfall.publishing.keys import KeyValue
from landfall.publishing.reading import PublishedRow
from landfall.spec import PredictionTable

Attribute = Mapping[str, object]
Item = Mapping[str, Attribute]
"""Attribute -> its value, in DynamoDB's own notation: `{"S": text}`, `{"N": number as text}`."""
BUCKET_ROWS = 5_000
SMALLEST, LARGEST = 1e-129, 9.9e125
"""The magnitudes of numbers that DynamoDB holds. Other ones are kept as text."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """An attempt to write a publication.

    Args:
        name: Its name: the number of the publication and a random word.
        buckets: How many buckets its rows are in.
        began: When it was begun.
        whole: True if all of its rows were written and readers have been switched to it.
    """

    name: str
    buckets: int
    began: datetime
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """What readers see of a partition.

    Args:
        partition: The partition.
        publication: The number of the publication.
        fingerprint: The digest of what it was made of.
        published_at: When it was first published.
        generation: The generation with its rows.
        buckets: How many buckets that has.
        previous: The generation that readers saw before; empty if there was none.
        turn: How many times readers were switched. A switch names the turn that it was decided on.
    """

    partition: str
    publication: int
    fingerprint: str
    published_at: datetime
    generation: str
    buckets: int
    previous: str
    turn: int


def text(value: str) -> Attribute:
    """A text as an attribute."""
    return {"S": value}


def number(value: int) -> Attribute:
    """A whole number as an attribute."""
    return {"N": str(value)}


def key_text(table: PredictionTable, key: Mapping[str, object]) -> str:
    """The key of a row as text: a JSON array of its values in the order of the key, times in UTC."""
    return json.dumps([_plain(key[name]) for name in table.key], ensure_ascii=False, separators=(",", ":"))


def row_key(table: PredictionTable, generation: str, buckets: int, key: Mapping[str, KeyValue | object]) -> Item:
    """Where the row of a key is in a generation."""
    written = key_text(table, key)
    bucket = zlib.crc32(written.encode()) % buckets
    return {"pk": text(rows_of(table, generation, bucket)), "sk": text(written)}


def rows_of(table: PredictionTable, generation: str, bucket: int) -> str:
    """The partition key of a bucket."""
    return f"rows {table.name} {generation} {bucket}"


def row_item(table: PredictionTable, generation: str, buckets: int, row: PublishedRow) -> Item:
    """A row as an item."""
    values = {name: _attribute(row.values[name]) for name in table.values}
    where = row_key(table, generation, buckets, row.key)
    return {**where, "values": {"M": values}, "model_version": text(row.model_version)}


def row_of(table: PredictionTable, pointer: Pointer, key: Mapping[str, object], item: Item) -> PublishedRow:
    """The row in an item. It is the row that was published: numbers and times come back as they were."""
    values = item["values"]["M"]
    assert isinstance(values, dict)
    return PublishedRow(
        key=dict(key),
        values={name: _value(table.columns[name], values[name]) for name in table.values},
        model_version=str(item["model_version"]["S"]),
        partition=pointer.partition,
        published_at=pointer.published_at,
        publication=pointer.publication,
        fingerprint=pointer.fingerprint,
    )


def pointer_item(table: PredictionTable, pointer: Pointer) -> Item:
    """A pointer as an item."""
    return {
        "pk": text(pointers_of(table)), "sk": text(pointer.partition), "publication": number(pointer.publication),
        "fingerprint": text(pointer.fingerprint), "published_at": text(pointer.published_at.isoformat()),
        "generation": text(pointer.generation), "buckets": number(pointer.buckets), "previous": text(pointer.previous),
        "turn": number(pointer.turn),
    }  # fmt: skip


def pointer_of(item: Item) -> Pointer:
    """The pointer in an item."""
    return Pointer(
        partition=str(item["sk"]["S"]),
        publication=int(str(item["publication"]["N"])),
        fingerprint=str(item["fingerprint"]["S"]),
        published_at=datetime.fromisoformat(str(item["published_at"]["S"])),
        generation=str(item["generation"]["S"]),
        buckets=int(str(item["buckets"]["N"])),
        previous=str(item["previous"]["S"]),
        turn=int(str(item["turn"]["N"])),
    )


def pointers_of(table: PredictionTable) -> str:
    """The partition key of a table's pointers."""
    return f"pointer {table.name}"


def generation_item(table: PredictionTable, partition: str, generation: Generation) -> Item:
    """A generation as an item."""
    return {
        "pk": text(generations_of(table, partition)), "sk": text(generation.name), "buckets": number(generation.buckets),
        "began": number(int(generation.began.timestamp())), "whole": {"BOOL": generation.whole},
    }  # fmt: skip


def generation_of(item: Item) -> Generation:
    """The generation in an item."""
    began = datetime.fromtimestamp(int(str(item["began"]["N"])), UTC)
    return Generation(
        name=str(item["sk"]["S"]),
        buckets=int(str(item["buckets"]["N"])),
        began=began,
        whole=item["whole"]["BOOL"] is True,
    )


def generations_of(table: PredictionTable, partition: str) -> str:
    """The partition key of a partition's generations."""
    return f"generations {table.name} {partition}"


def _plain(value: object) -> object:
    value = in_utc(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _attribute(value: object) -> Attribute:
    match value:
        case None:
            return {"NULL": True}
        case int():
            return number(value)
        case float():
            holds = value == 0 or (math.isfinite(value) and SMALLEST < abs(value) < LARGEST)
            return {"N": repr(value)} if holds else text(repr(value))
    return text(str(_plain(value)))


def _value(kind: str, attribute: Attribute) -> object:
    if "NULL" in attribute:
        return None
    written = str(next(iter(attribute.values())))
    if kind == "timestamptz":
        return datetime.fromisoformat(written)
    if kind == "bigint":
        return int(written)
    return float(written) if kind == "double precision" else written
