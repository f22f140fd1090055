"""Drives one learner: reads events, commits a batch, sends copies of its answers, and looks again.

A process drives one learner at a time. It ends when it is told to stop, when another process takes the learner, or when a server
fails; whoever started it starts it again (`landfall.streams.runner`). It keeps nothing that the database does not have.
"""

import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from landfall.changes import state as kept
from landfall.changes.batch import Committed, Places, as_message, commit
from landfall.changes.online import Online
from landfall.changes.source import Source, Topics
from landfall.changes.tables import ensure_tables
from landfall.changes.turn import Turn
from landfall.database import Database, connect
from landfall.errors import LandfallError
from landfall.spec import Settings
from landfall.spec.online import OnlineLearner
from landfall.streams import state as lines
from landfall.streams.state import Fenced, StreamState
from landfall.streams.topics import broker_of, ensure_topic, producer, send_all

log = logging.getLogger("landfall.changes")
WAIT = 0.05
"""The seconds that a look at the topics waits for the first event."""
BEAT = 1.0
"""The seconds between two signs of life."""


class Driver:
    """Drives a learner in this process. Use `drive`."""

    def __init__(self, conn: Database, declared: OnlineLearner) -> None:
        self.conn, self.declared, self.online = conn, declared, Online(declared)
        self.epoch = lines.take(conn, declared.name, f"{socket.gethostname()} pid {os.getpid()}", kind="learner")
        self.known = kept.known_of(conn, self.online)
        self.places: Places = {
            (topic, partition): place.next_offset
            for topic in (declared.topic(table).name for table in declared.tables)
            for partition, place in lines.places(conn, declared.name, topic).items()
        }
        self.shown = StreamState(name=declared.name, kind="learner", state="starting")
        self._beaten = 0.0

    def step(self, source: Source, send: Callable[[Turn], None] = lambda turn: None) -> Committed | None:
        """Reads and commits one batch; None if nothing came. `send` gets what the batch gave before it is committed."""
        messages = source.read(self.declared.batch, WAIT)
        done = commit(self.conn, self.online, self.epoch, self.known, self.places, messages, send)
        if done is not None:
            self.known, self.places = done.known, done.places
        return done

    def wanted(self, source: Source) -> bool:
        """True if the learner shall go on. Now and then it gives a sign of life, and looks whether it is frozen."""
        if time.monotonic() - self._beaten < BEAT:
            return True
        self._beaten = time.monotonic()
        lag = source.lag(self.places)
        self.shown = replace(self.shown, state="running", lag_rows=lag, model_version=str(self.known.state.number))
        self.known = replace(self.known, frozen=kept.frozen_of(self.conn, self.declared.name))
        return lines.beat(self.conn, self.declared.name, self.epoch, self.shown) == "running"

    def stopped(self) -> None:
        """Writes down that the learner has stopped."""
        lines.beat(self.conn, self.declared.name, self.epoch, replace(self.shown, state="stopped"))


class Copies:
    """Sends answers to the topic that they are published to: at least once, keyed by TOPIC-PARTITION-OFFSET of the event.

    They are sent when the transaction has done everything but commit. If the commit then fails, the batch is done again, and they
    are sent again; a reader keeps the last one of a key.
    """

    def __init__(self, settings: Settings, declared: OnlineLearner) -> None:
        self.topic, self.broker = declared.publish_to, broker_of(settings)
        if self.topic is not None:
            ensure_topic(self.broker, self.topic)
            self._producer = producer(self.broker)

    def send(self, turn: Turn) -> None:
        """Sends the answers of a batch, and returns when the broker has them.

        Raises:
            StreamError: the broker does not take them.
        """
        if self.topic is not None and turn.predictions:
            rows = ((f"{one.topic}-{one.partition}-{one.offset}", as_message(one)) for one in turn.predictions)
            send_all(self._producer, self.topic, rows, self.broker)


def drive(settings: Settings, declared: OnlineLearner) -> None:
    """Drives a learner until it is told to stop.

    Raises:
        Fenced: another process has taken the learner.
        LandfallError: a server failed; the learner's line says so.
    """
    with connect(settings) as conn:
        ensure_tables(conn, declared)
        driver = Driver(conn, declared)
        try:
            with Topics(settings, declared, driver.places) as source:
                copies = Copies(settings, declared)
                log.info("`%s` goes on at state %d", declared.name, driver.known.state.number)
                while driver.wanted(source):
                    driver.step(source, copies.send)
            driver.stopped()
        except Fenced:
            raise
        except LandfallError as error:
            _note(settings, driver, error)
            raise


def _note(settings: Settings, driver: Driver, error: LandfallError) -> None:
    """Writes down why the learner does not go on, if the database can be reached."""
    text = f"{error.what} {error.looked}".strip()
    try:
        with connect(settings, longest=5) as conn:
            failing = replace(driver.shown, state="failing", problem=text, heartbeat=datetime.now(UTC))
            lines.beat(conn, driver.declared.name, driver.epoch, failing)
    except LandfallError:
        log.warning("the failure could not be written down: the database is away")
