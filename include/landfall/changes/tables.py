"""The tables with a learner's answers, in the schema `changes`: made at its first start, readable by `landfall_reader`."""

from psycopg import sql

from landfall.database import Database, explained, fetch, run
from landfall.publishing.schema import let_read, qualified
from landfall.spec.online import SCHEMA, OnlineLearner
from landfall.spec.stream_tables import PLACE

PREDICTIONS = {
    **PLACE, "key": "text NOT NULL", "answer": "double precision", "label": "text", "actual": "double precision",
    "state": "bigint NOT NULL", "rows_learnt": "bigint NOT NULL", "changed_at": "timestamptz",
    "answered_at": "timestamptz NOT NULL DEFAULT clock_timestamp()",
}  # fmt: skip
DEAD_LETTERS = {
    **PLACE, "reason": "text NOT NULL", "key": "text", "message": "text",
    "read_at": "timestamptz NOT NULL DEFAULT clock_timestamp()",
}  # fmt: skip


def ensure_tables(conn: Database, declared: OnlineLearner) -> None:
    """Makes the learner's tables where they are missing. Their columns are the same for every learner.

    Raises:
        PublishingError: the database refuses.
    """
    tables = {declared.predictions_table: PREDICTIONS, declared.dead_letters_table: DEAD_LETTERS}
    with explained(conn, f"The tables of the learner `{declared.name}` could not be made."), conn.transaction():
        fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(20121225)"))
        run(
            conn,
            sql.SQL("SET LOCAL client_min_messages = warning"),
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)),
        )
        for table, columns in tables.items():
            made = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()]
            key = sql.SQL('PRIMARY KEY (topic, partition, "offset")')
            run(
                conn,
                sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(
                    qualified(table), sql.SQL(", ").join([*made, key])
                ),
            )
            let_read(conn, table)
