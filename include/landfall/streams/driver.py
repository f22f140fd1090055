"""Drives one stream: reads the next range of offsets, has Spark score it, commits it, and looks again.

A process drives one stream at a time, and ends when it is told to stop, when another process takes the stream, or when a server
fails; whoever started it starts it again (`landfall.streams.runner`). It keeps nothing that the database does not have.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from landfall.database import Database, connect
from landfall.errors import LandfallError, StreamError
from landfall.spec import Settings
from landfall.spec.stream import Stream
from landfall.streams import state
from landfall.streams.batch import Batch, Committed, commit
from landfall.streams.copies import Copies
from landfall.streams.pulse import LONGEST, pulse
from landfall.streams.retention import Retention
from landfall.streams.scorer import Scorers
from landfall.streams.scoring_session import ScoringSession, bounded
from landfall.streams.state import StreamState
from landfall.streams.tables import ensure_tables
from landfall.streams.topics import Topic, broker_of

log = logging.getLogger("landfall.streams")
IDLE = 0.05
"""The seconds between two looks at a topic that has nothing new."""
BEAT = 1.0
"""The seconds between two signs of life."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How a topic stood when the driver looked.

    Args:
        ends: Partition -> the first offset that is there, and the end.
        next_offsets: Partition -> the next offset of the stream.
    """

    ends: dict[int, tuple[int, int]]
    next_offsets: dict[int, int]

    @property
    def lag(self) -> int:
        """The messages that the stream has not read."""
        return sum(end - max(first, self.next_offsets.get(at, first)) for at, (first, end) in self.ends.items())

    @property
    def lost(self) -> int:
        """The messages that were removed from the topic before the stream read them."""
        return sum(max(0, first - self.next_offsets.get(at, first)) for at, (first, _) in self.ends.items())


class Driver:
    """Drives a stream in this process. Use `drive`."""

    def __init__(
        self, conn: Database, settings: Settings, stream: Stream, topic: Topic, session: ScoringSession
    ) -> None:
        self.conn, self.settings, self.stream, self.topic, self.session = conn, settings, stream, topic, session
        self.scorers = Scorers(settings, stream, session.keep)
        self.copies = Copies(settings, stream)
        self.retention = Retention(stream)
        self.places = state.places(conn, stream.name, stream.source.name)
        self.epoch = state.take(conn, stream.name, f"{socket.gethostname()} pid {os.getpid()}")
        self.shown = StreamState(name=stream.name, state="starting")
        self.hung: Callable[[], object] | None = None
        self._beaten = 0.0

    def run(self) -> None:
        """Drives the stream until it is told to stop.

        Raises:
            Fenced: another process has taken the stream.
            LandfallError: a server failed.
        """
        while self._wanted():
            if not self.step():
                time.sleep(IDLE)
        self._show("stopped")

    def step(self) -> Committed | None:
        """Does one batch; None if there is nothing to read."""
        began = datetime.now(UTC)
        seen = Seen(ends=self.topic.ends(), next_offsets={at: place.next_offset for at, place in self.places.items()})
        ranges = bounded(seen.ends, seen.next_offsets, self.stream.batch)
        if not ranges:
            self.shown = replace(self.shown, lag_rows=0, lag_seconds=0.0)
            return None
        scorer = self.scorers.current(self.conn)
        with pulse(self.settings, self.epoch, lambda: self.shown, self.hung):
            table = self.session.score(ranges, scorer)
            self.copies.send(table, scorer.version)
        batch = Batch(
            table=table, ranges=ranges, places=self.places, lost=seen.lost, model_version=scorer.version, began=began
        )
        done = commit(self.conn, self.stream, self.epoch, batch)
        self._move(ranges, done)
        oldest = float(table.column("_arrived").to_numpy().min()) / 1e6 if table.num_rows else began.timestamp()
        self.shown = replace(
            self.shown,
            model_version=scorer.version,
            refused=self.scorers.refused,
            lag_rows=seen.lag - sum(after - first for first, after in ranges.values()),
            lag_seconds=max(0.0, datetime.now(UTC).timestamp() - oldest),
        )
        self.retention.apply(self.conn)
        return done

    def _move(self, ranges: dict[int, tuple[int, int]], done: Committed) -> None:
        for partition, (_, after) in ranges.items():
            before = self.places.get(partition)
            newest = done.newest.get(partition, before.newest_time if before else None)
            self.places[partition] = state.Place(next_offset=after, newest_time=newest)

    def _wanted(self) -> bool:
        """True if the stream shall go on. Gives a sign of life now and then."""
        if time.monotonic() - self._beaten < BEAT:
            return True
        return self._show("running") == "running"

    def _show(self, how: str) -> str:
        self._beaten = time.monotonic()
        self.shown = replace(self.shown, state=how)
        return state.beat(self.conn, self.stream.name, self.epoch, self.shown)


@contextmanager
def opened(settings: Settings, stream: Stream) -> Iterator[Driver]:
    """A driver that has taken the stream, with its tables, its topic and its session."""
    broker = broker_of(settings)
    with connect(settings) as conn:
        ensure_tables(conn, stream)
        topic = Topic(broker, stream.source)
        try:
            topic.ensure()
            session = ScoringSession(settings, stream)
            try:
                yield Driver(conn, settings, stream, topic, session)
            finally:
                session.close()
        finally:
            topic.close()


def drive(settings: Settings, stream: Stream, hung: Callable[[], object] | None = None) -> None:
    """Drives a stream until it is told to stop.

    Args:
        settings: Where the servers are.
        stream: The stream.
        hung: What is called, in another thread, when a batch has not ended after ten minutes and that has been written down.
            It ends the process: a call that waits for a server for ever cannot be woken. None: nothing is done.

    Raises:
        Fenced: another process has taken the stream.
        LandfallError: a server failed; the stream's line says so.
    """
    try:
        with opened(settings, stream) as driver:
            log.info("`%s` goes on at epoch %d, on %s", stream.name, driver.epoch, driver.session.address)
            driver.hung = hung and partial(_give_up, settings, stream, driver, hung)
            try:
                driver.run()
            except LandfallError as error:
                _note(settings, stream, driver.epoch, error)
                raise
    except state.Fenced:
        raise
    except LandfallError as error:
        _note(settings, stream, None, error)
        raise


def _give_up(settings: Settings, stream: Stream, driver: Driver, hung: Callable[[], object]) -> None:
    what = f"A batch of `{stream.name}` has not ended in {LONGEST / 60:.0f} minutes."
    looked = f"Spark at {driver.session.address}"
    left = "nothing of the batch was committed; the stream is started again where it stands"
    error = StreamError(what, looked=looked, left=left, next="landfall logs spark")
    log.error("%s", error)
    _note(settings, stream, driver.epoch, error)
    hung()


def _note(settings: Settings, stream: Stream, epoch: int | None, error: LandfallError) -> None:
    """Writes down why the stream does not go on, if the database can be reached."""
    try:
        with connect(settings, longest=5) as conn:
            present = state.state_of(conn, stream.name)
            if epoch in (None, present.epoch):
                text = f"{error.what} {error.looked}".strip()
                failing = replace(present, state="failing", problem=text)
                state.beat(conn, stream.name, present.epoch, failing)
    except LandfallError:
        log.warning("the failure could not be written down: the database is away")
