"""History: every publication of a prediction table, the published and the others."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg
from psycopg import sql

from landfall.database import Database, Parameters, explained, fetch
from landfall.errors import PublishingError
from landfall.pipelines import PIPELINES
from landfall.spec import Partition, PredictionTable


@dataclass(frozen=True, kw_only=True)
class PublicationRecord:
    """One line of the history.

    Args:
        id: Identity of the publication.
        table: The prediction table.
        partition: The day.
        state: staging, published (what readers see), superseded, rolled_back or abandoned.
        rows: Rows of the publication; None until it was published.
        run_id: The run that made it.
        model_version: Version of the model that scored it.
        fingerprint_hash: Digest of its `Fingerprint`.
        created_at: When it was opened.
        published_at: When it was swapped in first: the `published_at` of its rows. None if it never was.
        restored_at: When a rollback swapped it in again, the last time.
        kept: Whether its rows are still there, so that a rollback can go back to it.
    """

    id: int
    table: str
    partition: Partition
    state: str
    rows: int | None
    run_id: str
    model_version: str
    fingerprint_hash: str
    created_at: datetime
    published_at: datetime | None
    restored_at: datetime | None
    kept: bool


COLUMNS = """id, table_name, partition, state, rows, run_id, model_version, fingerprint_hash, created_at, published_at,
    restored_at, child_table IS NOT NULL AND state IN ('published', 'superseded', 'rolled_back')"""


def publications(conn: Database, table: PredictionTable, limit: int = 20) -> list[PublicationRecord]:
    """The newest publications of `table`, newest first.

    Raises:
        PublishingError: nothing was ever published here, or the database cannot be asked.
    """
    return _read(conn, table, sql.SQL("WHERE table_name = %s ORDER BY id DESC LIMIT %s"), [table.name, limit])


def published(conn: Database, table: PredictionTable, partition: Partition) -> PublicationRecord | None:
    """What readers see of one partition; None if it was never published.

    Raises:
        PublishingError: nothing was ever published here, or the database cannot be asked.
    """
    where = sql.SQL("WHERE table_name = %s AND partition = %s AND state = 'published'")
    found = _read(conn, table, where, [table.name, partition.day])
    return found[0] if found else None


def published_partitions(conn: Database, table: PredictionTable) -> set[Partition]:
    """The partitions of `table` that readers see; none before its first publication.

    Raises:
        PublishingError: the database cannot be asked.
    """
    query = sql.SQL("SELECT partition FROM landfall.publications WHERE table_name = %s AND state = 'published'")
    with explained(conn, f"The publications of `{table.name}` could not be read."):
        try:
            return {Partition(day) for (day,) in fetch(conn, query, [table.name]) if isinstance(day, date)}
        except psycopg.errors.UndefinedTable:
            return set()


def _read(conn: Database, table: PredictionTable, where: sql.SQL, parameters: Parameters) -> list[PublicationRecord]:
    query = sql.SQL("SELECT {} FROM landfall.publications {}").format(sql.SQL(COLUMNS), where)
    with explained(conn, f"The publications of `{table.name}` could not be read."):
        try:
            return [_record(row) for row in fetch(conn, query, parameters)]
        except psycopg.errors.UndefinedTable:
            raise nothing_published(conn, table) from None


def _record(row: tuple[object, ...]) -> PublicationRecord:
    number, table, day, state, rows, run_id, version, digest, created, first, restored, kept = row
    if not isinstance(day, date) or not isinstance(created, datetime):
        raise TypeError(f"landfall.publications has other columns than this version knows: {row}")
    return PublicationRecord(
        id=int(str(number)),
        table=str(table),
        partition=Partition(day),
        state=str(state),
        rows=None if rows is None else int(str(rows)),
        run_id=str(run_id),
        model_version=str(version),
        fingerprint_hash=str(digest),
        created_at=created.astimezone(UTC),
        published_at=first.astimezone(UTC) if isinstance(first, datetime) else None,
        restored_at=restored.astimezone(UTC) if isinstance(restored, datetime) else None,
        kept=bool(kept),
    )


def history_command(table: PredictionTable) -> str:
    """What to type to see the history of `table`."""
    for pipeline in PIPELINES.values():
        for feed in pipeline.feeds:
            if pipeline.predictions.name == table.name:
                return f"landfall publications {pipeline.name}"
            if feed.table.name == table.name:
                return f"landfall publications {feed.full_name}"
    return 'landfall sql "SELECT * FROM landfall.publications"'


def nothing_published(conn: Database, table: PredictionTable) -> PublishingError:
    """The error of a table that is not there yet."""
    info = conn.info
    return PublishingError(
        f"There is no prediction table `{table.name}` yet.",
        looked=f"{info.host}:{info.port}/{info.dbname}",
        left="its first publication makes it",
        next="land a file of this pipeline (`landfall land --help`), or start its DAG in the Airflow UI",
    )
