"""Names in PostgreSQL: a table with its schema, and columns that fit."""

from dataclasses import dataclass
from typing import Self

from landfall.errors import DeploymentError
from landfall.scoring import PostgreSQL

LONGEST = 63
"""Bytes of a name; PostgreSQL cuts off what is beyond, in silence."""
OURS = ("landfall", "landfall_models", "predictions", "publications_data")
"""Schemas of Landfall's own tables and functions: a model there would score, or hold up, what Landfall writes itself."""


def quoted(name: str) -> str:
    """A name as PostgreSQL reads it back."""
    return PostgreSQL().identifier(name)


def literal(text: str) -> str:
    """A text as PostgreSQL reads it back."""
    return PostgreSQL().text(text)


@dataclass(frozen=True, order=True)
class TableName:
    """A table and the schema it is in, as they are written: no folding to lower case."""

    schema: str
    table: str

    def __post_init__(self) -> None:
        for what, name in (("schema", self.schema), ("table", self.table)):
            check_name(what, name)

    @classmethod
    def parse(cls, text: str) -> Self:
        """`schema.table`, or `table`, which is in `public`."""
        schema, dot, table = text.partition(".")
        return cls(schema, table) if dot else cls("public", text)

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        """As PostgreSQL reads it back."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"


def check_schema(table: TableName) -> TableName:
    """The table, if it is in a schema for tables of people.

    Raises:
        DeploymentError: it is in one of Landfall's, or of PostgreSQL's.
    """
    whose = "Landfall's" if table.schema in OURS else "PostgreSQL's"
    if table.schema not in (*OURS, "information_schema") and not table.schema.startswith("pg_"):
        return table
    raise DeploymentError(
        f"`{table}` is in the schema `{table.schema}`, which is {whose} own.",
        looked=f"no model is deployed to {', '.join(OURS)}, information_schema and pg_...",
        left="nothing was changed",
        next=f"--schema public    (or another one for `{table.table}`)",
    )


def check_name(what: str, name: str) -> str:
    """The name, if PostgreSQL takes it as it is.

    Raises:
        DeploymentError: it is empty, too long, or holds a NUL.
    """
    size = len(name.encode())
    if 0 < size <= LONGEST and "\0" not in name:
        return name
    raise DeploymentError(
        f"`{name[:80]}` cannot be the name of a {what}.",
        looked=f"{size} bytes; PostgreSQL takes 1 to {LONGEST}, without NUL",
        left="nothing was changed",
        next="choose a shorter name" if size else f"give the {what} a name",
    )
