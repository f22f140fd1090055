"""Chains: the predictions of one table feed the rows of another, in the same transaction.

The fed table has one row for each row of its source that could be scored: an AFTER trigger puts it there, with the source's key,
replaces it when the prediction or what is passed on changes, and takes it away with its source row, or when that can be
scored no more. So nothing is ever predicted from a prediction that was not made. Rows that the source had before are fed by
`rescore` of the fed table.
"""

from collections.abc import Mapping, Sequence

from psycopg import sql

from landfall.database import Database, fetch
from landfall.deployments.deployment import NOTHING, PREDICTION, After
from landfall.deployments.history import Deployed
from landfall.deployments.names import TableName, quoted
from landfall.deployments.schema import FUNCTIONS
from landfall.deployments.table import Table
from landfall.deployments.trigger import PINNED, RESCORING, dollar_quoted, names_differ
from landfall.errors import DeploymentError

_PATH = sql.SQL("""
WITH RECURSIVE up AS (
    SELECT id, fed_by, table_oid, 0 AS far FROM landfall.deployments WHERE id = %s
    UNION ALL SELECT d.id, d.fed_by, d.table_oid, up.far + 1 FROM landfall.deployments d JOIN up ON d.id = up.fed_by
    WHERE up.far < 100
)
SELECT up.table_oid, n.nspname, c.relname FROM up
JOIN pg_class c ON c.oid = up.table_oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY up.far""")


def refuse_circle(conn: Database, source: Deployed, fed: Deployed) -> None:
    """Nothing, if the fed table does not feed, near or far, what is to feed it.

    Raises:
        DeploymentError: it does; the message names the way round.
    """
    above = fetch(conn, _PATH, [source.id])
    tables = [int(str(oid)) for oid, _, _ in above]
    if fed.oid not in tables:
        return
    names = [f"{schema}.{name}" for _, schema, name in above]
    way = [*reversed(names[: tables.index(fed.oid) + 1])]
    raise DeploymentError(
        f"`{fed.table}` would feed itself.",
        looked=" -> ".join([*way, way[0]]),
        left=NOTHING,
        next=f"landfall undeploy {way[-1]}    (or another table of that circle)",
    )


def resolve_feeds(model: str, inputs: Sequence[str], after: After, source: Table) -> dict[str, str]:
    """Input of the model -> column of the source that it is fed by.

    Raises:
        DeploymentError: an input is fed by nothing, or a column that is named is not there.
    """
    for name, column in after.feeds.items():
        if name not in inputs:
            raise DeploymentError.unknown(f"input of `{model}`", name, list(inputs))
        if column not in source.columns:
            raise DeploymentError.unknown(f"column of `{source.name}`", column, list(source.columns))
    feeds = {name: after.feeds.get(name, name) for name in inputs}
    lacking = [name for name, column in feeds.items() if column not in source.columns]
    if len(lacking) > 1 or (lacking and PREDICTION in after.feeds.values()):
        raise DeploymentError(
            f"Nothing feeds {' and '.join(f'`{name}`' for name in lacking)} of `{model}`.",
            looked=f"the columns of `{source.name}`: {', '.join(source.columns)}",
            left=NOTHING,
            next=f"--feed {lacking[0]}=COLUMN    (once for each)",
        )
    feeds |= dict.fromkeys(lacking, PREDICTION)
    if PREDICTION not in feeds.values():
        raise DeploymentError(
            f"No input of `{model}` is the prediction of `{source.name}`.",
            looked=f"its inputs: {', '.join(f'{name} by {column}' for name, column in feeds.items())}",
            left=NOTHING,
            next=f"--feed INPUT={PREDICTION}",
        )
    return feeds


def check_key(table: Table, source: Table) -> None:
    """Nothing, if a row of the source has one place in the table: the same primary key.

    Raises:
        DeploymentError: the keys differ, or there is none.
    """
    if source.key and source.key == table.key:
        return
    raise DeploymentError(
        f"`{table.name}` cannot be fed by `{source.name}`: their primary keys differ.",
        looked=f"`{table.name}` ({', '.join(table.key) or 'none'}), `{source.name}` ({', '.join(source.key) or 'none'})",
        left=NOTHING,
        next="give both the same primary key, or let --create-table make the table",
    )


def feeding_function(deployment_id: int, table: TableName, key: Sequence[str], feeds: Mapping[str, str]) -> list[str]:
    """The statements that make, or replace, the function that feeds the table; it needs no right of who inserts a row.

    It runs with its owner's rights, so it takes nothing from the session: neither its search path, nor the setting of `rescore`,
    with which the fed row would keep the prediction of what it was before.
    """
    function = f"{FUNCTIONS}.feed_{deployment_id}()"
    return [
        f"CREATE OR REPLACE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"{PINNED} AS {dollar_quoted(feeding_body(table, key, feeds))}",
        f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC",
    ]


def feeding_triggers(deployment_id: int, source: TableName, key: Sequence[str], feeds: Mapping[str, str]) -> list[str]:
    """The statements that put its triggers on the source."""
    changed = names_differ(dict.fromkeys([*key, PREDICTION, *feeds.values()], ""))
    on, name = f"ON {source.quoted} FOR EACH ROW", f"zz_landfall_feeds_{deployment_id}"
    run = f"EXECUTE FUNCTION {FUNCTIONS}.feed_{deployment_id}()"
    return [
        f"CREATE OR REPLACE TRIGGER {name}_1 AFTER INSERT {on} {run}",
        f"CREATE OR REPLACE TRIGGER {name}_2 AFTER UPDATE {on} WHEN ({changed}) {run}",
        f"CREATE OR REPLACE TRIGGER {name}_3 AFTER DELETE {on} {run}",
    ]


def starving(deployment_id: int, source: TableName | None) -> list[str]:
    """The statements that end it; `source`: None where that table is gone."""
    names = [f"zz_landfall_feeds_{deployment_id}_{number}" for number in (1, 2, 3)]
    drops = [f"DROP TRIGGER IF EXISTS {name} ON {source.quoted}" for name in names] if source else []
    return [*drops, f"DROP FUNCTION IF EXISTS {FUNCTIONS}.feed_{deployment_id}()"]


def feeding_body(table: TableName, key: Sequence[str], feeds: Mapping[str, str]) -> str:
    """The body of the function that feeds the table."""
    into, prediction = table.quoted, f"NEW.{quoted(PREDICTION)}"
    same = " AND ".join(f"{quoted(name)} = OLD.{quoted(name)}" for name in key)
    moved = " OR ".join(f"OLD.{quoted(name)} IS DISTINCT FROM NEW.{quoted(name)}" for name in key)
    columns = [*key, *feeds]
    values = ", ".join(f"NEW.{quoted(name)}" for name in [*key, *feeds.values()])
    sets = ", ".join(f"{quoted(name)} = EXCLUDED.{quoted(name)}" for name in feeds)
    return f"""
BEGIN
  IF pg_catalog.current_setting('{RESCORING}', true) = 'on' THEN
    PERFORM pg_catalog.set_config('{RESCORING}', 'off', true);
  END IF;
  IF TG_OP = 'DELETE' THEN
    DELETE FROM {into} WHERE {same};
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF {prediction} IS NULL OR {moved} THEN
      DELETE FROM {into} WHERE {same};
    END IF;
  END IF;
  IF {prediction} IS NOT NULL THEN
    INSERT INTO {into} ({", ".join(map(quoted, columns))}) VALUES ({values})
    ON CONFLICT ({", ".join(map(quoted, key))}) DO UPDATE SET {sets};
  END IF;
  RETURN NULL;
END"""  # noqa: S608  (names are quoted)
