"""What the ledger says about partitions, for answers: which are stale, and why one is not there.

It is the judgement of `landfall explain` (`landfall.ledger.standing`) on fewer facts. The service asks neither S3 nor Airflow, so
it knows what landed from the last listing, and of runs only what they wrote into the ledger.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from psycopg import sql

from landfall.database import Database, connect, explained, fetch
from landfall.deployments.readable import readable_tables
from landfall.freshness.history import PromotionRecord, current, history, served_at
from landfall.ledger import Standing
from landfall.ledger.current import current_in
from landfall.ledger.gather import gather
from landfall.ledger.landed import recorded
from landfall.ledger.standing import judged
from landfall.pipelines import find_pipeline
from landfall.publishing import published_partitions
from landfall.serving.deployed import Deployments, deployed_tables
from landfall.serving.known import Freshness, Newest, StreamStanding
from landfall.serving.settings import ServingSettings
from landfall.serving.streams import stream_standings
from landfall.serving.tables import PublishedTable
from landfall.spec import Partition

WORDS = {
    "waiting": "not landed",
    "late": "late",
    "landed": "landed, not yet published",
    "failed": "failed",
    "skipped": "skipped",
}
"""State of a partition that is not published -> what callers are told."""
Answer = TypeVar("Answer")


_NEWEST = sql.SQL("""
SELECT table_name, partition, publication, rows, model_version, published_at, landing_delay FROM landfall.freshness
WHERE table_name = ANY (%s)""")


class Standings:
    """Asks the ledger over one connection of its own, one question at a time. Its methods block: call them in a thread."""

    def __init__(self, settings: ServingSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._conn: Database | None = None

    def ask(self, question: Callable[[Database], Answer]) -> Answer:
        """What `question` gives on a connection that is open. One that was lost meanwhile is opened again, once.

        Raises:
            PublishingError: the database cannot be asked, or has not had all migrations of this version.
        """
        with self._lock:
            fresh = self._conn is None or self._conn.closed
            if fresh:
                self._conn = connect(self._settings, longest=self._settings.seconds)
            conn = self._conn
            if conn is None:
                raise RuntimeError("no connection")
            try:
                return question(conn)
            except Exception:
                if fresh or not conn.closed:
                    raise
            self._conn = connect(self._settings, longest=self._settings.seconds)
            return question(self._conn)

    def close(self) -> None:
        """Ends the connection."""
        with self._lock:
            if self._conn is not None:
                self._conn.close()

    def of(self, served: PublishedTable, partition: Partition) -> Standing:
        """Where one partition of a served table stands now."""
        return self.ask(lambda conn: _standings(conn, served, [partition], only=partition)[partition])

    def freshness(self, tables: Iterable[PublishedTable]) -> Freshness:
        """What is known of all tables now."""
        return self.ask(lambda conn: _freshness(conn, list(tables)))

    def streams(self) -> dict[str, StreamStanding]:
        """How each stream stands now."""
        return self.ask(stream_standings)

    def deployed(self) -> Deployments:
        """The tables of deployed models, as the service may read them now."""
        return self.ask(lambda conn: deployed_tables(readable_tables(conn)))

    def served_at(self, model: str, moment: datetime) -> PromotionRecord | None:
        """The change that brought in the version of a model that served at a moment; None if none did."""
        return self.ask(lambda conn: served_at(conn, model, moment))

    def model(self, model: str, limit: int) -> tuple[PromotionRecord | None, list[PromotionRecord]]:
        """The change that brought in the version that serves now, and the newest changes, newest first."""
        return self.ask(lambda conn: (current(conn, model), history(conn, model, limit)))


def _standings(
    conn: Database, served: PublishedTable, partitions: Iterable[Partition], *, only: Partition | None = None
) -> dict[Partition, Standing]:
    feed = served.feed
    landed = recorded(conn, feed, partitions)
    now = current_in(conn, find_pipeline(served.group), feed, datetime.now(UTC))
    return {facts.partition: judged(facts, now) for facts in gather(conn, feed, landed, None, only=only)}


def _freshness(conn: Database, tables: list[PublishedTable]) -> Freshness:
    stale: dict[tuple[str, str], str] = {}
    late: dict[str, list[str]] = {}
    by_table = {served.table.name: served.name for served in tables}
    for served in tables:
        standings = _standings(conn, served, published_partitions(conn, served.table))
        for partition, standing in standings.items():
            if standing.state == "stale":
                stale[served.name, str(partition)] = standing.reason
        late[served.name] = [str(partition) for partition, standing in standings.items() if standing.state == "late"]
    with explained(conn, "How fresh the tables are is not known."):
        lines = fetch(conn, _NEWEST, [list(by_table)])
    newest = {
        by_table[str(name)]: Newest(
            partition=str(partition),
            publication=int(str(number)),
            rows=int(str(rows)),
            model_version=str(version),
            published_at=published_at,  # type: ignore[arg-type]
            landing_delay=delay if isinstance(delay, timedelta) else None,
        )
        for name, partition, number, rows, version, published_at, delay in lines
    }
    return Freshness(datetime.now(UTC), stale, late, newest, stream_standings(conn))
