"""The pipelines of this project and its table models, by name. A name is of one of either.

They are listed in `landfall.pipelines.catalogue`, which is imported when somebody first asks for one. Airflow's servers live
for weeks, and every task is forked from one of them: a declaration that a server had imported would be the old one, after an
edit, in all tasks to come. So the servers import this module and ask for nothing, and each task and each reading of the DAG
files finds the declarations as they are on disk (tests/policy/test_fresh_declarations.py).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Generic, TypeVar

from landfall.errors import SpecError
from landfall.spec import Feed, Pipeline, TableModel

CATALOGUE = "landfall.pipelines.catalogue"
Declaration = TypeVar("Declaration", Pipeline, TableModel)


class Declarations(Mapping[str, Declaration], Generic[Declaration]):
    """Name -> declaration, of one list of the catalogue. The first question imports it."""

    def __init__(self, listed: str) -> None:
        self._list = listed

    @cached_property
    def named(self) -> dict[str, Declaration]:
        """The declarations themselves."""
        return {each.name: each for each in getattr(import_module(CATALOGUE), self._list)}

    def __getitem__(self, name: str) -> Declaration:
        return self.named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)


PIPELINES: Declarations[Pipeline] = Declarations("PIPELINES")
TABLE_MODELS: Declarations[TableModel] = Declarations("TABLE_MODELS")


def find_pipeline(name: str) -> Pipeline:
    """The pipeline called `name`.

    Raises:
        SpecError: there is none; the message names the nearest. Or it is a table model.
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
        SpecError: there is none; the message names the nearest.
    """
    if name in TABLE_MODELS:
        return TABLE_MODELS[name]
    raise SpecError.unknown("table model", name, list(TABLE_MODELS))


def find_trainable(name: str) -> Pipeline | TableModel:
    """The pipeline or the table model called `name`: whatever can be trained.

    Raises:
        SpecError: there is none; the message names the nearest of both.
    """
    found = PIPELINES.get(name) or TABLE_MODELS.get(name)
    if found is None:
        raise SpecError.unknown("pipeline or table model", name, [*PIPELINES, *TABLE_MODELS])
    return found


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
