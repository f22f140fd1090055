"""What a table is given so that a version scores its rows, and the line in the history that says so."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from landfall.database import Database, fetch
from landfall.deployments import chain, trigger
from landfall.deployments.change import Change
from landfall.deployments.history import Deployed
from landfall.deployments.names import TableName
from landfall.deployments.scoring import Scoring

_LATER = sql.SQL("""
SELECT tgname FROM pg_trigger
WHERE tgrelid = %s AND NOT tgisinternal AND tgtype & 3 = 3 AND tgname COLLATE "C" > 'zz_landfall_scores_3' ORDER BY 1""")
_OWNER = sql.SQL("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s")
_UPDATE = sql.SQL("""
UPDATE landfall.deployments SET filled = %s, watched = %s, unscorable = %s, classes = %s WHERE id = %s RETURNING id""")
_SAME = sql.SQL("SELECT scoring FROM landfall.deployed_versions WHERE deployment_id = %s AND until IS NULL")
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


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a version goes.

    Args:
        id: Number of the deployment.
        table: The table.
        oid: Its number in PostgreSQL.
        filled: Column -> type of those that any version fills, or filled.
        was_watched: What its UPDATE trigger looks at now; empty where it has none yet.
    """

    id: int
    table: TableName
    oid: int
    filled: Mapping[str, str]
    was_watched: Mapping[str, str]

    @classmethod
    def of(cls, found: Deployed, filled: Mapping[str, str]) -> "Place":
        """That of a deployment."""
        return cls(id=found.id, table=found.table, oid=found.oid, filled=filled, was_watched=found.watched)


def install(change: Change, place: Place, scoring: Scoring, kind: str, classes: tuple[str, ...]) -> None:
    """Make the version score the table's rows from the end of the transaction on.

    Only the function is replaced, without a lock on the table, where the triggers look at the same columns as before. The
    history gets no line where the same SQL scores already.
    """
    change.run(*trigger.scoring_function(place.id, scoring.trigger_body(place.filled)))
    kinds = {name: "text" if kind == "text" else "number" for name, kind in place.filled.items()}
    watched = {**scoring.inputs, **kinds}
    if watched != dict(place.was_watched):
        owner = str(fetch(change.conn, _OWNER, [place.oid])[0][0])
        change.run(*trigger.triggers(place.id, place.table, watched, owner))
        _remark_later_triggers(change, place)
    told = [json.dumps(value) for value in (dict(place.filled), watched)]
    fetch(change.conn, _UPDATE, [*told, scoring.unscorable, json.dumps(classes), place.id])
    if fetch(change.conn, _SAME, [place.id]) != [(scoring.to_json(),)]:
        _note(change.conn, place.id, scoring, kind)


def clear_away(change: Change, found: Deployed) -> None:
    """Take triggers and functions of a deployment away, and say in the history that it is over. Its table may be gone."""
    if found.feeds:
        change.run(*chain.starving(found.id, found.fed_by))
    change.run(*trigger.withdrawal(found.id, None if found.gone else found.table))
    fetch(change.conn, _END, {"id": found.id})


def _note(conn: Database, deployment_id: int, scoring: Scoring, kind: str) -> None:
    fields = {
        "id": deployment_id,
        "version": scoring.version,
        "run_id": scoring.run_id,
        "kind": kind,
        "for_a_row": scoring.for_a_row,
        "trees": scoring.trees,
        "splits": scoring.splits,
        "scoring": scoring.to_json(),
    }
    fetch(conn, _SWITCH, fields)


def _remark_later_triggers(change: Change, place: Place) -> None:
    for (name,) in fetch(change.conn, _LATER, [place.oid]):
        change.say(f"-- the trigger `{name}` fires after the row was scored: what it changes the model does not see")
