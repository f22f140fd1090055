"""A learner that reads the changes of a database's tables: it learns from one table and predicts for the rows of another."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from landfall.errors import SpecError
from landfall.spec.capture import SlotAlert
from landfall.spec.online_algorithms import Algorithm
from landfall.spec.stream import KafkaTopic

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
SCHEMA = "changes"
"""The schema of the tables with the answers of learners."""


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """A table whose changes are captured.

    Args:
        name: The table, without its schema.
        schema: Its schema.
    """

    name: str
    schema: str = "public"

    def __post_init__(self) -> None:
        for what, name in (("name", self.name), ("schema", self.schema)):
            if not _NAME.fullmatch(name):
                raise SpecError(f"SourceTable.{what} is `{name}`.", looked="expected lower_case_words")

    @property
    def full_name(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class DriftAlarm:
    """When the error of a learner has changed so much that it is told, and what follows.

    Args:
        test: `adwin` compares older and newer errors in a window that grows while they are alike. `page_hinkley` sums how far the
            errors are above their mean.
        delta: ADWIN: the probability of a false alarm, of each test. Page-Hinkley: the change that does not count.
        threshold: Page-Hinkley: the sum that is an alarm. ADWIN has none.
        then: `nothing` but an event that a person sees; `faster`: k-means forgets twice as fast for the next `window` rows;
            `retrain`: the event says that a training is due.
    """

    test: Literal["adwin", "page_hinkley"] = "adwin"
    delta: float = 0.002
    threshold: float = 50.0
    then: Literal["nothing", "faster", "retrain"] = "nothing"

    def __post_init__(self) -> None:
        if self.test not in ("adwin", "page_hinkley"):
            raise SpecError.unknown("test of drift", self.test, ["adwin", "page_hinkley"])
        if self.then not in ("nothing", "faster", "retrain"):
            raise SpecError.unknown("answer to drift", self.then, ["nothing", "faster", "retrain"])
        if not 0 < self.delta < 1 or self.threshold <= 0:
            raise SpecError(
                f"DriftAlarm has delta {self.delta}, threshold {self.threshold}.",
                looked="expected delta between 0 and 1, threshold above 0",
            )


@dataclass(frozen=True, kw_only=True)
class OnlineLearner:
    """A model that learns from the changes of one table while it answers for the rows of another.

    Args:
        name: The learner's name on the command line, of its connector and of its model.
        database: The source database. The embedded stack makes it.
        learns_from: The table of labelled rows.
        answers_for: The table whose rows get predictions; None if only the labelled rows do.
        features: Columns of both tables, numbers, in the order in which the algorithm sees them.
        algorithm: What learns.
        label: The column of `learns_from` with what really is: a class counted from 0, or a number. K-means reads it only to name
            its clusters and to measure its error; empty if there is none.
        classes: The names of the classes, by number.
        scaled: True if each feature is brought to mean 0 and standard deviation 1, as known so far, before the algorithm sees it.
        step: The labelled rows in one update. The rows of an unfinished step wait in the state, so that the batches in which rows
            were read play no part in what is learnt.
        window: The newest labelled rows over which the error is measured, beside the one since the start.
        drift: When the error is said to have changed; None: never.
        updates: What an UPDATE of a row that was learnt does: `learn` takes the new values as a further row, `ignore` leaves
            them.
        publish_to: A topic that predictions go to as well, at least once, keyed by TOPIC-PARTITION-OFFSET; or None.
        keep_state_every: After so many learnt rows the state is kept, to look at or to go back to.
        keep: How long predictions and dead letters are kept.
        batch: The most events in a batch.
        slot_alert: How far its replication slot may be behind before people are told.
    """

    name: str
    database: str
    learns_from: SourceTable
    features: tuple[str, ...]
    algorithm: Algorithm
    answers_for: SourceTable | None = None
    label: str = ""
    classes: tuple[str, ...] = ()
    scaled: bool = False
    step: int = 1
    window: int = 200
    drift: DriftAlarm | None = field(default_factory=DriftAlarm)
    updates: Literal["learn", "ignore"] = "learn"
    publish_to: KafkaTopic | None = None
    keep_state_every: int = 100
    keep: timedelta = timedelta(days=30)
    batch: int = 10_000
    slot_alert: SlotAlert = field(default_factory=SlotAlert)

    def __post_init__(self) -> None:
        for what, name in (("name", self.name), ("database", self.database)):
            if not _NAME.fullmatch(name):
                raise SpecError(f"OnlineLearner.{what} is `{name}`.", looked="expected lower_case_words")
        if not self.features or len(set(self.features)) != len(self.features) or self.label in self.features:
            raise SpecError(
                f"OnlineLearner.features of `{self.name}` are {', '.join(self.features) or 'empty'}.",
                looked="expected names of columns, each once, and not the label",
            )
        self._require_label()
        if self.answers_for == self.learns_from:
            raise SpecError(
                f"OnlineLearner.answers_for of `{self.name}` is the table that it learns from.",
                looked=f"{self.learns_from.full_name}: its rows get predictions already, before they are learnt",
                next="leave answers_for out",
            )
        for what, number in (
            ("step", self.step),
            ("window", self.window),
            ("batch", self.batch),
            ("keep_state_every", self.keep_state_every),
        ):
            if number < 1:
                raise SpecError(f"OnlineLearner.{what} of `{self.name}` is {number}.", looked="expected 1 or more")
        if self.updates not in ("learn", "ignore"):
            raise SpecError.unknown("answer to an UPDATE", self.updates, ["learn", "ignore"])
        if self.drift and self.drift.then == "faster" and self.algorithm.task != "clustering":
            raise SpecError(
                f"DriftAlarm.then of `{self.name}` is `faster`.", looked="expected k-means: only it has a half-life"
            )

    def _require_label(self) -> None:
        task = self.algorithm.task
        if task != "clustering" and not self.label:
            raise SpecError(f"OnlineLearner.label of `{self.name}` is empty.", looked=f"a {task} needs one")
        if bool(self.classes) != bool(self.label and task != "regression") or len(self.classes) == 1:
            raise SpecError(
                f"OnlineLearner.classes of `{self.name}` are {', '.join(self.classes) or 'empty'}.",
                looked="expected two names or more where the label is a class, and none elsewhere",
            )

    @property
    def tables(self) -> tuple[SourceTable, ...]:
        """The captured tables: the one it learns from, then the one it answers for."""
        return tuple(filter(None, (self.learns_from, self.answers_for)))

    def topic(self, table: SourceTable) -> KafkaTopic:
        """The topic with a table's changes. One partition: the events of a table have one order, so its state has one history."""
        return KafkaTopic(name=f"{self.name}.{table.full_name}", partitions=1)

    @property
    def predictions_table(self) -> str:
        """The table with a row for each prediction."""
        return f"{SCHEMA}.{self.name}_predictions"

    @property
    def dead_letters_table(self) -> str:
        """The table of events that could not be used."""
        return f"{SCHEMA}.{self.name}_dead_letters"
