"""What is and was deployed where, and which version scored at a given time.

This module holds all queries and changes of this room's tables.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import sql

from landfall.database import Database, fetch, fetch_as
from landfall.deployments.names import TableName
from landfall.deployments.scoring import Scoring
from landfall.errors import DeploymentError

DeploymentKind = Literal["deployed", "redeployed", "rolled back"]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A table whose rows are scored, and the version that scores them now.

    Args:
        id: The number of the deployment.
        table: The table, by its name of now.
        oid: The table's number in PostgreSQL, which stays when it is renamed.
        gone: True if the table was dropped.
        model: The registered model.
        version: The version that scores.
        run_id: The MLflow run that made the version.
        kind: How the version came to score the table: `deployed`, `redeployed` or `rolled back`.
        for_a_row: How the trigger scores a row, such as `CASE and IF`.
        trees: The number of trees that the model has.
        splits: The number of splits in all those trees.
        unscorable: `null` or `error`: see `Request`.
        classes: The names of the classes that the deployment gave; empty: the model's own labels.
        fed_by: The table that feeds it; None if no table does, or if that table was dropped.
        feeds: Input of the model -> column of the table that feeds it.
        filled: Column -> type, for each column that one of its versions fills or filled.
        watched: Column -> `text` or `number`, for each column whose change has the row scored again.
        since: The time from which this version scores.
        by_role: The PostgreSQL role that gave the command.
        pinned: True if its functions look for names only in schemas where nobody else can put any. Functions that earlier
            versions of Landfall made may not; `python -m landfall.deployments.repair` mends them.
    """

    id: int
    table: TableName
    oid: int
    gone: bool
    model: str
    version: str
    run_id: str
    kind: str
    for_a_row: str
    trees: int
    splits: int
    unscorable: str
    classes: tuple[str, ...]
    fed_by: TableName | None
    feeds: Mapping[str, str]
    filled: Mapping[str, str]
    watched: Mapping[str, str]
    since: datetime
    by_role: str
    pinned: bool


@dataclass(frozen=True, kw_only=True)
class Span:
    """A version and the time during which it scored the rows of a table. `until` is None while it still does."""

    id: int
    model: str
    version: str
    run_id: str
    kind: str
    by_role: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the history will hold about a deployment after a change.

    Args:
        id: The number of the deployment.
        table: Its table.
        model: The registered model.
        filled: As in `Deployed`.
        watched: As in `Deployed`.
        fed_by: The number of the deployment that feeds it; None: as before.
        feeds: Input of the model -> column of that deployment's table; None: as before.
        scoring: The version that scores from now on, compiled.
        kind: How the version came to score; None if the same SQL scores already: then the history gets no new line.
    """

    id: int
    table: TableName
    model: str
    filled: Mapping[str, str]
    watched: Mapping[str, str]
    fed_by: int | None
    feeds: Mapping[str, str] | None
    scoring: Scoring
    kind: DeploymentKind | None


_DEPLOYED = sql.SQL("""
SELECT d.id, coalesce(n.nspname, d.schema_name) AS schema_name, coalesce(c.relname, d.table_name) AS table_name,
       d.table_oid AS oid, c.oid IS NULL AS gone, d.model, v.version, v.run_id, v.kind, v.for_a_row, v.trees, v.splits,
       d.unscorable, d.classes, fn.nspname AS fed_by_schema, fc.relname AS fed_by_table, d.feeds, d.filled, d.watched,
       v.since, v.by_role,
       NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = to_regnamespace('landfall_models')
                   AND p.proname IN ('score_' || d.id, 'feed_' || d.id)
                   AND (p.proconfig IS NULL OR NOT p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'])) AS pinned
FROM landfall.deployments d JOIN landfall.deployed_versions v ON v.deployment_id = d.id AND v.until IS NULL
LEFT JOIN pg_class c ON c.oid = d.table_oid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN landfall.deployments f ON f.id = d.fed_by
LEFT JOIN pg_class fc ON fc.oid = f.table_oid LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
WHERE d.until IS NULL ORDER BY 2, 3""")
_SPANS = sql.SQL("""
SELECT v.id, d.model, v.version, v.run_id, v.kind, v.by_role, v.since, v.until
FROM landfall.deployed_versions v JOIN landfall.deployments d ON d.id = v.deployment_id
WHERE d.table_oid = %s ORDER BY v.id DESC""")
_SCORING = """
SELECT v.scoring AS text, d.filled, d.classes
FROM landfall.deployed_versions v JOIN landfall.deployments d ON d.id = v.deployment_id WHERE """
_OF_VERSION = sql.SQL(_SCORING + "v.id = %s")
_CURRENT = sql.SQL(_SCORING + "d.id = %s AND v.until IS NULL")
_HELD = sql.SQL("SELECT version FROM landfall.deployed_versions WHERE deployment_id = %s AND until IS NULL FOR SHARE")
_FILLED = sql.SQL("""
SELECT f.key, f.value FROM landfall.deployments d, json_each_text(d.filled) f WHERE d.table_oid = %s ORDER BY d.id""")
_NUMBER = sql.SQL("SELECT nextval(pg_get_serial_sequence('landfall.deployments', 'id'))")
_RECORD = sql.SQL("""
INSERT INTO landfall.deployments
    (id, table_oid, schema_name, table_name, model, filled, watched, unscorable, classes, fed_by, feeds)
OVERRIDING SYSTEM VALUE
VALUES (%(id)s, %(table)s::regclass, %(schema_name)s, %(table_name)s, %(model)s, %(filled)s, %(watched)s, %(unscorable)s,
        %(classes)s, %(fed_by)s, %(feeds)s)
ON CONFLICT (id) DO UPDATE
SET table_oid = excluded.table_oid, filled = excluded.filled, watched = excluded.watched, unscorable = excluded.unscorable,
    classes = excluded.classes, fed_by = coalesce(excluded.fed_by, deployments.fed_by),
    feeds = coalesce(excluded.feeds, deployments.feeds)
RETURNING id""")
_SWITCH = sql.SQL("""
WITH now AS (SELECT clock_timestamp() AS at), ended AS (
    UPDATE landfall.deployed_versions SET until = now.at FROM now WHERE deployment_id = %(id)s AND until IS NULL RETURNING 1
)
INSERT INTO landfall.deployed_versions
    (deployment_id, version, run_id, kind, for_a_row, trees, splits, scoring, since)
SELECT %(id)s, %(version)s, %(run_id)s, %(kind)s, %(for_a_row)s, %(trees)s, %(splits)s, %(scoring)s, now.at
FROM now LEFT JOIN ended ON true RETURNING id""")
_END = sql.SQL("""
WITH now AS (SELECT clock_timestamp() AS at), version AS (
    UPDATE landfall.deployed_versions SET until = now.at FROM now WHERE deployment_id = %(id)s AND until IS NULL RETURNING 1
)
UPDATE landfall.deployments SET until = now.at FROM now, version WHERE id = %(id)s RETURNING id""")


def deployments(conn: Database) -> list[Deployed]:
    """The present deployments, in the order of their tables' names."""
    return fetch_as(conn, _deployed, _DEPLOYED)


def deployed(conn: Database, name: TableName) -> Deployed:
    """The deployment of a table.

    Raises:
        DeploymentError: no model is deployed to it. The message names the deployed table whose name is nearest.
    """
    return named(deployments(conn), name)


def named(present: Sequence[Deployed], name: TableName) -> Deployed:
    """The deployment of a table, among those that were read already.

    Raises:
        DeploymentError: as `deployed`.
    """
    if match := next((deployment for deployment in present if deployment.table == name), None):
        return match
    known = [str(deployment.table) for deployment in present]
    raise DeploymentError.unknown("deployment to the table", str(name), known, next="landfall deployments")


def history(conn: Database, deployment: Deployed) -> list[Span]:
    """The versions that score or scored the rows of a deployment's table, newest first. Includes earlier deployments to it."""
    return fetch_as(conn, Span, _SPANS, [deployment.oid])


def scored_at(spans: Iterable[Span], moment: datetime) -> Span | None:
    """The version that scored at `moment`; None if none did."""
    return next((span for span in spans if span.since <= moment and (span.until is None or moment < span.until)), None)


def scoring_of(conn: Database, version_id: int) -> Scoring:
    """The compiled version of a line of the history."""
    return fetch_as(conn, Scoring.from_json, _OF_VERSION, [version_id])[0]


def current_scoring(conn: Database, deployment_id: int) -> Scoring:
    """The compiled version that scores now."""
    return fetch_as(conn, Scoring.from_json, _CURRENT, [deployment_id])[0]


def hold_version(conn: Database, deployment_id: int) -> str | None:
    """The version that scores now; None if none does. It stays so until the end of the transaction."""
    versions = fetch(conn, _HELD, [deployment_id])
    return str(versions[0][0]) if versions else None


def filled_before(conn: Database, table_oid: int) -> dict[str, str]:
    """Column -> type, for each column that any deployment to the table has ever filled."""
    return {str(name): str(kind) for name, kind in fetch(conn, _FILLED, [table_oid])}


def take_number(conn: Database) -> int:
    """A number that no deployment has had. It is not given again, even if the transaction is rolled back."""
    return int(str(fetch(conn, _NUMBER)[0][0]))


def record(conn: Database, entry: Entry) -> None:
    """Notes in the history which version scores a table's rows from now on. The table is there by now."""
    scoring = entry.scoring
    fields = {
        "id": entry.id,
        "table": entry.table.quoted,
        "schema_name": entry.table.schema,
        "table_name": entry.table.table,
        "model": entry.model,
        "filled": json.dumps(dict(entry.filled)),
        "watched": json.dumps(dict(entry.watched)),
        "classes": json.dumps(scoring.classes),
        "fed_by": entry.fed_by,
        "feeds": None if entry.feeds is None else json.dumps(dict(entry.feeds)),
        "kind": entry.kind,
        "scoring": scoring.to_json(),
        **{
            name: getattr(scoring, name) for name in ("version", "run_id", "unscorable", "for_a_row", "trees", "splits")
        },
    }
    fetch(conn, _RECORD, fields)
    if entry.kind is not None:
        fetch(conn, _SWITCH, fields)


def end(conn: Database, deployment_id: int) -> None:
    """Notes in the history that a deployment is over."""
    fetch(conn, _END, {"id": deployment_id})


def _deployed(
    *,
    schema_name: str,
    table_name: str,
    fed_by_schema: str | None,
    fed_by_table: str | None,
    classes: list[str],
    feeds: Mapping[str, str] | None,
    **fields: Any,
) -> Deployed:
    """The deployment in a row of `_DEPLOYED`."""
    return Deployed(
        table=TableName(schema_name, table_name),
        fed_by=TableName(fed_by_schema, fed_by_table) if fed_by_schema and fed_by_table else None,
        classes=tuple(classes),
        feeds=feeds or {},
        **fields,
    )
