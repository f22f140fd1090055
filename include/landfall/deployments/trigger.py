"""The triggers that score a row before it is written.

Their names sort after those of the table's own: PostgreSQL fires triggers in the order of their names, so a row is scored as
the others have left it. One fires at each INSERT. The other at an UPDATE that changes what the model reads, or what it has
filled: nobody can write a prediction of their own. Only `rescore` passes by it, which needs the rights of the owner.
"""

from collections.abc import Mapping

from landfall.deployments.names import TableName, literal, quoted
from landfall.deployments.schema import FUNCTIONS
from landfall.deployments.table import Table

INSERT, UPDATE = "zz_landfall_scores_1", "zz_landfall_scores_2"
RESCORING = "landfall.rescoring"
"""A setting of the transaction: `on` while rows are scored in place."""
TEXT = '::pg_catalog.text COLLATE pg_catalog."C"'
PINNED = "SET search_path = pg_catalog, pg_temp"
"""The search path of every function of ours. `pg_temp` is named, and last: where it is not named PostgreSQL looks there first for
types and tables, and everybody may put some there. Functions and operators it never looks for in `pg_temp`."""


def make_function(name: str, body: str, *, as_owner: bool = False) -> list[str]:
    """The statements that make, or replace, a trigger function: no lock on a table is taken, and whoever inserts needs no right.

    With a search path of its own it computes the same for everyone: a role cannot slip operators or types of its own under it.

    Args:
        name: Its name, without the schema.
        body: Its body.
        as_owner: Whether it has the rights of its owner; else it has those of whoever writes the row.
    """
    rights = "SECURITY DEFINER " if as_owner else ""
    return [
        f"CREATE OR REPLACE FUNCTION {FUNCTIONS}.{name}() RETURNS trigger LANGUAGE plpgsql "
        f"{rights}{PINNED} AS {_dollar_quoted(body)}",
        f"REVOKE ALL ON FUNCTION {FUNCTIONS}.{name}() FROM PUBLIC",
    ]


def triggers(deployment_id: int, table: Table, watched: Mapping[str, str]) -> list[str]:
    """The statements that put the triggers on the table, or replace them; with remarks on those that come after them."""
    on, run = f"ON {table.name.quoted} FOR EACH ROW", f"EXECUTE FUNCTION {FUNCTIONS}.score_{deployment_id}()"
    owns = f"pg_catalog.pg_has_role(current_user, {literal(table.owner)}, 'USAGE')"
    passing = f"pg_catalog.current_setting('{RESCORING}', true) = 'on' AND {owns}"
    changed = f"({names_differ(watched)}) AND ({passing}) IS NOT TRUE"
    return [
        f"CREATE OR REPLACE TRIGGER {INSERT} BEFORE INSERT {on} {run}",
        f"CREATE OR REPLACE TRIGGER {UPDATE} BEFORE UPDATE {on} WHEN ({changed}) {run}",
        *(
            f"-- the trigger `{name}` fires after the row was scored: what it changes the model does not see"
            for name in table.later_triggers
        ),
    ]


def withdrawal(deployment_id: int, table: TableName | None) -> list[str]:
    """The statements that take triggers and function away; `table`: None where it is gone."""
    drops = [f"DROP TRIGGER IF EXISTS {name} ON {table.quoted}" for name in (INSERT, UPDATE)] if table else []
    return [*drops, f"DROP FUNCTION IF EXISTS {FUNCTIONS}.score_{deployment_id}()"]


def names_differ(columns: Mapping[str, str]) -> str:
    """Whether an UPDATE changes one of the columns: text byte by byte, whatever its collation, anything else by its value.

    Args:
        columns: Column -> `text`, or anything else.
    """
    old, new = (
        ", ".join(f"{side}.{quoted(name)}" + (TEXT if kind == "text" else "") for name, kind in columns.items())
        for side in ("OLD", "NEW")
    )
    return f"ROW({old}) IS DISTINCT FROM ROW({new})"


def _dollar_quoted(body: str) -> str:
    """A text between dollar quotes that it does not hold."""
    number = 0
    while f"$landfall{number or ''}$" in body:
        number += 1
    tag = f"$landfall{number or ''}$"
    return f"{tag}{body}{tag}"
