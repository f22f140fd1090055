"""Reads and writes the items of one prediction table's mirror in DynamoDB."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

from landfall.errors import PublishingError
from landfall.publishing.mirror import items
from landfall.publishing.mirror.items import Generation, Item, Pointer
from landfall.spec import PredictionTable
from landfall.spec.mirror import DynamoMirror

WRITE, READ = 25, 100
"""The most items that DynamoDB takes in one request, and the most that it gives."""
TOGETHER = 8
"""How many requests are under way at once."""
TRIES, PAUSE = 10, 0.05


class DynamoDB(Protocol):
    """The methods of a boto3 DynamoDB client that a mirror uses. Not every one is asked for by every caller."""

    def get_item(self, **request: Any) -> dict[str, Any]:
        """One item."""

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Writes an item."""

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Deletes an item."""

    def query(self, **request: Any) -> dict[str, Any]:
        """Items of one partition key."""

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Several items."""

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        """Writes or deletes several items."""

    def create_table(self, **request: Any) -> dict[str, Any]:
        """Makes a table."""


def client() -> DynamoDB:
    """A client for the region, the endpoint and the credentials of the environment."""
    import boto3
    from botocore.config import Config

    made: DynamoDB = boto3.client(
        "dynamodb", config=Config(retries={"mode": "standard"}, max_pool_connections=TOGETHER)
    )
    return made


class MirrorStore:
    """The mirror of one prediction table.

    Args:
        dynamodb: A client.
        table: The prediction table. It has a mirror.

    Raises:
        PublishingError: by every method, where DynamoDB refuses or does not answer.
    """

    def __init__(self, dynamodb: DynamoDB, table: PredictionTable) -> None:
        self.dynamodb, self.table = dynamodb, table
        self.where = mirror_of(table).table

    def make(self) -> bool:
        """Makes the DynamoDB table, which is paid for by request. False if it is there."""
        keys = {"pk": "HASH", "sk": "RANGE"}
        with self._explained("could not be made"):
            try:
                self.dynamodb.create_table(
                    TableName=self.where,
                    KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
                    AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
                    BillingMode="PAY_PER_REQUEST",
                )
            except Exception as error:
                if type(error).__name__ != "ResourceInUseException":
                    raise
                return False
        return True

    def pointer(self, partition: str) -> Pointer | None:
        """What readers see of a partition now; None if it is not mirrored."""
        key = {"pk": items.text(items.pointers_of(self.table)), "sk": items.text(partition)}
        with self._explained("could not be read"):
            item = self.dynamodb.get_item(TableName=self.where, Key=key, ConsistentRead=True).get("Item")
        return items.pointer_of(item) if item else None

    def pointers(self) -> Iterator[Pointer]:
        """What readers see of every partition that is mirrored, in the order of their names."""
        return map(items.pointer_of, self._query(items.pointers_of(self.table)))

    def nearest(self, partition: str, count: int) -> list[str]:
        """The names of at most `count` mirrored partitions before a name, and of as many from it on, in their order."""
        before = self._names("pk = :pk AND sk < :sk", partition, count, forward=False)
        return [*reversed(before), *self._names("pk = :pk AND sk >= :sk", partition, count, forward=True)]

    def switch(self, pointer: Pointer, before: Pointer | None) -> bool:
        """Switches readers, if they still see what they saw. False if somebody else has switched them meanwhile."""
        condition = self._unless_switched(before)
        return self._changed(
            self.dynamodb.put_item, TableName=self.where, Item=items.pointer_item(self.table, pointer), **condition
        )

    def remove(self, before: Pointer) -> bool:
        """Takes a partition away from readers, if they still see what they saw."""
        key = {"pk": items.text(items.pointers_of(self.table)), "sk": items.text(before.partition)}
        return self._changed(self.dynamodb.delete_item, TableName=self.where, Key=key, **self._unless_switched(before))

    def generations(self, partition: str) -> list[Generation]:
        """The generations of a partition that were begun and not deleted."""
        return list(map(items.generation_of, self._query(items.generations_of(self.table, partition))))

    def note(self, partition: str, generation: Generation) -> None:
        """Notes that a generation is begun, or that it is whole."""
        with self._explained("could not be written"):
            self.dynamodb.put_item(TableName=self.where, Item=items.generation_item(self.table, partition, generation))

    def delete(self, partition: str, generation: Generation) -> int:
        """Deletes the rows of a generation, and then the note of it. Gives the number of rows."""
        deleted = 0
        for bucket in range(generation.buckets):
            rows = self._query(items.rows_of(self.table, generation.name, bucket), only_keys=True)
            deleted += self._write({"DeleteRequest": {"Key": {"pk": row["pk"], "sk": row["sk"]}}} for row in rows)
        key = {"pk": items.text(items.generations_of(self.table, partition)), "sk": items.text(generation.name)}
        with self._explained("could not be written"):
            self.dynamodb.delete_item(TableName=self.where, Key=key)
        return deleted

    def put(self, rows: Iterable[Item]) -> int:
        """Writes rows, and gives their number. A row that is there already is written again."""
        return self._write({"PutRequest": {"Item": row}} for row in rows)

    def get(self, keys: Sequence[Item]) -> list[Item]:
        """The items of several keys, those that are there, in any order."""
        found: list[Item] = []
        for first in range(0, len(keys), READ):
            wanted: list[Item] = list(keys[first : first + READ])
            for attempt in range(TRIES):
                with self._explained("could not be read"):
                    answer = self.dynamodb.batch_get_item(
                        RequestItems={self.where: {"Keys": wanted, "ConsistentRead": True}}
                    )
                found += answer["Responses"].get(self.where, [])
                wanted = answer.get("UnprocessedKeys", {}).get(self.where, {}).get("Keys", [])
                if not wanted:
                    break
                time.sleep(PAUSE * 2**attempt)
            else:
                raise self._throttled(len(wanted))
        return found

    def _write(self, requests: Iterable[dict[str, Any]]) -> int:
        requests, written = iter(requests), 0
        with ThreadPoolExecutor(TOGETHER) as pool:
            while chunks := [chunk for _ in range(TOGETHER) if (chunk := list(islice(requests, WRITE)))]:
                list(pool.map(self._write_chunk, chunks))
                written += sum(map(len, chunks))
        return written

    def _write_chunk(self, chunk: list[dict[str, Any]]) -> None:
        for attempt in range(TRIES):
            with self._explained("could not be written"):
                answer = self.dynamodb.batch_write_item(RequestItems={self.where: chunk})
            chunk = answer.get("UnprocessedItems", {}).get(self.where, [])
            if not chunk:
                return
            time.sleep(PAUSE * 2**attempt)
        raise self._throttled(len(chunk))

    def _query(self, partition_key: str, *, only_keys: bool = False) -> Iterator[Item]:
        request: dict[str, Any] = {
            "TableName": self.where,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": items.text(partition_key)},
            "ConsistentRead": True,
        }
        if only_keys:
            request["ProjectionExpression"] = "pk, sk"
        while True:
            with self._explained("could not be read"):
                answer = self.dynamodb.query(**request)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _names(self, condition: str, partition: str, count: int, *, forward: bool) -> list[str]:
        values = {":pk": items.text(items.pointers_of(self.table)), ":sk": items.text(partition)}
        with self._explained("could not be read"):
            answer = self.dynamodb.query(
                TableName=self.where,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ScanIndexForward=forward,
                Limit=count,
            )
        return [str(item["sk"]["S"]) for item in answer["Items"]]

    def _unless_switched(self, before: Pointer | None) -> dict[str, Any]:
        if before is None:
            return {"ConditionExpression": "attribute_not_exists(pk)"}
        values = {":turn": items.number(before.turn), ":generation": items.text(before.generation)}
        condition = "turn = :turn AND generation = :generation"
        return {"ConditionExpression": condition, "ExpressionAttributeValues": values}

    def _changed(self, change: Any, **request: Any) -> bool:
        with self._explained("could not be switched"):
            try:
                change(**request)
            except Exception as error:
                if type(error).__name__ != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    @contextmanager
    def _explained(self, failed: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            missing = type(error).__name__ == "ResourceNotFoundException"
            raise PublishingError(
                f"The mirror `{self.where}` of `{self.table.name}` {failed}.",
                looked=f"DynamoDB: {error}",
                left="readers see what they saw",
                next="landfall mirror NAME --create" if missing else "landfall mirror NAME    (a rerun is safe)",
            ) from error

    def _throttled(self, count: int) -> PublishingError:
        return PublishingError(
            f"DynamoDB left {count} items of `{self.where}` undone, {TRIES} times.",
            left="readers see what they saw",
            next="landfall mirror NAME    (a rerun is safe), or raise the table's capacity",
        )


def mirror_of(table: PredictionTable) -> DynamoMirror:
    """The mirror of a prediction table.

    Raises:
        PublishingError: it has none.
    """
    if table.mirror:
        return table.mirror
    raise PublishingError(
        f"`{table.name}` has no mirror.",
        looked="its declaration",
        next='declare PredictionTable(mirror=DynamoMirror(table="..."))',
        fault="request",
    )
