"""Where change events come from. A broker's topics today; whatever can be read again from an offset will do."""

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from landfall.changes.batch import Places
from landfall.changes.events import Message
from landfall.spec import Settings
from landfall.spec.online import OnlineLearner
from landfall.streams.topics import Topic, broker_of, explained


class Source(Protocol):
    """Change events in the order of their offsets."""

    def read(self, most: int, seconds: float) -> list[Message]:
        """The next events, at most so many; none if nothing came in so many seconds."""

    def lag(self, places: Places) -> int:
        """The events that were not committed yet."""


class Topics:
    """The topics of a learner, read from where its last batch ended. Use it in a `with`."""

    def __init__(self, settings: Settings, declared: OnlineLearner, places: Places) -> None:
        from confluent_kafka import Consumer, TopicPartition

        self.declared, self.broker = declared, broker_of(settings)
        self.topics = [Topic(self.broker, declared.topic(table)) for table in declared.tables]
        usual = {
            "group.id": f"landfall-{declared.name}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
        self._consumer: Consumer = Consumer(
            {**self.broker.client(), **usual, "auto.offset.reset": "error", "enable.partition.eof": True}
        )
        self._ends: dict[tuple[str, int], int] = {}
        starts: list[TopicPartition] = []
        for topic in self.topics:
            topic.ensure()
            for partition, (first, _) in topic.ends().items():
                # What was removed from the topic before it was read is lost; a snapshot anew brings the rows again.
                start = max(first, places.get((topic.topic.name, partition), first))
                starts.append(TopicPartition(topic.topic.name, partition, start))
        self._consumer.assign(starts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._consumer.close()
        for topic in self.topics:
            topic.close()

    def read(self, most: int, seconds: float) -> list[Message]:
        """See `Source`.

        Raises:
            StreamError: the broker refuses.
        """
        from confluent_kafka import KafkaError, KafkaException

        with explained(self.broker, self.declared.topic(self.declared.learns_from)):
            received = []
            for message in self._consumer.consume(most, seconds):
                error = message.error()
                if error is None:
                    received.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    # Marks of transactions have offsets too, and none of them is ever a message.
                    self._ends[str(message.topic()), int(message.partition() or 0)] = int(message.offset() or 0)
                else:
                    raise KafkaException(error)
        return [
            Message(
                topic=str(message.topic()), partition=int(message.partition() or 0), offset=int(message.offset() or 0),
                key=_bytes(message.key()), value=_bytes(message.value()), headers=_headers(message.headers()),
            )
            for message in received
        ]  # fmt: skip

    def lag(self, places: Places) -> int:
        """See `Source`."""
        lag = 0
        for topic in self.topics:
            for partition, (first, end) in topic.ends().items():
                place = (topic.topic.name, partition)
                lag += end - max(first, places.get(place, first), self._ends.get(place, first))
        return lag


def _bytes(content: object) -> bytes | None:
    return content.encode() if isinstance(content, str) else bytes(content) if isinstance(content, bytes) else None


def _headers(headers: object) -> Mapping[str, str]:
    found = headers if isinstance(headers, list) else []
    return {str(name): value.decode("utf-8", "replace") for name, value in found if isinstance(value, bytes)}
