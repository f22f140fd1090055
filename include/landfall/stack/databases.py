"""The databases of the cluster, and who may do what in them, as statements that a superuser runs.

Each statement may be run again at any time: what exists is left alone, or corrected. docker/databases.sql has the same statements
(`tests/deploy/test_compose_parity.py`).

`airflow`, `mlflow` and `landfall` each own the database of their name and nothing else; nobody else may connect to it, or make
temporary objects in it. `landfall_reader` reads prediction tables, and `landfall_serving`, the role of the lookup service, what
`landfall.database.rights` says besides. `landfall_capture` reads the log of changes of source databases. It exists only
on request, and no other role may read that log: a role with REPLICATION can copy every database of the cluster.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from psycopg import sql

from landfall.database import SERVING
from landfall.spec.capture import CAPTURE_ROLE, HEARTBEAT, PUBLICATION
from landfall.spec.tables import READER

FLOWERS = "flowers"
"""The source database of the pipeline `iris_online`, and the role that owns it."""
PREDICTIONS = "landfall"
"""The database that applications read, and the role that owns it."""
READER_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
    "temp_file_limit": "1GB",
}
"""A session of the reader starts with these. It may change all but the last: they guard against mistakes, not against malice."""
SERVING_SETTINGS = {**READER_SETTINGS, "statement_timeout": "10s", "idle_in_transaction_session_timeout": "10s"}
READERS_AT_ONCE, SERVING_AT_ONCE = 40, 20
"""Out of the server's 120 connections; the others are for Airflow, MLflow and Landfall."""


@dataclass(frozen=True, kw_only=True)
class Logins:
    """Passwords of the roles.

    Args:
        owners: Role -> password; its database has the same name.
        reader: The password of `landfall_reader`.
        serving: The password of `landfall_serving`.
        capture: The password of `landfall_capture`; None: changes are not captured.
        sources: Role -> password, as `owners`, of the databases whose changes may be captured.
    """

    owners: Mapping[str, str]
    reader: str
    serving: str
    capture: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


def of_the_server(logins: Logins, roles: Collection[str], databases: Collection[str]) -> Iterator[sql.Composed]:
    """Statements for roles, databases, and who may connect.

    Args:
        logins: The roles that must exist.
        roles: The roles that exist already.
        databases: The databases that exist already.
    """
    for name, password in {**logins.owners, **logins.sources}.items():
        words = {"name": sql.Identifier(name), "password": sql.Literal(password)}
        if name not in roles:
            yield sql.SQL("CREATE ROLE {name} LOGIN PASSWORD {password}").format(**words)
        yield sql.SQL("ALTER ROLE {name} NOREPLICATION").format(**words)
        if name not in databases:
            yield sql.SQL("CREATE DATABASE {name} OWNER {name}").format(**words)
        yield sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC").format(**words)
    for name in ("postgres", "template1"):
        yield sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
    yield from _limited(READER, logins.reader, READER in roles, READERS_AT_ONCE, READER_SETTINGS)
    yield from _limited(SERVING, logins.serving, SERVING in roles, SERVING_AT_ONCE, SERVING_SETTINGS)
    yield from _capture(logins, CAPTURE_ROLE in roles)


def of_the_predictions() -> Iterator[sql.Composed]:
    """What may be read of the predictions. Publishing grants the tables that are made later; `migrate`, Landfall's own."""
    words = {
        "readers": sql.SQL(", ").join(map(sql.Identifier, (READER, SERVING))),
        "owner": sql.Identifier(PREDICTIONS),
    }
    for statement in (
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "CREATE SCHEMA IF NOT EXISTS predictions AUTHORIZATION {owner}",
        "GRANT USAGE ON SCHEMA predictions TO {readers}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA predictions TO {readers}",
    ):
        yield sql.SQL(statement).format(**words)


def _limited(
    role: str, password: str, exists: bool, at_once: int, settings: Mapping[str, str]
) -> Iterator[sql.Composed]:
    """A role that reads: how many sessions it may have, and what they start with."""
    words = {"name": sql.Identifier(role), "password": sql.Literal(password)}
    if not exists:
        yield sql.SQL("CREATE ROLE {name} LOGIN PASSWORD {password}").format(**words)
    limit = sql.SQL(
        "ALTER ROLE {name} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT {most}"
    )
    yield limit.format(**words, most=sql.Literal(at_once))
    for setting, value in settings.items():
        assignment = {"setting": sql.SQL(setting), "value": sql.Literal(value)}
        yield sql.SQL("ALTER ROLE {name} SET {setting} = {value}").format(**words, **assignment)
    yield sql.SQL("GRANT CONNECT ON DATABASE {database} TO {name}").format(
        **words, database=sql.Identifier(PREDICTIONS)
    )


def _capture(logins: Logins, exists: bool) -> Iterator[sql.Composed]:
    """The role that captures changes. If it is no longer requested, it can no longer log in."""
    words = {"name": sql.Identifier(CAPTURE_ROLE), "password": sql.Literal(logins.capture or "")}
    if logins.capture is None:
        if exists:
            yield sql.SQL("ALTER ROLE {name} NOLOGIN NOREPLICATION").format(**words)
        return
    if not exists:
        yield sql.SQL("CREATE ROLE {name}").format(**words)
    yield sql.SQL("ALTER ROLE {name} LOGIN REPLICATION CONNECTION LIMIT 8 PASSWORD {password}").format(**words)
    for source in logins.sources:
        yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {name}").format(sql.Identifier(source), **words)


def of_a_source() -> Iterator[sql.Composed]:
    """What may be captured of a source database, as statements of its owner.

    Not of a superuser: the owner may have put a trigger on a table of this name, which would run with the superuser's rights.
    """
    words = {"capture": sql.Identifier(CAPTURE_ROLE), "heartbeat": sql.Identifier("public", HEARTBEAT)}
    for statement in (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {capture}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {capture}",
        "CREATE TABLE IF NOT EXISTS {heartbeat} (id integer PRIMARY KEY, at timestamptz NOT NULL)",
        "GRANT SELECT, UPDATE ON {heartbeat} TO {capture}",
        "INSERT INTO {heartbeat} VALUES (1, clock_timestamp()) ON CONFLICT (id) DO NOTHING",
    ):
        yield sql.SQL(statement).format(**words)


def publication() -> sql.Composed:
    """The statement of a superuser that makes a source database's publication; a publication of a schema is theirs alone.

    Every table of the schema `public` is in it, those of tomorrow too. PostgreSQL then refuses an UPDATE or a DELETE on a table
    without a primary key, unless it has a replica identity. The statement fails if the publication is there.
    """
    return sql.SQL("CREATE PUBLICATION {} FOR TABLES IN SCHEMA public").format(sql.Identifier(PUBLICATION))


DROP_LOST_SLOTS = """
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE database = current_database() AND wal_status = 'lost' AND NOT active"""


def host_based_authentication() -> str:
    """`pg_hba.conf`: everybody needs a password and must be on this machine; nobody may copy the cluster.

    There is no `replication` line, not even for `landfall_capture`: changes are decoded inside a database, which needs only an
    ordinary line. A `replication` line would let in those who stream the log of the whole cluster.
    """
    return (
        "# Written by Landfall at each start; what is changed here is lost.\n"
        "# TYPE  DATABASE  USER  ADDRESS       METHOD\n"
        "host    all       all   127.0.0.1/32  scram-sha-256\n"
    )
