"""What a learner makes of some events, decided event by event; no database, no broker, no clock.

The decisions, with their reasons, are in docs/changes.md. The outcome depends on the events and their order alone, but for the
number of the state that answers a row of the second table: that table has a topic of its own, which may be read earlier or later.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from landfall.changes.events import Change, Message, Position, Unreadable, change_of, number
from landfall.changes.labels import Names
from landfall.changes.memory import Memory
from landfall.changes.online import Online, State

LEARNT, ANSWERED, DOUBLE, KEPT, SKIPPED = "learnt", "answered", "double", "not unlearnt", "skipped"
"""What may become of an event; `dead` is the fifth, which has a reason of its own."""
DEAD = "dead"


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """An answer. `answer` is a cluster, a class or a number; None: nothing was known yet, which is an answer too."""

    topic: str
    partition: int
    offset: int
    key: str
    answer: float | None
    label: str | None
    actual: float | None
    state: int
    rows_learnt: int
    changed_at: int


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that could not be used, with the reason."""

    message: Message
    reason: str


@dataclass(kw_only=True)
class Turn:
    """What some events gave. `before` and `state`: what was known before and after them.

    Args:
        positions: Topic -> the newest place in the source's log.
        counts: What became of the events -> how many.
        renamed: Number of a state -> the labels of its clusters, where they changed.
        alarms: The numbers of the states at which the error was found to have risen.
    """

    state: State
    positions: dict[str, Position]
    predictions: list[Prediction] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    renamed: list[tuple[int, Names]] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)

    def count(self, what: str) -> None:
        """One event more of which this became."""
        self.counts[what] = self.counts.get(what, 0) + 1


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A row to answer for, and to learn if it is one of the first table."""

    message: Message
    change: Change
    features: list[float]
    label: float


class Reader:
    """Turns events into lessons and answers.

    Args:
        online: The learner.
        frozen: True if it shall learn nothing; it answers and is measured.
    """

    def __init__(self, online: Online, *, frozen: bool = False) -> None:
        self.online, self.declared, self.frozen = online, online.declared, frozen
        self.train = self.declared.topic(self.declared.learns_from).name

    def read(
        self, state: State, positions: Mapping[str, Position], memory: Memory, messages: Sequence[Message]
    ) -> Turn:
        """Reads events, those of one topic in the order of their offsets.

        Args:
            state: What is known.
            positions: Topic -> the newest place in the source's log that was read.
            memory: The rows that were used already. It is changed.
            messages: The events.
        """
        turn = Turn(state=state, positions=dict(positions))
        for topic in sorted({message.topic for message in messages}, key=lambda topic: topic != self.train):
            rows = [row for message in messages if message.topic == topic for row in self._row(turn, memory, message)]
            if topic == self.train:
                self._learn(turn, rows)
            else:
                self._answer(turn, rows)
        return turn

    def _row(self, turn: Turn, memory: Memory, message: Message) -> Iterable[_Row]:
        """The row that an event says shall be learnt or answered for; none for all others, which are dealt with here."""
        try:
            change = change_of(message)
            if self._is_double(turn, message, change):
                turn.count(DOUBLE)
                return []
            if change.position:
                turn.positions[message.topic] = change.position
            if change.kind == "tombstone":
                turn.count(SKIPPED)
                return []
            if change.kind in ("delete", "truncate"):
                self._forget(turn, memory, message, change)
                return []
            features = [self._known(change, name) for name in self.declared.features]
            row = _Row(message=message, change=change, features=features, label=self._label(message, change))
        except Unreadable as error:
            turn.count(DEAD)
            turn.dead.append(DeadLetter(message=message, reason=str(error)))
            return []
        return [row] if self._is_new(turn, memory, row) else []

    def _is_double(self, turn: Turn, message: Message, change: Change) -> bool:
        """True if the log was read up to this event already: after a crash Debezium sends events again."""
        known = turn.positions.get(message.topic)
        return change.position is not None and known is not None and change.position <= known

    def _known(self, change: Change, column: str) -> float:
        value = number(change, column)
        if value is None:
            raise Unreadable(f"column `{column}` is null")
        return value

    def _label(self, message: Message, change: Change) -> float:
        """The row's label; NaN where it has none. Only the first table has labels."""
        if message.topic != self.train or not self.declared.label:
            return float("nan")
        value = number(change, self.declared.label)
        if value is None:
            return float("nan")
        classes = self.declared.classes
        if classes and (value != int(value) or not 0 <= value < len(classes)):
            raise Unreadable(f"column `{self.declared.label}` is {value:g}, not a class from 0 to {len(classes) - 1}")
        return value

    def _forget(self, turn: Turn, memory: Memory, message: Message, change: Change) -> None:
        """A row is gone. What was learnt from it stays: no learner here can take a row out of its state."""
        if change.kind == "truncate":
            memory.forget_all(message.topic)
        elif change.key_becomes is not None:
            memory.rename(message.topic, change.key, change.key_becomes)
        else:
            memory.forget(message.topic, change.key)
        turn.count(KEPT if message.topic == self.train and change.key_becomes is None else SKIPPED)

    def _is_new(self, turn: Turn, memory: Memory, row: _Row) -> bool:
        """True if the row shall be used: it was not, or has other values now that count. It is remembered."""
        topic, change = row.message.topic, row.change
        if not change.key:
            return True  # a table without a key: there is no telling whether the row is known
        digest = _digest(row)
        known = memory.of(topic, change.key)
        if known == digest:
            # A snapshot that was taken again, an insert that was sent again, or an update of columns that are not read.
            turn.count(SKIPPED if change.kind == "update" else DOUBLE)
            return False
        memory.remember(topic, change.key, digest)
        if known is not None and topic == self.train and self.declared.updates == "ignore":
            turn.count(KEPT)
            return False
        return True

    def _learn(self, turn: Turn, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        learnt_before = turn.state.rows
        lesson = self.online.learnt(turn.state, *_arrays(rows), learning=not self.frozen)
        turn.state = lesson.state
        turn.renamed += lesson.renamed
        turn.alarms += [int(lesson.numbers[at]) for at in lesson.alarms]
        for at, row in enumerate(rows):
            known = learnt_before if self.frozen else learnt_before + at
            turn.predictions.append(
                self._prediction(row, lesson.answers[at], lesson.classes[at], int(lesson.numbers[at]), known)
            )
            turn.count(ANSWERED if self.frozen else LEARNT)

    def _answer(self, turn: Turn, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        answers, classes = self.online.answers(turn.state, _arrays(rows)[0])
        for row, answer, label in zip(rows, answers, classes, strict=True):
            turn.predictions.append(self._prediction(row, answer, label, turn.state.number, turn.state.rows))
            turn.count(ANSWERED)

    def _prediction(self, row: _Row, answer: float, label: float, state: int, rows: int) -> Prediction:
        names = self.declared.classes
        return Prediction(
            topic=row.message.topic, partition=row.message.partition, offset=row.message.offset, key=row.change.key,
            answer=None if np.isnan(answer) else float(answer),
            label=names[int(label)] if names and not np.isnan(label) else None,
            actual=None if np.isnan(row.label) else row.label,
            state=state, rows_learnt=rows, changed_at=row.change.milliseconds,
        )  # fmt: skip


def _arrays(rows: Sequence[_Row]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row.features for row in rows]), np.array([row.label for row in rows])


def _digest(row: _Row) -> str:
    """Of the values that are read alone: an update of another column is no news."""
    values = json.dumps([*row.features, None if np.isnan(row.label) else row.label])
    return hashlib.sha256(values.encode()).hexdigest()[:32]
