"""What a stream sends to topics: dead letters, and predictions if it publishes them. At least once.

Both are sent before the batch commits. If the commit then fails, the batch is done again, and they are sent again. Their key is
`TOPIC-PARTITION-OFFSET`, by which a reader can drop the second copy; so can a compacted topic.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from landfall.spec import KafkaTopic, Settings
from landfall.spec.stream import Stream
from landfall.spec.stream_tables import kept
from landfall.streams.topics import broker_of, ensure_topic, producer, send_all

if TYPE_CHECKING:
    import pyarrow as pa
    from confluent_kafka import Producer


class Copies:
    """Sends a stream's copies. A topic is made when the first message goes to it."""

    def __init__(self, settings: Settings, stream: Stream) -> None:
        self.stream, self.broker = stream, broker_of(settings)
        self._made: set[str] = set()
        self._producer: Producer | None = None

    def send(self, table: "pa.Table", version: str) -> None:
        """Sends the dead letters and the predictions of a batch, and returns when the broker has them.

        Raises:
            StreamError: the broker does not take them.
        """
        import pyarrow.compute as pc

        dead = table.filter(pc.is_valid(table.column("_reason")))
        if dead.num_rows:
            self._send(self.stream.dead_letters, self._dead(dead))
        if self.stream.publish_to:
            good = table.filter(pc.is_null(table.column("_reason")))
            self._send(self.stream.publish_to, self._predictions(good, version))

    def _send(self, topic: KafkaTopic, rows: Iterator[tuple[str, bytes]]) -> None:
        if topic.name not in self._made:
            ensure_topic(self.broker, topic)
            self._made.add(topic.name)
        self._producer = self._producer or producer(self.broker)
        send_all(self._producer, topic, rows, self.broker)

    def _dead(self, dead: "pa.Table") -> Iterator[tuple[str, bytes]]:
        for row in dead.select(["_partition", "_offset", "_reason", "_text"]).to_pylist():
            place = {"topic": self.stream.source.name, "partition": row["_partition"], "offset": row["_offset"]}
            letter = {**place, "reason": row["_reason"], "message": row["_text"]}
            yield _key(place), json.dumps(letter).encode()

    def _predictions(self, good: "pa.Table", version: str) -> Iterator[tuple[str, bytes]]:
        columns = kept(self.stream)
        for row in good.to_pylist():
            place = {"topic": self.stream.source.name, "partition": row["_partition"], "offset": row["_offset"]}
            values = {name: row[name] for name in columns}
            scored = {"prediction": row["prediction"], "probability": row["_probability"], "model_version": version}
            message = {**place, "event_time_us": row["_time"], **values, **scored}
            yield _key(place), json.dumps(message, default=str).encode()


def _key(place: dict[str, object]) -> str:
    return f"{place['topic']}-{place['partition']}-{place['offset']}"
