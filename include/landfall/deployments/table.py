"""A table that a model is deployed to: its columns, those that it lacks for the model, and the statements that add them."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial

import psycopg
from psycopg import sql

from landfall.database import Database, fetch, fetch_as, fetch_one, place
from landfall.deployments.names import TableName, check_name, quoted
from landfall.deployments.request import NOTHING, Request
from landfall.deployments.scoring import Scoring
from landfall.errors import DeploymentError

NUMBERS = ("smallint", "integer", "bigint", "real", "double precision", "numeric")
TEXTS = ("S", "E")
"""The categories of types (`pg_type.typcategory`) that a model can read as text: strings and enumerations."""
_TABLE = sql.SQL("""
SELECT c.oid, c.relkind::text, pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner), ARRAY(
    SELECT t.tgname::text FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 3 = 3
    AND t.tgname COLLATE "C" > 'zz_landfall_scores_3' ORDER BY 1)
FROM pg_class c WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND c.relname = %s""")
_COLUMNS = sql.SQL("""
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL) AS plain, t.typcategory::text AS category,
       a.attgenerated <> '' AS generated, coalesce(a.attnum = ANY (k.indkey::smallint[]), false) AS in_key
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index k ON k.indrelid = a.attrelid AND k.indisprimary
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""")
_NEIGHBOURS = sql.SQL(
    "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tableowner = current_user ORDER BY 1 LIMIT 20"
)
_ELSEWHERE = sql.SQL("SELECT schemaname FROM pg_tables WHERE tablename = %s AND tableowner = current_user ORDER BY 1")
_TYPE = sql.SQL("""
SELECT format_type(t.oid, NULL) AS type, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL) AS plain,
       t.typcategory::text AS category
FROM pg_type t WHERE t.oid = to_regtype(%s)""")
_ROLE = sql.SQL("SELECT current_user")
MODIFIED = re.compile(r"[a-z_][\w ]*\( *\d+ *(, *\d+ *)?\)[\w \[\]]*", re.IGNORECASE)
"""A type with a modifier, such as `numeric(7,2)`. `regtype` drops the modifier, and `char(3)` would become `char(1)`."""
KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "i": "an index", "S": "a sequence"}


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column of a table.

    Args:
        name: Its name.
        type: Its type as PostgreSQL writes it; for a table that is to be made, as CREATE TABLE will have it.
        plain: The type without its modifier; for a domain, the type below it.
        category: The type's category in `pg_type`.
        generated: True if PostgreSQL computes it, which it does after the triggers.
        in_key: True if it is part of the primary key.
    """

    name: str
    type: str
    plain: str
    category: str
    generated: bool = False
    in_key: bool = False

    def is_read_as(self, kind: str) -> bool:
        """True if a model can read the column as `kind`: `number` or `text`."""
        return self.plain in NUMBERS if kind == "number" else self.category in TEXTS


NUMBER = TableColumn(name="", type="double precision", plain="double precision", category="N")
TEXT = TableColumn(name="", type="text", plain="text", category="S")
"""The columns that a new table gets for the inputs whose type nothing else decides."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Args:
        name: Its name.
        oid: Its number in PostgreSQL; 0 if it is yet to be made.
        owner: The role that owns it.
        columns: Name -> column, in the order of the table.
        later_triggers: The table's own BEFORE ROW triggers that fire after a row was scored.
    """

    name: TableName
    oid: int
    owner: str
    columns: Mapping[str, TableColumn]
    later_triggers: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its primary key."""
        return tuple(name for name, column in self.columns.items() if column.in_key)


def find_table(conn: Database, name: TableName) -> Table | None:
    """The table of that name; None if there is none.

    Raises:
        DeploymentError: the name is not a table's, or the table belongs to another role.
    """
    row = fetch_one(conn, _TABLE, [name.schema, name.table])
    if row is None:
        return None
    oid, kind, ours, owner, later = row
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
    return Table(
        name=name,
        oid=int(str(oid)),
        owner=str(owner),
        columns={column.name: column for column in fetch_as(conn, TableColumn, _COLUMNS, [oid])},
        later_triggers=tuple(later) if isinstance(later, list) else (),
    )


def declared_table(conn: Database, request: Request) -> Table:
    """The table that is to be made, with the columns of the request. The model's inputs are added later, by `prepare`.

    Raises:
        DeploymentError: the request makes no table, so its table is missing; or PostgreSQL does not take a name or a type.
    """
    if request.create is None:
        raise _missing(conn, request.table, request.model)
    key = request.create.primary_key
    columns = {
        name: replace(_declared(conn, check_name("column", name), kind), in_key=name in key)
        for name, kind in {**key, **request.create.columns}.items()
    }
    return Table(name=request.table, oid=0, owner=str(fetch(conn, _ROLE)[0][0]), columns=columns)


def _declared(conn: Database, column: str, kind: str) -> TableColumn:
    """A column with its type as PostgreSQL writes it, so that a type from a request cannot bring other SQL along.

    Raises:
        DeploymentError: PostgreSQL has no such type.
    """
    known: list[TableColumn] = []
    with suppress(psycopg.errors.SyntaxError):
        known = fetch_as(conn, partial(TableColumn, name=column), _TYPE, [kind])
    if not known:
        raise DeploymentError(
            f"`{kind}` is not a type, for the column `{column}`.",
            looked=place(conn),
            left=NOTHING,
            next="name one of PostgreSQL's, such as bigint, uuid or text",
        )
    return replace(known[0], type=kind) if MODIFIED.fullmatch(kind) else known[0]


def _missing(conn: Database, name: TableName, model: str) -> DeploymentError:
    """The error for a table that does not exist."""
    tables = [str(row[0]) for row in fetch(conn, _NEIGHBOURS, [name.schema])]
    elsewhere = [str(row[0]) for row in fetch(conn, _ELSEWHERE, [name.table])]
    near = [f"{schema}.{name.table}" for schema in elsewhere] or get_close_matches(name.table, tables, n=1)
    in_schema = f" --schema {elsewhere[0]}" if elsewhere else ""
    return DeploymentError(
        f"There is no table `{name}`.{f' Did you mean `{near[0]}`?' if near else ''}",
        looked=f"{place(conn)}, schema `{name.schema}`: {', '.join(tables) or 'no tables'}",
        left=NOTHING,
        next=f"landfall deploy {model} --table {name.table}"
        + (in_schema or " --create-table --primary-key id    (makes it)"),
    )


def prepare(
    table: Table, model: str, scoring: Scoring, *, fed: Mapping[str, TableColumn], filled: Mapping[str, str]
) -> tuple[Table, list[str]]:
    """The table with all columns that a model reads, and the statements that make or complete it.

    The statements are CREATE TABLE, ALTER TABLE, both, or none.

    Args:
        table: The table as it is, or as it was declared.
        model: The registered model.
        scoring: The version that is to score it.
        fed: Input of the model -> the column of another table that feeds it.
        filled: Column -> type, for each column that a deployment has filled before. The model may fill these again.

    Raises:
        DeploymentError: the model cannot read a column, or the table has a column of its own that the model would fill.
    """
    statements: list[str] = []
    if not table.oid:
        table = _with_inputs(table, scoring.inputs, fed)
        statements.append(_creation(table))
    _check_inputs(table, model, scoring.inputs)
    return table, [*statements, *_additions(table, scoring.outputs, filled)]


def _with_inputs(table: Table, inputs: Mapping[str, str], fed: Mapping[str, TableColumn]) -> Table:
    """A table that is to be made, with the model's inputs added. An input gets the type of the column that feeds it, if any.

    A column that the request declares keeps its declared type.
    """
    columns = dict(table.columns)
    for name, kind in inputs.items():
        like = fed.get(name, NUMBER if kind == "number" else TEXT)
        columns.setdefault(name, replace(like, name=name, generated=False, in_key=False))
    return replace(table, columns=columns)


def _creation(table: Table) -> str:
    """The CREATE TABLE statement, with all columns and the primary key."""
    lines = [f"    {quoted(column.name)} {column.type}" for column in table.columns.values()]
    lines.append(f"    PRIMARY KEY ({', '.join(map(quoted, table.key))})")
    return f"CREATE TABLE {table.name.quoted} (\n" + ",\n".join(lines) + "\n)"


def _check_inputs(table: Table, model: str, inputs: Mapping[str, str]) -> None:
    """Raises an error unless the table has every input of the model, in a type that the model can read."""
    for name, kind in inputs.items():
        column = table.columns.get(name)
        if column is None:
            near = get_close_matches(name, list(table.columns), n=1)
            raise DeploymentError(
                f"`{table.name}` has no column `{name}`, which `{model}` needs."
                + (f" Did you mean `{near[0]}`?" if near else ""),
                looked=f"its columns: {', '.join(table.columns)}",
                left=NOTHING,
                next=f'ALTER TABLE {table.name} ADD COLUMN "{name}" ...',
            )
        if not column.is_read_as(kind) or column.generated:
            wanted = ", ".join(NUMBERS) if kind == "number" else "a text or an enumeration"
            raise DeploymentError(
                f"The column `{name}` of `{table.name}` is {'generated' if column.generated else column.type}.",
                looked=f"`{model}` takes it for {kind}; expected {wanted}, not generated",
                left=NOTHING,
                next="give the table a column of such a type",
            )


def _additions(table: Table, outputs: Mapping[str, str], filled: Mapping[str, str]) -> list[str]:
    """The ALTER TABLE statement for the columns that the model fills and the table lacks; no statement if it lacks none."""
    added: list[str] = []
    for name, kind in outputs.items():
        column = table.columns.get(name)
        if column is None:
            added.append(f"    ADD COLUMN {quoted(name)} {kind}")
        elif name not in filled:
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
    return [f"ALTER TABLE {table.name.quoted}\n" + ",\n".join(added)] if added else []
