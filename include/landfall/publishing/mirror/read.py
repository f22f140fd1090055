"""Reads rows from a mirror by their keys, as of one generation for each partition."""

from collections.abc import Mapping, Sequence

from landfall.errors import PublishingError
from landfall.publishing.keys import KeyValue
from landfall.publishing.mirror.items import Pointer, row_key, row_of
from landfall.publishing.mirror.store import DynamoDB, MirrorStore
from landfall.publishing.reading import PublishedRow
from landfall.spec import PredictionTable

TRIES = 5
NEAR = 2
"""How many partitions on each side of a missing one are named."""


class MirrorReader:
    """Reads the mirror of one prediction table."""

    def __init__(self, dynamodb: DynamoDB, table: PredictionTable) -> None:
        self.store, self.table = MirrorStore(dynamodb, table), table

    def rows(self, keys: Sequence[Mapping[str, KeyValue]], partitions: Sequence[str]) -> list[PublishedRow | None]:
        """The rows of parsed keys, in their order; None in the place of one that has none.

        All rows of a partition are of one generation. Where a row is missing, its partition may have been switched twice
        meanwhile, and its generation deleted: then everything is read again.

        Args:
            keys: The keys.
            partitions: The partition that each of them is in; an empty name for a key that no partition can hold.

        Raises:
            PublishingError: DynamoDB cannot be asked, or partitions are switched faster than they can be read.
        """
        for _ in range(TRIES):
            pointers = self._pointers(partitions)
            found = self._found(keys, partitions, pointers)
            missing = {name for row, name in zip(found, partitions, strict=True) if row is None and name}
            if all(self.store.pointer(name) == pointers.get(name) for name in missing):
                return found
        raise PublishingError(
            f"The mirror `{self.store.where}` of `{self.table.name}` was switched {TRIES} times while it was read.",
            next="ask again",
        )

    def nearest(self, partition: str) -> list[str]:
        """The names of the mirrored partitions nearest to one, by their order."""
        return self.store.nearest(partition or "0", NEAR)

    def _pointers(self, partitions: Sequence[str]) -> dict[str, Pointer]:
        pointers = {name: self.store.pointer(name) for name in dict.fromkeys(partitions) if name}
        return {name: pointer for name, pointer in pointers.items() if pointer}

    def _found(
        self, keys: Sequence[Mapping[str, KeyValue]], partitions: Sequence[str], pointers: Mapping[str, Pointer]
    ) -> list[PublishedRow | None]:
        places = [
            row_key(self.table, pointers[name].generation, pointers[name].buckets, key) if name in pointers else None
            for key, name in zip(keys, partitions, strict=True)
        ]
        wanted = {(place["pk"]["S"], place["sk"]["S"]): place for place in places if place}
        items = {(item["pk"]["S"], item["sk"]["S"]): item for item in self.store.get(list(wanted.values()))}
        return [
            row_of(self.table, pointers[name], key, items[place["pk"]["S"], place["sk"]["S"]])
            if place and (place["pk"]["S"], place["sk"]["S"]) in items
            else None
            for key, name, place in zip(keys, partitions, places, strict=True)
        ]
