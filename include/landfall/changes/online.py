"""A learner at work: it answers, is measured, and learns, row after row; its whole state is plain numbers.

The result depends on the rows and their order alone. An update happens after every `step` rows; the rows of an unfinished step
are in the state. So the batches in which rows were read, and a restart between two of them, change not one bit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from landfall.changes import drift
from landfall.changes.labels import Names, crossed, named
from landfall.changes.learners import KMeans, Learner, Rows, Values, learner_of, moments
from landfall.changes.learners.learner import Numbers, matrix, plain, restored
from landfall.changes.prequential import Prequential
from landfall.spec.online import OnlineLearner


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """All that a learner knows.

    Args:
        learner: The state of its algorithm.
        scaler: Count, mean and squared deviations of the features.
        waiting: The rows of the unfinished step, or of the warm-up; with their labels.
        counts: The labelled rows of each cluster with each label, decayed as the clusters are. Empty without clusters.
        names: The label of each cluster.
        number: The updates so far: state number 17 is the one after 17 updates.
        rows: The rows that were learnt, those of the unfinished step included.
        error: What was measured.
        drift: The state of the test of drift; empty without one.
        alarms: How often it has alarmed.
        faster: For so many rows more, older ones are forgotten twice as fast.
    """

    learner: Numbers
    scaler: Numbers
    waiting: Rows
    waiting_labels: Values
    counts: Rows
    error: Prequential
    names: Names = ()
    number: int = 0
    rows: int = 0
    drift: Mapping[str, Any] = field(default_factory=dict)
    alarms: int = 0
    faster: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What learning some rows gave.

    Args:
        state: The state after them.
        answers: What was answered for each row before it was learnt: a cluster, a class or a number; NaN: nothing yet.
        classes: The class of each answer: for a cluster its label at that time; NaN where there is none.
        numbers: The number of the state that answered for each row.
        renamed: The number of each state in which clusters got other labels, with the labels.
        alarms: The rows (counted from 0) at which the error was found to have risen.
    """

    state: State
    answers: Values
    classes: Values
    numbers: np.ndarray
    renamed: tuple[tuple[int, Names], ...] = ()
    alarms: tuple[int, ...] = ()


class Online:
    """A declared learner at work. It keeps nothing: states go in and come out."""

    def __init__(self, declared: OnlineLearner) -> None:
        self.declared = declared
        self.learner: Learner = learner_of(declared)
        self.test = drift.detector_of(declared.drift) if declared.drift and declared.label else None

    def start(self) -> State:
        """The state before the first row."""
        size = len(self.declared.features)
        return State(
            learner=self.learner.start(),
            scaler=moments.no_moments(size),
            waiting=np.empty((0, size)),
            waiting_labels=np.empty(0),
            counts=np.zeros((0, len(self.declared.classes))),
            error=Prequential(size=self.declared.window),
            drift=self.test.start() if self.test else {},
        )

    def answers(self, state: State, rows: Rows) -> tuple[Values, Values]:
        """A cluster, class or number for each row, and its class: see `Lesson`."""
        seen = moments.scaled(rows, state.scaler) if self.declared.scaled else rows
        answers = self.learner.answers(state.learner, seen)
        if not isinstance(self.learner, KMeans):
            return answers, answers
        if not state.names:
            return answers, np.full(len(rows), np.nan)
        names = np.array([np.nan if name is None else float(name) for name in state.names] + [np.nan])
        return answers, names[np.where(np.isnan(answers), -1, np.nan_to_num(answers)).astype(int)]

    def learnt(self, state: State, rows: Rows, labels: Values, *, learning: bool = True) -> Lesson:
        """Answers for each row, measures the answer, then learns the row.

        Args:
            state: The state before the rows.
            rows: Finite numbers.
            labels: The label of each row; NaN where it has none. A row without one is not measured.
            learning: False if the learner is frozen: it answers and is measured, and learns nothing.
        """
        answers, classes = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        numbers = np.zeros(len(rows), dtype=np.int64)
        renamed: list[tuple[int, Names]] = []
        alarms: list[int] = []
        at = 0
        while at < len(rows):
            some = slice(at, min(len(rows), at + (self._missing(state) if learning else len(rows))))
            answers[some], classes[some] = self.answers(state, rows[some])
            numbers[some] = state.number
            state, alarmed = self._measured(state, answers[some], classes[some], labels[some])
            alarms += [at + place for place in alarmed]
            if learning:
                before = state.names
                state = self._taken(state, rows[some], labels[some])
                if state.names != before:
                    renamed.append((state.number, state.names))
            at = some.stop
        return Lesson(
            state=state, answers=answers, classes=classes, numbers=numbers, renamed=tuple(renamed), alarms=tuple(alarms)
        )

    def _missing(self, state: State) -> int:
        """How many rows the unfinished step lacks. In the warm-up every row is a step."""
        return 1 if state.rows < self.learner.warm_up else self.declared.step - len(state.waiting)

    def _measured(self, state: State, answers: Values, classes: Values, labels: Values) -> tuple[State, list[int]]:
        """The state with the errors of the answers, and the places of those at which drift was found."""
        wrong = np.abs(answers - labels) if self.declared.algorithm.task == "regression" else (classes != labels) * 1.0
        asked = ~np.isnan(answers) & ~np.isnan(labels)
        if not self.declared.label or not asked.any():
            return replace(state, faster=max(0, state.faster - len(labels))), []
        alarms: list[int] = []
        places, tested, faster = np.flatnonzero(asked), state.drift, state.faster - len(labels)
        for place in places if self.test else ():
            tested, alarmed = self.test.after(tested, float(wrong[place]))  # type: ignore[union-attr]
            if alarmed:
                alarms.append(int(place))
                faster = self.declared.window - (len(labels) - 1 - int(place))
        if self.declared.drift is None or self.declared.drift.then != "faster":
            faster = 0
        error = state.error.after([float(wrong[place]) for place in places])
        return (
            replace(state, error=error, drift=tested, alarms=state.alarms + len(alarms), faster=max(0, faster)),
            alarms,
        )

    def _taken(self, state: State, rows: Rows, labels: Values) -> State:
        """The state with the rows among those of the step, which is learnt if it is whole."""
        waiting = np.concatenate([state.waiting, rows])
        waiting_labels = np.concatenate([state.waiting_labels, labels])
        state = replace(state, waiting=waiting, waiting_labels=waiting_labels, rows=state.rows + len(rows))
        if state.rows <= self.learner.warm_up:
            return self._warmed(state)
        return self._stepped(state) if len(waiting) == self.declared.step else state

    def _warmed(self, state: State) -> State:
        """The rows of the warm-up are learnt together, again with each row; after the last they are let go."""
        scaler, rows = moments.moments(state.waiting), state.waiting
        seen = moments.scaled(rows, scaler) if self.declared.scaled else rows
        learner = self.learner.began(seen)
        state = replace(state, learner=learner, scaler=scaler, number=state.number + 1)
        counts = np.zeros((len(learner["centers"]), len(self.declared.classes)))
        state = self._named(state, counts, self.learner.answers(learner, seen), state.waiting_labels)
        return self._let_go(state) if state.rows == self.learner.warm_up else state

    def _stepped(self, state: State) -> State:
        rows = state.waiting
        scaler = moments.merged(state.scaler, moments.moments(rows)) if self.declared.scaled else state.scaler
        seen = moments.scaled(rows, scaler) if self.declared.scaled else rows
        faster = state.faster > 0
        statistics = self.learner.statistics(state.learner, seen, state.waiting_labels)
        learner = self.learner.updated(state.learner, statistics, faster=faster)
        after = replace(state, learner=learner, scaler=scaler, number=state.number + 1)
        if isinstance(self.learner, KMeans):
            counts = state.counts * self.learner.discount(float(len(rows)), faster=faster)
            after = self._named(after, counts, self.learner.answers(state.learner, seen), state.waiting_labels)
        return self._let_go(after)

    def _named(self, state: State, counts: Rows, clusters: Values, labels: Values) -> State:
        if not self.declared.label:
            return state
        counts = counts + crossed(clusters, labels, (counts.shape[0], counts.shape[1]))
        return replace(state, counts=counts, names=named(counts, state.names))

    def _let_go(self, state: State) -> State:
        return replace(state, waiting=state.waiting[:0], waiting_labels=state.waiting_labels[:0])

    def to_json(self, state: State) -> str:
        """The state as one line of JSON; `from_json` gives the same, bit for bit."""
        written = {
            "learner": plain(state.learner), "scaler": plain(state.scaler), "waiting": state.waiting.tolist(),
            "waiting_labels": [None if np.isnan(label) else label for label in state.waiting_labels.tolist()],
            "counts": state.counts.tolist(), "names": list(state.names), "number": state.number, "rows": state.rows,
            "error": state.error.to_json(), "drift": dict(state.drift), "alarms": state.alarms, "faster": state.faster,
        }  # fmt: skip
        return json.dumps(written, allow_nan=False, separators=(",", ":"))

    def from_json(self, text: str) -> State:
        """The state that `to_json` wrote for the same declaration."""
        written, like = json.loads(text), self.start()
        labels = [np.nan if label is None else label for label in written["waiting_labels"]]
        error = written["error"]
        return State(
            learner=restored(written["learner"], like.learner),
            scaler=restored(written["scaler"], like.scaler),
            waiting=matrix(written["waiting"], len(self.declared.features)),
            waiting_labels=matrix(labels),
            counts=matrix(written["counts"], len(self.declared.classes)),
            names=tuple(written["names"]), number=written["number"], rows=written["rows"],
            error=Prequential(
                size=self.declared.window, newest=tuple(error["newest"]), count=error["count"], total=error["total"]
            ),
            drift=written["drift"], alarms=written["alarms"], faster=written["faster"],
        )  # fmt: skip
