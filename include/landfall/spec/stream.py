"""A stream: rows that arrive one after the other, scored by a model as SQL, and measured in windows of their own time."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from landfall.errors import SpecError
from landfall.spec.contract import Contract
from landfall.spec.file_format import JsonLines

SCHEMA = "streams"
"""The schema of the tables that streams write."""
RESERVED = (
    "topic", "partition", "offset", "event_time", "arrived_at", "prediction", "probability", "model_version", "late", "rows",
    "scored_at", "newest_time", "reason", "message", "window_start", "window_end", "model_versions", "updated_at",
)  # fmt: skip
"""Columns that every prediction of a stream has, whatever the rows have."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,200}")


@dataclass(frozen=True, kw_only=True)
class KafkaTopic:
    """A topic of a Kafka broker. A message is one JSON object.

    Args:
        name: The topic.
        partitions: How many partitions it gets if it has to be made.
    """

    name: str
    partitions: int = 2

    def __post_init__(self) -> None:
        if not _TOPIC.fullmatch(self.name) or self.name in (".", ".."):
            raise SpecError(
                f"KafkaTopic.name is `{self.name}`.", looked="expected letters, digits, points, dashes, underscores"
            )
        if self.partitions < 1:
            raise SpecError(
                f"KafkaTopic.partitions of `{self.name}` is {self.partitions}.", looked="expected 1 or more"
            )


@dataclass(frozen=True, kw_only=True)
class Window:
    """Tumbling windows of event time, and what is summed in them.

    Args:
        seconds: The length. A window begins at a whole multiple of it since 1970.
        by: Columns of the contract; a window has a row for each combination of their values.
        sums: Name -> a condition or a number in Spark SQL, over the row's columns and `prediction`. A window has the sum, and a
            condition counts 1 where it is true. Every window also has `rows`, the number of its rows.
        shares: Name -> one of the sums; the window has that sum divided by `rows`.
    """

    seconds: int = 10
    by: tuple[str, ...] = ()
    sums: Mapping[str, str] = field(default_factory=dict, hash=False)
    shares: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise SpecError(f"Window.seconds is {self.seconds}.", looked="expected 1 or more")
        for name in (*self.sums, *self.shares):
            if not _NAME.fullmatch(name):
                raise SpecError(f"Window has `{name}`, which is no name.", looked="expected lower_case_words")
        for name, of in self.shares.items():
            if of not in self.sums:
                raise SpecError.unknown(f"sum of the share `{name}`", of, list(self.sums))


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Rows from a topic, scored by the version of a model that serves, in batches; each batch is one transaction in Postgres.

    Args:
        name: The stream's name on the command line, and that of its DAG.
        source: Where the rows arrive.
        contract: What the rows promise. A row that breaks it becomes a dead letter.
        vectors: Column -> size, for columns of the row that are sparse vectors: a JSON object from positions, counted from 0,
            to numbers.
        format: Where a row has its values.
        time: The column of the contract with the row's own time, a timestamp.
        model: The registered model.
        table: The first part of the names of its tables: `streams.TABLE_predictions` and so on.
        label: The column of what really happened; empty if rows do not say it.
        lateness: A row whose time is this much before the newest time of an earlier row of its partition is late: it is scored
            and kept, and counted beside its window, not in it.
        ahead: A row whose time is further than this after its arrival is a dead letter. One wrong clock would otherwise make all
            later rows late.
        window: The windows.
        predictions: True if a row of its own is kept for each prediction.
        publish_to: A topic to which predictions go too, at least once, with `TOPIC-PARTITION-OFFSET` as key; or None.
        sample: Gives rows to try the stream with, column -> value, without times. Only `landfall stream send` calls it.
        batch: The most rows in a batch.
        keep: How long predictions, dead letters and batches are kept.
    """

    name: str
    source: KafkaTopic
    contract: Contract
    time: str
    model: str
    table: str
    format: JsonLines = field(default_factory=JsonLines)
    vectors: Mapping[str, int] = field(default_factory=dict, hash=False)
    label: str = ""
    lateness: timedelta = timedelta(seconds=10)
    ahead: timedelta = timedelta(hours=1)
    window: Window = field(default_factory=Window)
    predictions: bool = True
    publish_to: KafkaTopic | None = None
    sample: Callable[[], Sequence[Mapping[str, object]]] | None = field(default=None, hash=False, compare=False)
    batch: int = 50_000
    keep: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        for what, name in (("name", self.name), ("table", self.table)):
            if not _NAME.fullmatch(name):
                raise SpecError(f"Stream.{what} is `{name}`.", looked="expected lower_case_words, 41 letters at most")
        if self.contract.column(self.time).type != "timestamp":
            raise SpecError(
                f"Stream.time of `{self.name}` names `{self.time}` of type `{self.contract.column(self.time).type}`.",
                looked="expected a timestamp",
            )
        for name in (*self.window.by, *([self.label] if self.label else [])):
            self.contract.column(name)
        names = [*self.contract.names, *self.vectors, *self.window.sums, *self.window.shares]
        if taken := [name for name in names if name in RESERVED or names.count(name) > 1]:
            raise SpecError(
                f"Stream `{self.name}` cannot have the column `{taken[0]}`.",
                looked=f"taken: {', '.join(RESERVED)}, and every other column of the stream",
            )
        if self.batch < 1:
            raise SpecError(f"Stream.batch of `{self.name}` is {self.batch}.", looked="expected 1 or more")

    @property
    def predictions_table(self) -> str:
        """The table with a row for each scored row."""
        return f"{SCHEMA}.{self.table}_predictions"

    @property
    def windows_table(self) -> str:
        """The table with a row for each window."""
        return f"{SCHEMA}.{self.table}_accuracy" if self.window.shares else f"{SCHEMA}.{self.table}_windows"

    @property
    def dead_letters_table(self) -> str:
        """The table of rows that could not be scored."""
        return f"{SCHEMA}.{self.table}_dead_letters"

    @property
    def late_table(self) -> str:
        """The table of late rows."""
        return f"{SCHEMA}.{self.table}_late"

    @property
    def dead_letters(self) -> KafkaTopic:
        """The topic of rows that could not be scored."""
        return KafkaTopic(name=f"{self.source.name}.dead", partitions=1)
