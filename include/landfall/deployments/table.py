"""The table that is deployed to: what it has, what it lacks, and the statements that give it what a model needs."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches

import psycopg
from psycopg import sql

from landfall.database import Database, fetch, fetch_one, place
from landfall.deployments.deployment import NOTHING, Create, Deployment
from landfall.deployments.names import TableName, check_name, quoted
from landfall.errors import DeploymentError

NUMBERS = ("smallint", "integer", "bigint", "real", "double precision", "numeric")
TEXTS = ("S", "E")
"""Categories of types (`pg_type.typcategory`) that are read as text: strings and enumerations."""
_TABLE = sql.SQL("""
SELECT c.oid, c.relkind::text, pg_has_role(c.relowner, 'USAGE') FROM pg_class c
WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND c.relname = %s""")
_COLUMNS = sql.SQL("""
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL), t.typcategory::text,
       a.attgenerated <> '', coalesce(a.attnum = ANY (k.indkey::smallint[]), false)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index k ON k.indrelid = a.attrelid AND k.indisprimary
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""")
_NEIGHBOURS = sql.SQL(
    "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tableowner = current_user ORDER BY 1 LIMIT 20"
)
_ELSEWHERE = sql.SQL("SELECT schemaname FROM pg_tables WHERE tablename = %s AND tableowner = current_user ORDER BY 1")
_TYPE = sql.SQL("SELECT format_type(to_regtype(%s), NULL)")
MODIFIED = re.compile(r"[a-z_][\w ]*\( *\d+ *(, *\d+ *)?\)[\w \[\]]*", re.IGNORECASE)
"""A type with a modifier, such as `numeric(7,2)`: `regtype` has none, and without it `char(3)` would be `char(1)`."""
KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "i": "an index", "S": "a sequence"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Args:
        type: As PostgreSQL writes it.
        plain: The same without its modifier and domain.
        category: Of `pg_type`.
        generated: Whether PostgreSQL computes it, after triggers.
        in_key: Whether it is in the primary key.
    """

    type: str
    plain: str
    category: str
    generated: bool
    in_key: bool

    def is_read_as(self, kind: str) -> bool:
        """Whether a model can take it for a `number`, or for `text`."""
        return self.plain in NUMBERS if kind == "number" else self.category in TEXTS


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that is there."""

    name: TableName
    oid: int
    columns: Mapping[str, Column]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its primary key."""
        return tuple(name for name, column in self.columns.items() if column.in_key)


def find_table(conn: Database, name: TableName) -> Table | None:
    """The table; None if there is none.

    Raises:
        DeploymentError: what has that name is no table, or is not ours to change.
    """
    found = fetch_one(conn, _TABLE, [name.schema, name.table])
    if found is None:
        return None
    oid, kind, ours = found
    if kind not in ("r", "p"):
        raise DeploymentError(
            f"`{name}` is {KINDS.get(str(kind), 'no table')}; rows are scored as they go into a table.",
            looked=place(conn),
            left=NOTHING,
            next="name the table behind it",
        )
    if not ours:
        raise DeploymentError(
            f"`{name}` belongs to another role.",
            looked=f"{place(conn)}, as `{conn.info.user}`",
            left=NOTHING,
            next=f"GRANT {conn.info.user}'s role the table's owner, or deploy as that owner (LANDFALL_DATABASE_URL)",
        )
    columns = {
        str(column): Column(
            type=str(kind), plain=str(plain), category=str(category), generated=bool(made), in_key=bool(key)
        )
        for column, kind, plain, category, made, key in fetch(conn, _COLUMNS, [oid])
    }
    return Table(name=name, oid=int(str(oid)), columns=columns)


def missing_table(conn: Database, asked: Deployment) -> DeploymentError:
    """The error of a table that is not there."""
    name = asked.table
    tables = [str(row[0]) for row in fetch(conn, _NEIGHBOURS, [name.schema])]
    elsewhere = [str(row[0]) for row in fetch(conn, _ELSEWHERE, [name.table])]
    near = [f"{schema}.{name.table}" for schema in elsewhere] or get_close_matches(name.table, tables, n=1)
    made, there = " --create-table --primary-key id    (makes it)", f" --schema {elsewhere[0]}" if elsewhere else ""
    return DeploymentError(
        f"There is no table `{name}`.{f' Did you mean `{near[0]}`?' if near else ''}",
        looked=f"{place(conn)}, schema `{name.schema}`: {', '.join(tables) or 'no tables'}",
        left=NOTHING,
        next=f"landfall deploy {asked.model} --table {name.table}{there or made}",
    )


def creation(conn: Database, asked: Deployment, create: Create, fed: Mapping[str, str]) -> str:
    """CREATE TABLE with the key, the columns given and the model's inputs.

    Args:
        conn: A connection, to ask for types.
        asked: The deployment.
        create: The key and further columns.
        fed: Column -> type of those that another table feeds.
    """
    given = {**create.primary_key, **create.columns}
    typed = {check_name("column", name): _type(conn, name, kind) for name, kind in given.items()}
    for column in asked.form.inputs:
        typed.setdefault(column.name, fed.get(column.name, "double precision" if column.kind == "number" else "text"))
    lines = [f"    {quoted(name)} {kind}" for name, kind in typed.items()]
    lines.append(f"    PRIMARY KEY ({', '.join(map(quoted, create.primary_key))})")
    return f"CREATE TABLE {asked.table.quoted} (\n" + ",\n".join(lines) + "\n)"


def check_inputs(table: Table, asked: Deployment) -> None:
    """Nothing, if the model can read all that it needs.

    Raises:
        DeploymentError: a column is not there, of another kind, or computed by PostgreSQL after the row is scored.
    """
    for needed in asked.form.inputs:
        column = table.columns.get(needed.name)
        if column is None:
            near = get_close_matches(needed.name, list(table.columns), n=1)
            raise DeploymentError(
                f"`{table.name}` has no column `{needed.name}`, which `{asked.model}` needs."
                + (f" Did you mean `{near[0]}`?" if near else ""),
                looked=f"its columns: {', '.join(table.columns)}",
                left=NOTHING,
                next=f'ALTER TABLE {table.name} ADD COLUMN "{needed.name}" ...',
            )
        if not column.is_read_as(needed.kind) or column.generated:
            wanted = ", ".join(NUMBERS) if needed.kind == "number" else "a text or an enumeration"
            raise DeploymentError(
                f"The column `{needed.name}` of `{table.name}` is {'generated' if column.generated else column.type}.",
                looked=f"`{asked.model}` takes it for {needed.kind}; expected {wanted}, not generated",
                left=NOTHING,
                next="give the table a column of such a type",
            )


def additions(table: Table, asked: Deployment, earlier: Mapping[str, str]) -> list[str]:
    """ALTER TABLE for the columns that the model fills and the table lacks.

    Args:
        table: The table.
        asked: The deployment.
        earlier: Column -> type of those that a deployment has filled before: they are taken up again.

    Raises:
        DeploymentError: the table has a column of that name for something else.
    """
    made: list[str] = []
    for name, kind in asked.outputs.items():
        column = table.columns.get(name)
        if column is None:
            made.append(f"    ADD COLUMN {quoted(name)} {kind}")
        elif name not in earlier:
            raise DeploymentError(
                f"`{table.name}` has a column `{name}` of its own; the model fills one of that name.",
                looked=f"`{name}` {column.type}, made by no deployment",
                left=NOTHING,
                next=f"ALTER TABLE {table.name.quoted} RENAME COLUMN {quoted(name)} TO ...",
            )
        elif column.type != kind:
            raise DeploymentError(
                f"The column `{name}` of `{table.name}` is {column.type}, the model now gives {kind}.",
                looked="a deployment has filled it before: with names for the classes the prediction is text, else a number",
                left=NOTHING,
                next=f"name the classes as before, or landfall undeploy {table.name} --drop-columns",
            )
    return [f"ALTER TABLE {table.name.quoted}\n" + ",\n".join(made)] if made else []


def _type(conn: Database, column: str, kind: str) -> str:
    """A type as PostgreSQL writes it, so that nothing else can come along with it."""
    found = None
    with suppress(psycopg.errors.SyntaxError):
        found = fetch_one(conn, _TYPE, [kind])
    if found is None or found[0] is None or found[0] == "-":
        raise DeploymentError(
            f"`{kind}` is not a type, for the column `{column}`.",
            looked=place(conn),
            left=NOTHING,
            next="name one of PostgreSQL's, such as bigint, uuid or text",
        )
    return kind if MODIFIED.fullmatch(kind) else str(found[0])
