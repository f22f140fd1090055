"""Topics of a Kafka broker: their partitions and ends, and messages that are sent to them. The client is librdkafka's."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from landfall.errors import SettingsError, StreamError
from landfall.spec import KafkaTopic, Settings
from landfall.spec.settings import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import Producer

PATIENCE = 10.0
"""The seconds that the broker has to answer a question."""
LARGEST = 1_000_000
"""The most bytes that a message of ours may have; a broker takes 1 MiB unless it is told otherwise."""


def broker_of(settings: Settings) -> KafkaSettings:
    """Where the broker is.

    Raises:
        SettingsError: no broker is set.
    """
    if settings.kafka is None:
        raise SettingsError(
            "There is no Kafka broker.",
            looked="LANDFALL_KAFKA_SERVERS is not set",
            next="landfall up --with kafka    (or set the variable to your own broker)",
        )
    return settings.kafka


class Topic:
    """A topic, and the connection that asks for its ends. Close it."""

    def __init__(self, broker: KafkaSettings, topic: KafkaTopic) -> None:
        from confluent_kafka import Consumer

        self.broker, self.topic = broker, topic
        # Reads no message and joins no group: Spark reads. It only asks for offsets.
        self._consumer: Consumer = Consumer(
            {**broker.client(), "group.id": "landfall-offsets", "enable.auto.commit": False}
        )

    def close(self) -> None:
        """Closes the connection."""
        self._consumer.close()

    def ends(self) -> dict[int, tuple[int, int]]:
        """Partition -> the first offset that the topic still has, and the one that the next message will get.

        Raises:
            StreamError: the broker does not answer, or has no such topic.
        """
        from confluent_kafka import TopicPartition

        with self._explained():
            known = self._consumer.list_topics(self.topic.name, timeout=PATIENCE).topics[self.topic.name]
            if known.error is not None:
                raise StreamError(
                    f"The broker has no topic `{self.topic.name}`.", looked=f"{self.broker.servers}: {known.error}"
                )
            limits: dict[int, tuple[int, int]] = {}
            for partition in sorted(known.partitions):
                place = TopicPartition(self.topic.name, partition)
                low, high = self._consumer.get_watermark_offsets(place, timeout=PATIENCE)
                limits[partition] = (int(low), int(high))
            return limits

    def offsets_at(self, milliseconds: int) -> dict[int, int]:
        """Partition -> the offset of the first message that arrived at or after a time; its end if there is none."""
        from confluent_kafka import TopicPartition

        ends = self.ends()
        with self._explained():
            asked = [TopicPartition(self.topic.name, partition, milliseconds) for partition in ends]
            answers = self._consumer.offsets_for_times(asked, timeout=PATIENCE)
        return {
            answer.partition: answer.offset if answer.offset >= 0 else ends[answer.partition][1] for answer in answers
        }

    def ensure(self) -> None:
        """Makes the topic if it is not there.

        Raises:
            StreamError: the broker refuses, or does not answer.
        """
        ensure_topic(self.broker, self.topic)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self.broker, self.topic):
            yield


def ensure_topic(broker: KafkaSettings, topic: KafkaTopic) -> None:
    """Makes a topic if it is not there.

    Raises:
        StreamError: the broker refuses, or does not answer.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient({**broker.client()})
    with explained(broker, topic):
        [made] = admin.create_topics([NewTopic(topic.name, topic.partitions)], request_timeout=PATIENCE).values()
        try:
            made.result(PATIENCE)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


@contextmanager
def explained(broker: KafkaSettings, topic: KafkaTopic) -> Iterator[None]:
    """Turns an error of the broker's client into one for a person."""
    from confluent_kafka import KafkaException

    try:
        yield
    except (KafkaException, TimeoutError) as error:
        raise StreamError(
            f"The topic `{topic.name}` cannot be used.",
            looked=f"{broker.servers}: {error}",
            left="what was committed stays",
            next="landfall ps    (then landfall logs kafka)",
        ) from error


def producer(broker: KafkaSettings, options: Mapping[str, object] | None = None) -> "Producer":
    """A producer. It waits a few milliseconds for further messages, and sends them together."""
    from confluent_kafka import Producer

    usual = {"linger.ms": 5, "compression.type": "lz4", "message.max.bytes": LARGEST, "enable.idempotence": True}
    return Producer({**broker.client(), **usual, **(options or {})})


def send_all(sender: "Producer", topic: KafkaTopic, rows: Iterable[tuple[str, bytes]], broker: KafkaSettings) -> None:
    """Sends messages (key, value), and returns when the broker has them all.

    Raises:
        StreamError: the broker does not take them in time.
    """
    refused: list[str] = []

    def delivered(error: object, _: object) -> None:
        if error is not None:
            refused.append(str(error))

    with explained(broker, topic):
        for key, value in rows:
            while True:
                try:
                    sender.produce(topic.name, value, key=key, on_delivery=delivered)
                    break
                except BufferError:
                    sender.poll(0.5)
            sender.poll(0)
        left = sender.flush(PATIENCE * 3)
    if left or refused:
        raise StreamError(
            f"{left + len(refused)} messages could not be sent to `{topic.name}`.",
            looked=f"{broker.servers}: {refused[0] if refused else 'no answer'}",
            left="the others are there",
            next="landfall ps    (then landfall logs kafka)",
        )
