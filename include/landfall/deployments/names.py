"""Names in PostgreSQL: a table with its schema, and the check that a name fits."""

from dataclasses import dataclass
from typing import Self

from landfall.errors import DeploymentError
from landfall.scoring import PostgreSQL

LONGEST = 63
"""The most bytes of a name. PostgreSQL silently cuts off the rest."""
OURS = ("landfall", "landfall_models", "predictions", "publications_data")
"""The schemas of Landfall's own tables and functions. A model deployed there would score Landfall's own rows, or block them."""


def quoted(name: str) -> str:
    """The name as a quoted identifier of PostgreSQL."""
    return PostgreSQL().identifier(name)


def literal(text: str) -> str:
    """The text as a string literal of PostgreSQL."""
    return PostgreSQL().text(text)


@dataclass(frozen=True, order=True)
class TableName:
    """A table and its schema, exactly as written: nothing is folded to lower case."""

    schema: str
    table: str

    def __post_init__(self) -> None:
        for what, name in (("schema", self.schema), ("table", self.table)):
            check_name(what, name)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The table that `schema.table` names; `table` alone is in `public`."""
        schema, dot, table = text.partition(".")
        return cls(schema, table) if dot else cls("public", text)

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        """Schema and table as quoted identifiers of PostgreSQL."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"


def check_schema(table: TableName) -> TableName:
    """Gives the table back if a person may have tables in its schema.

    Raises:
        DeploymentError: the schema is Landfall's or PostgreSQL's own.
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
    """Gives the name back if PostgreSQL takes it unchanged.

    Raises:
        DeploymentError: the name is empty, too long, or holds a NUL.
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
