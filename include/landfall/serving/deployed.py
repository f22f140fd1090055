"""The tables of deployed models as they are served: `deployed/SCHEMA.TABLE`.

They belong to people, so nobody here gives the service a right to them: their owner does, with GRANT, on the whole table or on
some of its columns. Until then a caller is told what they have to say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from landfall.deployments.readable import ReadableTable
from landfall.errors import PublishingError, SpecError
from landfall.publishing.keys import can_be_key
from landfall.serving.known import Freshness
from landfall.serving.live import VERSION, LiveColumns, LiveReading
from landfall.serving.tables import NotPublished, Row, Served, refuse_taken_names

DEPLOYED = "deployed/"
NAME = re.compile(r"[\w$ -]+")
"""What the schema and the table may be called: their name is a part of an address."""


@dataclass(frozen=True, kw_only=True)
class DeployedTable(Served):
    """A table that a model is deployed to.

    Args:
        version: The version that scores its rows now.
        since: Since when it does.
        grants: The statements with which its owner lets the service read it.
    """

    version: str
    since: datetime
    grants: tuple[str, ...]
    table: LiveColumns
    reading: LiveReading

    def stale(self, row: Row, known: Freshness) -> str:
        """`model changed` for a row that another version scored, `not scored` for one that was there before the model."""
        if VERSION not in self.table.columns or row.model_version == self.version:
            return ""
        return "model changed" if row.model_version else "not scored"

    def missing(self) -> NotPublished:
        """The table was dropped or renamed just now."""
        return NotPublished(
            f"There is no table `{self.table.name}` with a model any more.",
            next="landfall deployments",
            fault="request",
        )

    def closed(self, words: str) -> PublishingError:
        """Its owner has taken the right back just now."""
        return not_granted(self.name, self.table.name, words, self.grants)


@dataclass(frozen=True)
class Deployments:
    """The deployed tables: those that are served, by name, and why the others are not."""

    served: dict[str, DeployedTable]
    refused: dict[str, PublishingError]

    def table(self, name: str) -> DeployedTable:
        """The table that is served as `name`.

        Raises:
            PublishingError: it is not served; the message says why, and what lets it be served.
        """
        if served := self.served.get(name):
            return served
        if refused := self.refused.get(name):
            raise refused
        unknown = PublishingError.unknown("table with a deployed model", name, list(self.served))
        raise NotPublished(unknown.what, looked=unknown.looked, next="landfall deployments", fault="request")


NO_DEPLOYMENTS = Deployments({}, {})


def deployed_tables(tables: Iterable[ReadableTable]) -> Deployments:
    """The deployed tables, as this service can serve them."""
    served: dict[str, DeployedTable] = {}
    refused: dict[str, PublishingError] = {}
    for readable in tables:
        name = f"{DEPLOYED}{readable.table}"
        try:
            served[name] = _served(name, readable)
        except PublishingError as error:
            refused[name] = error
    return Deployments(served, refused)


def _served(name: str, readable: ReadableTable) -> DeployedTable:
    table = readable.table
    if not (NAME.fullmatch(table.schema) and NAME.fullmatch(table.table)):
        raise _refused(
            name, "its name has signs that an address cannot have", f"ALTER TABLE {table.quoted} RENAME TO ..."
        )
    if not readable.key:
        raise _refused(name, "it has no primary key", f"ALTER TABLE {table.quoted} ADD PRIMARY KEY (...)")
    if readable.closed:
        raise not_granted(name, str(table), f"columns of its key: {', '.join(readable.closed)}", readable.grants)
    columns = LiveColumns(name=str(table), columns=readable.columns, key=readable.key)
    for column in columns.key:
        if not can_be_key(columns.columns[column]):
            raise _refused(name, f"`{column}` of its key is {columns.columns[column]}", "landfall sql reads it")
    try:
        refuse_taken_names(name, columns)
    except SpecError as error:
        raise NotPublished(error.what, looked=error.looked, next=error.next, fault="request") from None
    return DeployedTable(
        name=name, group="deployed", table=columns, model=readable.model, version=readable.version, since=readable.since,
        grants=readable.grants, reading=LiveReading(columns, table.schema, table.table),
    )  # fmt: skip


def not_granted(name: str, table: str, looked: str, grants: Iterable[str]) -> NotPublished:
    """The error for a table whose owner has not let the service read it."""
    return NotPublished(
        f"`{name}` is not served: the owner of `{table}` has not let the service read it.",
        looked=looked,
        next="as its owner: " + " && ".join(f"landfall sql '{statement}'" for statement in grants),
        fault="request",
    )


def _refused(name: str, why: str, next: str) -> NotPublished:
    return NotPublished(f"`{name}` cannot be served: {why}.", next=next, fault="request")
