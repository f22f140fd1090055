"""The triggers that score a row before it is written.

PostgreSQL fires triggers in the order of their names. The names of these sort after those of the table's own triggers, so a row
is scored as the others have left it. The first trigger fires at each INSERT. The second fires at an UPDATE that changes a column
that the model reads or fills: so nobody can write a prediction of their own. Only `rescore` avoids the second trigger, and that
needs the rights of the table's owner.
"""

from collections.abc import Mapping

from landfall.deployments.names import TableName, literal, quoted
from landfall.deployments.schema import FUNCTIONS
from landfall.deployments.table import Table

INSERT, UPDATE = "zz_landfall_scores_1", "zz_landfall_scores_2"
RESCORING = "landfall.rescoring"
"""A setting of the transaction. It is `on` while rows are scored in place."""
TEXT = '::pg_catalog.text COLLATE pg_catalog."C"'
PINNED = "SET search_path = pg_catalog, pg_temp"
"""The search path of every function of ours. It must name `pg_temp`, as the last schema: if it does not, PostgreSQL looks for
types and tables in `pg_temp` first, where everybody may put some. PostgreSQL never looks for functions and operators there."""


def make_function(name: str, body: str, *, as_owner: bool = False) -> list[str]:
    """The statements that make or replace a trigger function. They lock no table. A role that inserts rows needs no right to it.

    The function has a search path of its own, so it computes the same for everyone: no role can slip its own operators or types
    under it.

    Args:
        name: The function's name, without the schema.
        body: The function's body.
        as_owner: True if it runs with the rights of its owner. Else it runs with those of the role that writes the row.
    """
    rights = "SECURITY DEFINER " if as_owner else ""
    return [
        f"CREATE OR REPLACE FUNCTION {FUNCTIONS}.{name}() RETURNS trigger LANGUAGE plpgsql "
        f"{rights}{PINNED} AS {_dollar_quoted(body)}",
        f"REVOKE ALL ON FUNCTION {FUNCTIONS}.{name}() FROM PUBLIC",
    ]


def triggers(deployment_id: int, table: Table, watched: Mapping[str, str]) -> list[str]:
    """The statements that create or replace the triggers of the table, and a remark on each trigger that fires after them."""
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
    """The statements that remove the triggers and their function. `table` is None if the table was dropped."""
    drops = [f"DROP TRIGGER IF EXISTS {name} ON {table.quoted}" for name in (INSERT, UPDATE)] if table else []
    return [*drops, f"DROP FUNCTION IF EXISTS {FUNCTIONS}.score_{deployment_id}()"]


def names_differ(columns: Mapping[str, str]) -> str:
    """The SQL condition that an UPDATE changes one of the columns.

    Text is compared byte by byte, whatever its collation. Any other type is compared by its value.

    Args:
        columns: Column -> its kind: `text`, or any other word.
    """
    old, new = (
        ", ".join(f"{side}.{quoted(name)}" + (TEXT if kind == "text" else "") for name, kind in columns.items())
        for side in ("OLD", "NEW")
    )
    return f"ROW({old}) IS DISTINCT FROM ROW({new})"


def _dollar_quoted(body: str) -> str:
    """The text between dollar quotes with a tag that the text itself does not contain."""
    number = 0
    while f"$landfall{number or ''}$" in body:
        number += 1
    tag = f"$landfall{number or ''}$"
    return f"{tag}{body}{tag}"
