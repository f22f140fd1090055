"""What is deployed where, what was, and which version scored at a time."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from landfall.database import Database, fetch
from landfall.deployments.names import TableName
from landfall.deployments.schema import is_there
from landfall.deployments.scoring import Scoring
from landfall.errors import DeploymentError


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A table whose rows are scored, and the version that scores them now.

    Args:
        id: Of the deployment.
        table: The table, as it is called now.
        oid: Its number in PostgreSQL, which stays when it is renamed.
        gone: Whether it was dropped.
        model: The registered model.
        version: The version that scores.
        run_id: The MLflow run that made it.
        kind: How it came to: `deployed`, `redeployed` or `rolled back`.
        for_a_row: How the trigger scores a row, such as `CASE and IF`.
        in_bulk: How `rescore` scores many.
        trees: How many trees the model has.
        splits: How many splits they have in all.
        unscorable: `null` or `error`.
        classes: What its classes were called when it was deployed; empty: as the model calls them.
        fed_by: The table that feeds it; None if none does, or it was dropped.
        feeds: Input of the model -> column of that table.
        filled: Column -> type of those that any of its versions fills, or filled.
        watched: Column -> `text` or `number` of those whose change makes a row be scored again.
        since: Since when this version scores.
        by_role: Whose command it was.
        pinned: Whether its functions look for names where nobody else can put any; those of earlier versions of Landfall do not:
            `python -m landfall.deployments.repair`.
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
    in_bulk: str = "one SELECT"
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
    """One version, from when to when it scored the rows of a table. `until`: None while it does."""

    id: int
    model: str
    version: str
    run_id: str
    kind: str
    by_role: str
    since: datetime
    until: datetime | None


_DEPLOYED = sql.SQL("""
SELECT d.id, coalesce(n.nspname, d.schema_name), coalesce(c.relname, d.table_name), d.table_oid, c.oid IS NULL, d.model,
       v.version, v.run_id, v.kind, v.for_a_row, v.trees, v.splits, d.unscorable,
       fn.nspname, fc.relname, d.feeds::text, d.filled::text, d.watched::text,
       v.since, v.by_role, d.classes::text,
       NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = to_regnamespace('landfall_models')
                   AND p.proname IN ('score_' || d.id, 'feed_' || d.id)
                   AND (p.proconfig IS NULL OR NOT p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp']))
FROM landfall.deployments d JOIN landfall.deployed_versions v ON v.deployment_id = d.id AND v.until IS NULL
LEFT JOIN pg_class c ON c.oid = d.table_oid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN landfall.deployments f ON f.id = d.fed_by
LEFT JOIN pg_class fc ON fc.oid = f.table_oid LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
WHERE d.until IS NULL ORDER BY 2, 3""")
_SPANS = sql.SQL("""
SELECT v.id, d.model, v.version, v.run_id, v.kind, v.by_role, v.since, v.until
FROM landfall.deployed_versions v JOIN landfall.deployments d ON d.id = v.deployment_id
WHERE d.table_oid = %s ORDER BY v.id DESC""")
_SCORING = sql.SQL("SELECT scoring FROM landfall.deployed_versions WHERE id = %s")
_CURRENT = sql.SQL("SELECT id FROM landfall.deployed_versions WHERE deployment_id = %s AND until IS NULL")


def deployments(conn: Database) -> list[Deployed]:
    """Every table that is deployed to now, by its name."""
    return [_deployed(row) for row in fetch(conn, _DEPLOYED)] if is_there(conn) else []


def find_deployed(conn: Database, name: TableName) -> Deployed | None:
    """The deployment of a table; None if there is none."""
    return next((each for each in deployments(conn) if each.table == name), None)


def deployed(conn: Database, name: TableName) -> Deployed:
    """The deployment of a table.

    Raises:
        DeploymentError: no model is deployed to it; the message names the nearest that has one.
    """
    found = deployments(conn)
    if one := next((each for each in found if each.table == name), None):
        return one
    known = [str(each.table) for each in found]
    raise DeploymentError.unknown("deployment to the table", str(name), known, next="landfall deployments")


def history(conn: Database, found: Deployed) -> list[Span]:
    """The versions that score, or did, the rows of a table, the newest first; of earlier deployments to it too."""
    return [
        Span(
            id=int(str(row[0])),
            model=str(row[1]),
            version=str(row[2]),
            run_id=str(row[3]),
            kind=str(row[4]),
            by_role=str(row[5]),
            since=_time(row[6]),
            until=_time(row[7]) if row[7] else None,
        )
        for row in fetch(conn, _SPANS, [found.oid])
    ]


def scored_at(spans: Iterable[Span], moment: datetime) -> Span | None:
    """The version that scored at a time; None if none did."""
    return next((each for each in spans if each.since <= moment and (each.until is None or moment < each.until)), None)


def scoring_of(conn: Database, version_id: int) -> Scoring:
    """The SQL of a line of the history."""
    return Scoring.from_json(str(fetch(conn, _SCORING, [version_id])[0][0]))


def current_scoring(conn: Database, deployment_id: int) -> Scoring:
    """The SQL that scores now."""
    return scoring_of(conn, int(str(fetch(conn, _CURRENT, [deployment_id])[0][0])))


def _deployed(row: tuple[object, ...]) -> Deployed:
    return Deployed(
        id=int(str(row[0])),
        table=TableName(str(row[1]), str(row[2])),
        oid=int(str(row[3])),
        gone=bool(row[4]),
        model=str(row[5]),
        version=str(row[6]),
        run_id=str(row[7]),
        kind=str(row[8]),
        for_a_row=str(row[9]),
        trees=int(str(row[10])),
        splits=int(str(row[11])),
        unscorable=str(row[12]),
        fed_by=TableName(str(row[13]), str(row[14])) if row[13] else None,
        feeds=json.loads(str(row[15] or "{}")),
        filled=json.loads(str(row[16])),
        watched=json.loads(str(row[17])),
        since=_time(row[18]),
        by_role=str(row[19]),
        classes=tuple(json.loads(str(row[20]))),
        pinned=bool(row[21]),
    )


def _time(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value
