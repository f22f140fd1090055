"""What is served under which name: the tables of the declared pipelines, with the paths that lead to them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landfall.errors import PublishingError, SpecError
from landfall.publishing.keys import Keyed, example
from landfall.publishing.reading import PublishedRow, Reading
from landfall.serving.known import Freshness
from landfall.serving.live import VERSION, LiveReading, LiveRow
from landfall.spec import Feed, Pipeline, PredictionTable

RESERVED = ("tables", "models", "streams", "deployed")
"""Names of the service's own paths under /v1, which no pipeline can have."""
OPTIONS = ("as_of", "limit", "after")
"""Names of query parameters that are no column."""
Row = PublishedRow | LiveRow
"""A row as the service reads it."""


class NotPublished(PublishingError):
    """The table, or the publication that was asked for, is not there."""


@dataclass(frozen=True, kw_only=True)
class Served(ABC):
    """A table that is served.

    Args:
        name: Its path below `/v1/`, and its name in the scope of a key: `bike_demand`, `bike_demand/errors`,
            `streams/libsvm_predictions`, `deployed/public.flowers`.
        group: What it belongs to: a pipeline, a stream, or `deployed`.
        table: The table.
        model: The registered model whose versions predicted its rows; empty if none did.
        reading: Its statements.
    """

    name: str
    group: str
    table: Keyed
    model: str
    reading: Reading | LiveReading

    @property
    def last(self) -> str:
        """The last column of the key, which a range is over."""
        return self.table.key[-1]

    @property
    def values(self) -> Sequence[str]:
        """The columns outside of the key, without the model's version, which every answer has in its own place."""
        return [name for name in self.table.columns if name not in self.table.key and name != VERSION]

    def example(self, column: str) -> str:
        """An example value of a column of the key."""
        return example(self.table, column)

    @abstractmethod
    def stale(self, row: Row, known: Freshness) -> str:
        """Why a row is stale; empty if it is not."""

    @abstractmethod
    def missing(self) -> NotPublished:
        """The error for a table that is not there yet."""

    @abstractmethod
    def closed(self, words: str) -> PublishingError:
        """The error for a table that the service may not read. `words` are PostgreSQL's."""


@dataclass(frozen=True, kw_only=True)
class PublishedTable(Served):
    """A prediction table, whose partitions are published.

    Args:
        feed: The feed whose runs publish it.
    """

    feed: Feed
    table: PredictionTable
    reading: Reading

    @property
    def values(self) -> Sequence[str]:
        """The declared columns outside of the key."""
        return self.table.values

    def example(self, column: str) -> str:
        """An example value of a column of the key: for a text, the constant that the feed's transform gives it, if it does."""
        constants = self.feed.transform.arguments if self.feed.transform else {}
        return str(constants.get(column, "")) or super().example(column)

    def stale(self, row: Row, known: Freshness) -> str:
        """Why the publication of a row is stale."""
        return known.stale.get((self.name, row.partition), "") if isinstance(row, PublishedRow) else ""

    def missing(self) -> NotPublished:
        """No partition has been published yet."""
        return NotPublished(
            f"There is no prediction table `{self.table.name}` yet.",
            left="its first publication makes it",
            next="land a file of this pipeline (`landfall land --help`)",
            fault="request",
        )

    def closed(self, words: str) -> PublishingError:
        """An earlier version made the table, and gave the service no right."""
        return PublishingError(
            f"The service may not read `{self.table.name}`.",
            looked=words,
            next="landfall migrate    (a table of an earlier version: publish one of its partitions again)",
        )


def served_tables(pipelines: Iterable[Pipeline]) -> dict[str, PublishedTable]:
    """Name -> table, for every table that the pipelines publish. The table of errors of PIPELINE is `PIPELINE/errors`.

    Raises:
        SpecError: a pipeline or a column has a name that the service needs itself.
    """
    found: dict[str, PublishedTable] = {}
    for pipeline in pipelines:
        if pipeline.name in RESERVED:
            raise SpecError(
                f"The pipeline `{pipeline.name}` cannot be served: /v1/{pipeline.name} is a path of the service.",
                next="give the pipeline another name",
            )
        model = pipeline.training.model if pipeline.training else ""
        for feed in pipeline.feeds:
            if feed.table == pipeline.table:
                name = pipeline.name
            else:
                name = f"{pipeline.name}/{'errors' if feed.held_against else feed.name}"
            refuse_taken_names(name, feed.table)
            served = PublishedTable(
                name=name, group=pipeline.name, feed=feed, table=feed.table, model=model, reading=Reading(feed.table)
            )
            found.setdefault(name, served)
    return found


def refuse_taken_names(name: str, table: Keyed) -> None:
    """Raises an error if a column of the key has the name of a parameter of the service.

    Raises:
        SpecError: one has.
    """
    taken = {*OPTIONS, f"{table.key[-1]}_from", f"{table.key[-1]}_to"}
    if clash := [column for column in table.key if column in taken]:
        raise SpecError(
            f"`{name}` cannot be served: `{clash[0]}` is a column of its key and a parameter of the service.",
            looked=f"parameters: {', '.join(sorted(taken))}",
            next="give the column another name",
        )
