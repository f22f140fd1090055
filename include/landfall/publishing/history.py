"""The history of a prediction table: all its publications, those that were published and those that were not."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_as, place
from landfall.errors import PublishingError
from landfall.pipelines import PIPELINES
from landfall.publishing.schema import exists
from landfall.spec import Partition, PredictionTable


@dataclass(frozen=True, kw_only=True)
class PublicationRecord:
    """One line of the history.

    Args:
        id: Identity of the publication.
        table: The prediction table.
        partition: The partition.
        state: staging, published (what readers see), superseded, rolled_back or abandoned.
        rows: Rows of the publication; None until it is published.
        run_id: The run that made it.
        model_version: Version of the model that scored it.
        fingerprint_hash: Digest of its `Fingerprint`.
        created_at: When it was opened.
        published_at: When it was first swapped in, which is also the `published_at` of its rows. None if it never was.
        restored_at: When a rollback last swapped it in again.
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


@dataclass(frozen=True, kw_only=True)
class Made:
    """What readers see of a partition: the publication, and what it was made from.

    Args:
        publication: Its identity.
        objects: Key of each input -> its ETag.
        code: Version of the jobs' code.
        model: Version of the model.
        contract: Version of the contract.
        rows: Its rows.
        published_at: When it was first swapped in.
        restored_at: When a rollback last went back to it.
        joined: Partition of another table that was joined -> the digest of its fingerprint: see `Fingerprint`.
    """

    publication: int
    objects: Mapping[str, str]
    code: str
    model: str
    contract: str
    rows: int
    published_at: datetime
    restored_at: datetime | None = None
    joined: Mapping[str, str] = field(default_factory=dict)

    @property
    def since(self) -> datetime:
        """Since when readers see it."""
        return max(self.published_at, self.restored_at or self.published_at)


@dataclass(frozen=True, kw_only=True)
class Edition:
    """Which publication of a partition readers see: the digest of its fingerprint, and since when they see it."""

    digest: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """When readers first saw a partition, and what they see of it now.

    Args:
        partition: The partition.
        first_at: When its first publication was swapped in.
        objects: The objects that the first publication was made from: key -> ETag; empty if its fingerprint does not name them.
        since: Since when readers see the present publication; None if they see none.
        version: The model version of the present publication.
        rows: The rows of the present publication.
    """

    partition: Partition
    first_at: datetime
    objects: Mapping[str, str]
    since: datetime | None
    version: str | None
    rows: int | None


_READ = sql.SQL("""
SELECT id, table_name AS table, partition AS name, state, rows, run_id, model_version, fingerprint_hash, created_at, published_at,
       restored_at, child_table IS NOT NULL AND state IN ('published', 'superseded', 'rolled_back') AS kept
FROM landfall.publications
WHERE table_name = %s AND (%s::text IS NULL OR partition = %s AND state = 'published') ORDER BY id DESC LIMIT %s""")
_NOW = sql.SQL("""
SELECT partition AS name, id AS publication, fingerprint, rows, published_at, restored_at FROM landfall.publications
WHERE table_name = %s AND state = 'published' AND (%s::text IS NULL OR partition = %s)""")
_PARTITIONS = sql.SQL("SELECT partition FROM landfall.publications WHERE table_name = %s AND state = 'published'")
_EDITIONS = sql.SQL("""
SELECT partition AS name, fingerprint_hash AS digest, greatest(published_at, restored_at) AS since FROM landfall.publications
WHERE table_name = %s AND state = 'published' AND partition = ANY(%s)""")
_APPEARANCES = sql.SQL("""
WITH first AS (
    SELECT DISTINCT ON (partition) partition, published_at, fingerprint FROM landfall.publications
    WHERE table_name = %(table)s AND published_at IS NOT NULL ORDER BY partition DESC, published_at, id LIMIT %(limit)s)
SELECT f.partition AS name, f.published_at AS first_at, f.fingerprint, greatest(p.published_at, p.restored_at) AS since,
       p.model_version AS version, p.rows
FROM first f LEFT JOIN landfall.publications p
    ON p.table_name = %(table)s AND p.partition = f.partition AND p.state = 'published'""")
_FIRST_PARTITIONS = sql.SQL("""
SELECT min(p.partition) FROM unnest(%(versions)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[])
    WITH ORDINALITY AS reign(version, since, until, number)
LEFT JOIN landfall.publications p ON p.table_name = %(table)s AND p.model_version = reign.version
    AND p.published_at >= reign.since AND (reign.until IS NULL OR p.published_at < reign.until)
GROUP BY reign.number ORDER BY reign.number""")


def publications(conn: Database, table: PredictionTable, limit: int = 20) -> list[PublicationRecord]:
    """The newest publications of `table`, newest first.

    Raises:
        PublishingError: nothing was ever published here, or the database cannot be asked.
    """
    return _read(conn, table, None, limit)


def published(conn: Database, table: PredictionTable, partition: Partition) -> PublicationRecord | None:
    """What readers see of one partition; None if it was never published.

    Raises:
        PublishingError: nothing was ever published here, or the database cannot be asked.
    """
    records = _read(conn, table, partition, 1)
    return records[0] if records else None


def published_partitions(conn: Database, table: PredictionTable) -> set[Partition]:
    """The partitions of `table` that readers see; none before its first publication.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with _reading(conn, table):
        return {Partition.parse(str(name)) for (name,) in fetch(conn, _PARTITIONS, [table.name])}


def made(conn: Database, table: PredictionTable, only: Partition | None = None) -> dict[Partition, Made]:
    """What readers see of each partition of `table`, and what it was made from; with `only`, of that partition alone.

    Raises:
        PublishingError: the database cannot be asked.
    """
    name = str(only) if only else None
    with _reading(conn, table):
        return dict(fetch_as(conn, _made, _NOW, [table.name, name, name]))


def editions(conn: Database, table: str, partitions: Iterable[Partition]) -> dict[Partition, Edition]:
    """Which publications readers see of some partitions of the table `schema.name`; without those that are not published.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"The publications of `{table}` could not be read."):
        return dict(fetch_as(conn, _edition, _EDITIONS, [table, [str(partition) for partition in partitions]]))


def appearances(conn: Database, table: PredictionTable, limit: int) -> list[Appearance]:
    """The appearances of the newest `limit` partitions of `table` that were ever published, newest first.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with _reading(conn, table):
        return fetch_as(conn, _appearance, _APPEARANCES, {"table": table.name, "limit": limit})


def first_partitions(
    conn: Database, table: PredictionTable, reigns: Sequence[tuple[str | None, datetime, datetime | None]]
) -> list[Partition | None]:
    """For each reign of a version: the first partition that was published with the version while it served; None if none was.

    Args:
        conn: The predictions database.
        table: The prediction table.
        reigns: For each reign: the version, when it began to serve, and when the next one did; None if it still serves.

    Raises:
        PublishingError: the database cannot be asked.
    """
    versions, since, until = [[reign[index] for reign in reigns] for index in range(3)]
    names = {"table": table.name, "versions": versions, "since": since, "until": until}
    with _reading(conn, table):
        return [Partition.parse(str(name)) if name else None for (name,) in fetch(conn, _FIRST_PARTITIONS, names)]


def _reading(conn: Database, table: PredictionTable) -> AbstractContextManager[None]:
    return explained(conn, f"The publications of `{table.name}` could not be read.")


def _read(conn: Database, table: PredictionTable, partition: Partition | None, limit: int) -> list[PublicationRecord]:
    name = str(partition) if partition else None
    with _reading(conn, table):
        records = fetch_as(conn, _record, _READ, [table.name, name, name, limit])
        if not records and not exists(conn, table.name):
            raise nothing_published(conn, table)
    return records


def _record(*, name: str, **columns: Any) -> PublicationRecord:
    return PublicationRecord(partition=Partition.parse(name), **columns)


def _made(*, name: str, fingerprint: dict[str, Any], **columns: Any) -> tuple[Partition, Made]:
    code, model, contract = (str(fingerprint.get(key, "")) for key in ("code_version", "model_version", "contract"))
    inputs, joined = _objects(fingerprint), fingerprint.get("joined")
    joined = {str(key): str(digest) for key, digest in joined.items()} if isinstance(joined, dict) else {}
    made = Made(objects=inputs, code=code, model=model, contract=contract, joined=joined, **columns)
    return Partition.parse(name), made


def _edition(*, name: str, **columns: Any) -> tuple[Partition, Edition]:
    return Partition.parse(name), Edition(**columns)


def _appearance(*, name: str, fingerprint: object, **columns: Any) -> Appearance:
    return Appearance(partition=Partition.parse(name), objects=_objects(fingerprint), **columns)


def _objects(fingerprint: object) -> dict[str, str]:
    """The inputs that a fingerprint names: key -> ETag."""
    inputs = fingerprint.get("objects") if isinstance(fingerprint, dict) else None
    return {str(item["key"]): str(item["etag"]) for item in inputs} if isinstance(inputs, list) else {}


def history_command(table: PredictionTable) -> str:
    """What to type to see the history of `table`."""
    for pipeline in PIPELINES.values():
        for feed in pipeline.feeds:
            if pipeline.table.name == table.name:
                return f"landfall publications {pipeline.name}"
            if feed.table.name == table.name:
                return f"landfall publications {feed.full_name}"
    return 'landfall sql "SELECT * FROM landfall.publications"'


def nothing_published(conn: Database, table: PredictionTable) -> PublishingError:
    """The error for a table that is not there yet."""
    return PublishingError(
        f"There is no prediction table `{table.name}` yet.",
        looked=place(conn),
        left="its first publication makes it",
        next="land a file of this pipeline (`landfall land --help`), or start its DAG in the Airflow UI",
    )
