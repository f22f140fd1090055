"""Chains: the predictions of one table feed the rows of another, in the same transaction.

The fed table has one row for each row of its source that could be scored. An AFTER trigger on the source inserts that row, with
the source row's key. The trigger replaces it when the prediction or another passed column changes. It deletes it when the
source row is deleted or can no longer be scored. So no prediction is ever made from a missing prediction. `rescore` of the fed
table feeds the rows that the source had before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from landfall.database import Database
from landfall.deployments.blocks import LIMIT, RANGE, Batches, counted, escaped, parts
from landfall.deployments.history import Deployed
from landfall.deployments.names import TableName, quoted
from landfall.deployments.present import Present
from landfall.deployments.request import NOTHING, After
from landfall.deployments.schema import FUNCTIONS
from landfall.deployments.table import Table, TableColumn, find_table
from landfall.deployments.trigger import RESCORING, make_function, names_differ
from landfall.deployments.version import PREDICTION
from landfall.errors import DeploymentError


@dataclass(frozen=True, kw_only=True)
class Link:
    """How a table is fed.

    Args:
        source: The number of the deployment whose predictions feed it.
        columns: Input of the fed model -> name of a column in the source's table.
        inputs: The same inputs -> that column with its type.
        statements: SQL that makes the link, and removes the link to an earlier source.
    """

    source: int
    columns: Mapping[str, str]
    inputs: Mapping[str, TableColumn]
    statements: tuple[str, ...]


def plan_link(model: str, inputs: Sequence[str], after: After | None, present: Present) -> Link | None:
    """The link that is to feed the table: the requested one, else the one that it has; None if no table is to feed it.

    The source is locked for a moment, and only if its triggers change.

    Args:
        model: The model that is fed.
        inputs: The columns that it reads.
        after: The request's source; None if it names none.
        present: What the database has now.

    Raises:
        DeploymentError: the source was dropped, is fed by this table itself, or has another primary key; or nothing feeds one
            of the inputs.
    """
    source, deployment, table = present.source, present.found, present.source_table
    if source is None:
        return None
    if table is None:
        raise DeploymentError(
            f"`{source.table}` was dropped.",
            looked="landfall.deployments, which still has it",
            left=NOTHING,
            next=f"landfall undeploy {source.table}",
        )
    if deployment:
        _refuse_circle(source, deployment, present.deployments)
    before, feeds = (deployment.fed_by, deployment.feeds) if deployment else (None, {})
    given = after.feeds if after else {name: column for name, column in feeds.items() if name in inputs}
    columns = _columns(model, inputs, given, table)
    _check_keys(present.table, table)
    statements = starving(present.number, before) if before and before != source.table else []
    body = feeding_body(present.table.name, table.key, columns)
    statements += make_function(f"feed_{present.number}", body, as_owner=True)
    if before != source.table or feeds != columns:
        statements += _feeding_triggers(present.number, source.table, table.key, columns)
    fed = {name: table.columns[column] for name, column in columns.items()}
    return Link(source=source.id, columns=columns, inputs=fed, statements=tuple(statements))


def _refuse_circle(source: Deployed, fed: Deployed, deployments: Sequence[Deployed]) -> None:
    """Raises an error if the fed table feeds its new source, directly or through other tables."""
    feeds = {deployment.table: deployment.fed_by for deployment in deployments if not deployment.gone}
    above = [source.table]
    while above[-1] != fed.table:
        following = feeds.get(above[-1])
        if following is None or following in above:
            return
        above.append(following)
    way = [*map(str, reversed(above))]
    raise DeploymentError(
        f"`{fed.table}` would feed itself.",
        looked=" -> ".join([*way, way[0]]),
        left=NOTHING,
        next=f"landfall undeploy {way[-1]}    (or another table of that circle)",
    )


def _columns(model: str, inputs: Sequence[str], given: Mapping[str, str], source: Table) -> dict[str, str]:
    """Input of the model -> column of the source that feeds it. `given` holds the inputs whose column is named."""
    for name, column in given.items():
        if name not in inputs:
            raise DeploymentError.unknown(f"input of `{model}`", name, list(inputs))
        if column not in source.columns:
            raise DeploymentError.unknown(f"column of `{source.name}`", column, list(source.columns))
    feeds = {name: given.get(name, name) for name in inputs}
    lacking = [name for name, column in feeds.items() if column not in source.columns]
    if len(lacking) > 1 or (lacking and PREDICTION in given.values()):
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


def _check_keys(table: Table, source: Table) -> None:
    """Raises an error unless both tables have the same primary key: only then has a row of the source one row in the table."""
    if source.key and source.key == table.key:
        return
    raise DeploymentError(
        f"`{table.name}` cannot be fed by `{source.name}`: their primary keys differ.",
        looked=f"`{table.name}` ({', '.join(table.key) or 'none'}), `{source.name}` ({', '.join(source.key) or 'none'})",
        left=NOTHING,
        next="give both the same primary key, or let --create-table make the table",
    )


def _feeding_triggers(deployment_id: int, source: TableName, key: Sequence[str], feeds: Mapping[str, str]) -> list[str]:
    """The statements that create the feeding triggers on the source."""
    changed = names_differ(dict.fromkeys([*key, PREDICTION, *feeds.values()], ""))
    on, name = f"ON {source.quoted} FOR EACH ROW", f"zz_landfall_feeds_{deployment_id}"
    run = f"EXECUTE FUNCTION {FUNCTIONS}.feed_{deployment_id}()"
    return [
        f"CREATE OR REPLACE TRIGGER {name}_1 AFTER INSERT {on} {run}",
        f"CREATE OR REPLACE TRIGGER {name}_2 AFTER UPDATE {on} WHEN ({changed}) {run}",
        f"CREATE OR REPLACE TRIGGER {name}_3 AFTER DELETE {on} {run}",
    ]


def starving(deployment_id: int, source: TableName | None) -> list[str]:
    """The statements that remove the feeding triggers and their function. `source` is None if that table was dropped."""
    names = [f"zz_landfall_feeds_{deployment_id}_{number}" for number in (1, 2, 3)]
    drops = [f"DROP TRIGGER IF EXISTS {name} ON {source.quoted}" for name in names] if source else []
    return [*drops, f"DROP FUNCTION IF EXISTS {FUNCTIONS}.feed_{deployment_id}()"]


def feeding_body(table: TableName, key: Sequence[str], feeds: Mapping[str, str]) -> str:
    """The body of the function that feeds the table.

    The function runs with its owner's rights. So it first switches off the setting of `rescore`, which the session may have:
    otherwise the fed row would not be scored again, and would keep the prediction of its former values.
    """
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


def feed_present(conn: Database, deployment: Deployed) -> int:
    """Feeds a table, batch by batch, with the source rows that have no row in it yet. Gives the number of inserted rows.

    A source row cannot be deleted while its batch runs. A writer who changes it waits for the batch and then feeds it again.
    """
    source = find_table(conn, deployment.fed_by) if deployment.fed_by else None
    if source is None:
        return 0
    inserted: list[int] = []
    batches = Batches(conn, lambda: None, lambda answered: inserted.append(int(str(answered[0]))))
    for part in parts(conn, source.oid):
        for _ in batches.over(_feeding_batch(deployment, source, part.table), part.blocks(conn)):
            pass
    return sum(inserted)


def _feeding_batch(deployment: Deployed, source: Table, leaf: str) -> str:
    """The statement of one batch. It answers with the number of rows that it inserted."""
    passed = {**{name: name for name in source.key}, **deployment.feeds}
    read = [f"s.{quoted(column)}" for column in passed.values()]
    same = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in source.key)
    is_fed, into = f"EXISTS (SELECT FROM {deployment.table.quoted} t WHERE {same})", ", ".join(map(quoted, passed))
    condition = f"s.{quoted(PREDICTION)} IS NOT NULL AND NOT {is_fed} AND "
    names, place = [f"c{number}" for number in range(len(passed))], "landfall_place"
    selected = ", ".join([
        f"s.ctid AS {place}", *(f"{column} AS {name}" for column, name in zip(read, names, strict=True))
    ])  # fmt: skip
    select = escaped(f"SELECT {selected} FROM ONLY {leaf} s WHERE {condition}")  # noqa: S608  (names are quoted)
    columns = ", ".join(names)
    target = deployment.table.quoted
    put = f"INSERT INTO {target} ({into}) SELECT {columns} FROM seen ON CONFLICT DO NOTHING RETURNING 1"  # noqa: S608
    rest = escaped(f"done AS ({put}) {counted('seen', place)} FROM done")
    return f"WITH seen AS MATERIALIZED ({select}{RANGE} {LIMIT} FOR KEY SHARE OF s), {rest}"
