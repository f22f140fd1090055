"""Streams on the suite's stack: a model, topics of a test's own, and what must be true of every stream whatever happened."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from psycopg import sql

from landfall.database import connect
from landfall.pipelines.libsvm import LIBSVM_STREAM
from landfall.spec import KafkaTopic, Settings, Stream
from landfall.streams.driver import Driver, opened
from landfall.streams.topics import ensure_topic, producer, send_all

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass
class Live:
    """What tests of streams do: make one, send to it, drive it, and see that nothing was lost and nothing done twice."""

    settings: Settings
    conn: Connection
    made: list[Stream] = field(default_factory=list)

    def new(self, **changes: Any) -> Stream:
        """A stream like `libsvm_stream`, with a topic and tables of its own."""
        name = f"t{uuid.uuid4().hex[:10]}"
        stream = replace(LIBSVM_STREAM, name=name, table=name, source=KafkaTopic(name=name), **changes)
        assert self.settings.kafka is not None
        ensure_topic(self.settings.kafka, stream.source)
        self.made.append(stream)
        return stream

    def put(self, stream: Stream, messages: list[bytes], **options: object) -> None:
        """Sends messages to the stream's topic; the broker has them when this returns."""
        assert self.settings.kafka is not None
        rows = ((str(number), message) for number, message in enumerate(messages))
        send_all(producer(self.settings.kafka, options), stream.source, rows, self.settings.kafka)

    def driving(self, stream: Stream) -> AbstractContextManager[Driver]:
        """A driver that has taken the stream."""
        return opened(self.settings, stream)

    def drain(self, stream: Stream) -> int:
        """Drives the stream until it has read all there is; gives the number of batches."""
        batches = 0
        with self.driving(stream) as driver:
            while driver.step():
                batches += 1
        return batches

    def require_exactly_once(self, stream: Stream, messages: int) -> None:
        """Every offset is in one of the tables, exactly once, and the windows are those of the predictions, to the row."""
        tables = {
            "predictions": _table(stream.predictions_table),
            "dead": _table(stream.dead_letters_table),
            "late": _table(stream.late_table),
            "windows": _table(stream.windows_table),
        }
        places = sql.SQL("""
SELECT count(*), count(DISTINCT (partition, "offset")) FROM (
    SELECT partition, "offset" FROM {predictions} UNION ALL SELECT partition, "offset" FROM {dead}) AS every""")
        assert self.conn.execute(places.format(**tables)).fetchone() == (messages, messages)
        read = "SELECT sum(next_offset) FROM landfall.stream_places WHERE stream = %s"
        assert self.conn.execute(read, [stream.name]).fetchone() == (messages,)
        again = sql.SQL("""
SELECT date_bin('10 seconds', event_time, 'epoch'), label, count(*) FILTER (WHERE NOT late), count(*) FILTER (WHERE late),
       coalesce(sum((prediction = label)::int) FILTER (WHERE NOT late), 0)::float8,
       array_agg(DISTINCT model_version ORDER BY model_version)
FROM {predictions} GROUP BY 1, 2 ORDER BY 1, 2""")
        windows = sql.SQL(
            "SELECT window_start, label, rows, late, correct, model_versions FROM {windows} ORDER BY 1, 2"
        )
        counted = self.conn.execute(again.format(**tables)).fetchall()
        assert self.conn.execute(windows.format(**tables)).fetchall() == counted
        late = sql.SQL("""
(SELECT partition, "offset" FROM {late} EXCEPT SELECT partition, "offset" FROM {predictions} WHERE late)
UNION ALL (SELECT partition, "offset" FROM {predictions} WHERE late EXCEPT SELECT partition, "offset" FROM {late})""")
        assert self.conn.execute(late.format(**tables)).fetchall() == []

    def clear(self) -> None:
        """Drops what the streams of a test have made."""
        assert self.settings.kafka is not None
        topics = [name for stream in self.made for name in (stream.source.name, stream.dead_letters.name)]
        if topics:
            admin = AdminClient({**self.settings.kafka.client()})  # kept: a client that is gone does nothing more
            for gone in admin.delete_topics(topics).values():
                gone.exception()
            self._wait_until_gone(topics)
        for stream in self.made:
            for name in (stream.predictions_table, stream.windows_table, stream.late_table, stream.dead_letters_table):
                self.conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_table(name)))
            self.conn.execute("DELETE FROM landfall.stream_batches WHERE stream = %s", [stream.name])
            self.conn.execute("DELETE FROM landfall.stream_places WHERE stream = %s", [stream.name])
            self.conn.execute("DELETE FROM landfall.streams WHERE name = %s", [stream.name])

    def _wait_until_gone(self, topics: list[str]) -> None:
        """A topic is removed some time after the broker has said so; made again before, it would have its old messages."""
        assert self.settings.kafka is not None
        admin, until = AdminClient({**self.settings.kafka.client()}), time.monotonic() + 30
        while set(topics) & set(admin.list_topics(timeout=10).topics) and time.monotonic() < until:
            time.sleep(0.2)


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


@pytest.fixture(scope="session")
def libsvm(stack: Any, landfall: Any) -> Settings:
    """The stack's settings; a version of `libsvm` can serve."""
    listed = landfall("models", "libsvm", "--json")
    if listed.returncode or not json.loads(listed.stdout):
        done = landfall("train", "libsvm", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
    settings: Settings = stack.settings
    return settings


@pytest.fixture
def live(libsvm: Settings) -> Iterator[Live]:
    """See `Live`."""
    with connect(libsvm) as conn:
        one = Live(libsvm, conn)
        try:
            yield one
        finally:
            one.clear()
