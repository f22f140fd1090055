"""The pipelines, table models, streams and online learners of this project, by name. No pipeline has a table model's name.
table model.

`landfall.pipelines.catalogue` finds them. It is imported at the first look-up of a declaration. Airflow's servers live for weeks,
and every task is forked from one of them. If a server had imported a declaration that is edited later, all its future tasks
would have the old one. So the servers import this module but look nothing up. Each task, and each reading of the DAG files, gets
the declarations as they are on disk (tests/policy/test_fresh_declarations.py).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Generic, TypeVar

from landfall.errors import SpecError
from landfall.spec import Feed, OnlineLearner, Pipeline, Stream, TableModel

CATALOGUE = "landfall.pipelines.catalogue"
Declaration = TypeVar("Declaration", Pipeline, TableModel, Stream, OnlineLearner)


class Declarations(Mapping[str, Declaration], Generic[Declaration]):
    """Name -> declaration, for one list of the catalogue. The first look-up imports the catalogue."""

    def __init__(self, listed: str) -> None:
        self._list = listed

    @cached_property
    def named(self) -> dict[str, Declaration]:
        """Name -> declaration, as a dict."""
        return {declaration.name: declaration for declaration in getattr(import_module(CATALOGUE), self._list)}

    def __getitem__(self, name: str) -> Declaration:
        return self.named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)


PIPELINES: Declarations[Pipeline] = Declarations("PIPELINES")
TABLE_MODELS: Declarations[TableModel] = Declarations("TABLE_MODELS")
STREAMS: Declarations[Stream] = Declarations("STREAMS")
LEARNERS: Declarations[OnlineLearner] = Declarations("LEARNERS")


def find_pipeline(name: str) -> Pipeline:
    """The pipeline called `name`.

    Raises:
        SpecError: there is no such pipeline, and the message names the one with the nearest name; or it is a table model.
    """
    if name in PIPELINES:
        return PIPELINES[name]
    if name in TABLE_MODELS:
        raise SpecError(
            f"`{name}` is no pipeline but a table model: it has no partitions and no gate.",
            looked=f"pipelines: {', '.join(PIPELINES)}",
            next=f"landfall models {name}",
        )
    raise SpecError.unknown("pipeline", name, list(PIPELINES))


def find_table_model(name: str) -> TableModel:
    """The table model called `name`.

    Raises:
        SpecError: there is no such table model. The message names the one with the nearest name.
    """
    if name in TABLE_MODELS:
        return TABLE_MODELS[name]
    raise SpecError.unknown("table model", name, list(TABLE_MODELS))


def find_stream(name: str) -> Stream:
    """The stream called `name`.

    Raises:
        SpecError: there is no such stream. The message names the one with the nearest name.
    """
    if name in STREAMS:
        return STREAMS[name]
    raise SpecError.unknown("stream", name, list(STREAMS))


def find_learner(name: str) -> OnlineLearner:
    """The online learner called `name`.

    Raises:
        SpecError: there is no such learner. The message names the one with the nearest name.
    """
    if name in LEARNERS:
        return LEARNERS[name]
    raise SpecError.unknown("learner", name, list(LEARNERS))


def find_trainable(name: str) -> Pipeline | TableModel:
    """The pipeline or the table model called `name`. Both can be trained.

    Raises:
        SpecError: there is neither. The message names the pipeline or table model with the nearest name.
    """
    declaration = PIPELINES.get(name) or TABLE_MODELS.get(name)
    if declaration is None:
        raise SpecError.unknown("pipeline or table model", name, [*PIPELINES, *TABLE_MODELS])
    return declaration


def find_feed(name: str) -> Feed:
    """The feed called `pipeline/feed`.

    Raises:
        SpecError: the name has another form, or there is no such pipeline or feed.
    """
    pipeline, slash, feed = name.partition("/")
    if not slash:
        known = [feed.full_name for p in PIPELINES.values() for feed in p.feeds]
        raise SpecError.unknown("feed", name, known)
    return find_pipeline(pipeline).feed(feed)
