"""Look-ups answered from a mirror in DynamoDB, without a connection to PostgreSQL.

It is for the Lambda function. A mirror has what is published now: no earlier publications, no streams, no deployed tables. It
does not know the ledger, so it says of no row whether it is stale, and of no missing row why it is missing.
"""

from collections.abc import Mapping, Sequence

from landfall.errors import PublishingError, SettingsError, SpecError
from landfall.publishing.keys import KeyValue, parse_key
from landfall.publishing.mirror import DynamoDB, MirrorReader
from landfall.publishing.reading import PublishedRow
from landfall.serving.answers import Json, partition_name, row_answer
from landfall.serving.known import UNKNOWN
from landfall.serving.problems import Problem
from landfall.serving.tables import PublishedTable, Row, Served

MOST_KEYS = 1000


class MirroredService:
    """Answers look-ups of the tables that have a mirror. It has the methods of `Service` that the Lambda function uses."""

    def __init__(self, dynamodb: DynamoDB, tables: Mapping[str, Served]) -> None:
        mirrored = {
            name: served
            for name, served in tables.items()
            if isinstance(served, PublishedTable) and served.table.mirror
        }
        if not mirrored:
            raise SettingsError(
                "No table has a mirror to read from.",
                looked=f"declared tables: {', '.join(tables)}",
                next='declare PredictionTable(mirror=DynamoMirror(table="...")), or unset LANDFALL_SERVING_FROM',
            )
        self.tables: Mapping[str, Served] = mirrored
        self.all_tables: Mapping[str, Served] = mirrored
        self.freshness = UNKNOWN
        self._readers = {name: MirrorReader(dynamodb, served.table) for name, served in mirrored.items()}

    async def table(self, name: str) -> Served:
        """The table that is served as `name`.

        Raises:
            SpecError: there is none with a mirror. The message names the nearest.
        """
        if served := self.tables.get(name):
            return served
        raise SpecError.unknown("mirrored table", name, list(self.tables))

    async def lookup(self, served: Served, key: Mapping[str, KeyValue], as_of: int | None = None) -> Row:
        """The row of a key.

        Raises:
            Problem: 404: it has none; `nearest` names the nearest mirrored partitions.
            PublishingError: the key is malformed, or DynamoDB cannot be asked.
        """
        [row] = await self.batch(served, [key], as_of)
        if row is not None:
            return row
        name = partition_name(served, parse_key(served.table, key))
        reader = self._readers[served.name]
        near = reader.nearest(name)
        there = name in near
        why = "the partition is mirrored, without a row of this key" if there else "the mirror has no such partition"
        members = {"partition": name, "state": "published" if there else "unknown", "why": why, "nearest": near}
        raise Problem(404, f"`{served.name}` has no row of this key: {why}.", members=members)

    async def batch(
        self, served: Served, keys: Sequence[Mapping[str, KeyValue]], as_of: int | None = None
    ) -> Sequence[PublishedRow | None]:
        """The rows of keys, in their order; None in the place of one that has none.

        Raises:
            PublishingError: as `lookup`.
        """
        if as_of is not None:
            raise PublishingError("A mirror has no earlier publications: `as_of` cannot be asked for.", fault="request")
        if not 0 < len(keys) <= MOST_KEYS:
            raise PublishingError(
                f"A batch cannot have {len(keys)} keys.", looked=f"expected 1 to {MOST_KEYS}", fault="request"
            )
        wanted = [parse_key(served.table, key) for key in keys]
        return self._readers[served.name].rows(wanted, [partition_name(served, key) for key in wanted])

    def answer(self, served: Served, row: Row) -> Json:
        """A row as callers get it. Whether it is stale is not known here."""
        unknown = {"stale": None, "reason": "not known to a mirror"}
        return {**row_answer(served, row, self.freshness), "freshness": unknown}

    async def stop(self) -> None:
        """Nothing has to be closed."""
