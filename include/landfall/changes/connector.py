"""The configuration of Debezium's connector for the tables of a learner, and the SQL that its source database needs."""

from dataclasses import dataclass, field

from psycopg import sql

from landfall.spec.online import OnlineLearner

HEARTBEAT = "landfall_heartbeat"
"""The table that the connector writes to now and then. Its changes are in the publication, so that the slot moves on while the
captured tables rest and others of the same server do not: what stands still holds the server's log."""
BEAT = "UPDATE public.landfall_heartbeat SET at = clock_timestamp()"
HEARTBEAT_SECONDS = 10
LARGEST_WAL = "1GB"
"""What a slot may hold of the server's log (`max_slot_wal_keep_size`). Beyond it the slot is lost, not the disk."""


@dataclass(frozen=True, kw_only=True)
class SourceDatabase:
    """Where the source is. The repr shows no password."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)


def slot_of(declared: OnlineLearner) -> str:
    """The learner's replication slot, which is also the name of its publication."""
    return f"landfall_{declared.name}"


def connector(declared: OnlineLearner, source: SourceDatabase) -> dict[str, str]:
    """The connector's configuration, as Kafka Connect's REST API takes it.

    Events are JSON without schemas, with their number in the transaction; decimals are text. The publication is ours
    (`preparation`): one that Debezium makes has the tables that are there at its start, and not those that come into being later.
    """
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "plugin.name": "pgoutput",
        "database.hostname": source.host,
        "database.port": str(source.port),
        "database.user": source.user,
        "database.password": source.password,
        "database.dbname": declared.database,
        "topic.prefix": declared.name,
        "table.include.list": ",".join([*(table.full_name for table in declared.tables), f"public.{HEARTBEAT}"]),
        "slot.name": slot_of(declared),
        "publication.name": slot_of(declared),
        "publication.autocreate.mode": "disabled",
        "snapshot.mode": "when_needed",
        "exactly.once.support": "required",
        "transaction.boundary": "poll",
        "provide.transaction.metadata": "true",
        "decimal.handling.mode": "string",
        "tombstones.on.delete": "true",
        "skipped.operations": "none",
        "heartbeat.interval.ms": str(HEARTBEAT_SECONDS * 1000),
        "heartbeat.action.query": BEAT,
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "1",
    }


def preparation(declared: OnlineLearner) -> tuple[sql.SQL | sql.Composed, ...]:
    """Statements that the source database needs once, from a superuser: a publication of a schema is theirs alone.

    Every table of the schemas is in the publication, those of tomorrow too. PostgreSQL then refuses an UPDATE or a DELETE on a
    table without a primary key, unless it has a replica identity. The last statement fails if the publication is there: look
    first.
    """
    schemas = sorted({table.schema for table in declared.tables} | {"public"})
    table = sql.Identifier("public", HEARTBEAT)
    return (
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (id integer PRIMARY KEY, at timestamptz NOT NULL)").format(table),
        sql.SQL("INSERT INTO {} VALUES (1, clock_timestamp()) ON CONFLICT (id) DO NOTHING").format(table),
        sql.SQL("CREATE PUBLICATION {} FOR TABLES IN SCHEMA {}").format(
            sql.Identifier(slot_of(declared)), sql.SQL(", ").join(map(sql.Identifier, schemas))
        ),
    )


SLOT = sql.SQL("""
SELECT active, wal_status, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint,
       coalesce(safe_wal_size, -1)::bigint
FROM pg_replication_slots WHERE slot_name = %s""")
"""Whether a slot is read, its `wal_status`, the bytes it is behind, and those it may still fall behind (-1: no limit)."""
