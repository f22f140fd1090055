"""What is served under which name: the tables of the declared pipelines, with the paths that lead to them."""

from collections.abc import Iterable
from dataclasses import dataclass

from landfall.errors import SpecError
from landfall.publishing.keys import EXAMPLES
from landfall.publishing.reading import Reading
from landfall.spec import Feed, Pipeline, PredictionTable

RESERVED = ("tables", "models")
"""Names of the service's own paths under /v1, which no pipeline can have."""
OPTIONS = ("as_of", "limit", "after")
"""Names of query parameters that are no column."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A table that is served.

    Args:
        name: Its path below `/v1/`, and its name in the scope of a key: `bike_demand` or `bike_demand/errors`.
        pipeline: The pipeline that it belongs to.
        feed: The feed whose runs publish it.
        table: The prediction table.
        model: The registered model whose versions predicted its rows; empty if none did.
        reading: Its statements.
    """

    name: str
    pipeline: str
    feed: Feed
    table: PredictionTable
    model: str
    reading: Reading

    @property
    def last(self) -> str:
        """The last column of the key, which a range is over."""
        return self.table.key[-1]

    def example(self, column: str) -> str:
        """An example value of a column of the key: for a text, the constant that the feed's transform gives it, if it does."""
        constants = self.feed.transform.arguments if self.feed.transform else {}
        return str(constants.get(column, "")) or EXAMPLES.get(self.table.columns[column]) or column.upper()


def served_tables(pipelines: Iterable[Pipeline]) -> dict[str, Served]:
    """Name -> table, for every table that the pipelines publish. The table of errors of PIPELINE is `PIPELINE/errors`.

    Raises:
        SpecError: a pipeline or a column has a name that the service needs itself.
    """
    found: dict[str, Served] = {}
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
            _refuse_taken_names(name, feed.table)
            served = Served(
                name=name, pipeline=pipeline.name, feed=feed, table=feed.table, model=model, reading=Reading(feed.table)
            )
            found.setdefault(name, served)
    return found


def _refuse_taken_names(name: str, table: PredictionTable) -> None:
    taken = {*OPTIONS, f"{table.key[-1]}_from", f"{table.key[-1]}_to"}
    if clash := [column for column in table.key if column in taken]:
        raise SpecError(
            f"`{name}` cannot be served: `{clash[0]}` is a column of its key and a parameter of the service.",
            looked=f"parameters: {', '.join(sorted(taken))}",
            next="give the column another name",
        )
