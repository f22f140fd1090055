"""Replication slots of a source database: how far behind they are, and whether they still hold what was not read."""

from dataclasses import dataclass

from psycopg import sql

from landfall.database.queries import Database, fetch_as

MIB = 1024**2
FAR_BEHIND = 256 * MIB
"""The bytes of the server's log from which a slot that is behind is worth a warning."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A replication slot.

    Args:
        name: Its name.
        active: True if somebody reads it now.
        wal_status: PostgreSQL's word: `reserved` and `extended` are well, `unreserved` will soon be `lost`.
        behind_bytes: The bytes of the server's log since the place that the reader has confirmed.
        behind_seconds: While nobody reads it, the seconds since somebody did, or since the server started (PostgreSQL 17 or
            newer). While it is read, the seconds from the writing of the log to the reader's confirmation, as last measured
            (`pg_stat_replication.flush_lag`); only roles with the rights of `pg_read_all_stats` may see that. None: not known, or
            the reader has caught up.
        left_bytes: The bytes that may still be written before the slot is lost (`max_slot_wal_keep_size`); None: no limit.
    """

    name: str
    active: bool
    wal_status: str
    behind_bytes: int
    behind_seconds: float | None
    left_bytes: int | None

    @property
    def well(self) -> bool:
        """True if it is read, keeps what was not read, and is not far behind."""
        return self.active and self.wal_status in ("reserved", "extended") and self.behind_bytes < FAR_BEHIND

    def trouble(self, seconds: float, most_bytes: int) -> str:
        """Why people should look at it, if it is lost, or `seconds` or `most_bytes` behind or more; else empty."""
        over = self.behind_bytes >= most_bytes or (self.behind_seconds or 0) >= seconds
        return self.sentence if over or self.wal_status not in ("reserved", "extended") else ""

    @property
    def sentence(self) -> str:
        """`slot landfall_iris_online: read, reserved, 0.1 MiB and 2 s behind, may hold 2048 MiB more`."""
        left = "" if self.left_bytes is None else f", may hold {max(self.left_bytes, 0) / MIB:.0f} MiB more"
        read = "read" if self.active else "nobody reads it"
        late = "" if self.behind_seconds is None else f" and {self.behind_seconds:.0f} s"
        return f"slot {self.name}: {read}, {self.wal_status}, {self.behind_bytes / MIB:.1f} MiB{late} behind{left}"


def slots(conn: Database) -> list[Slot]:
    """The logical slots of the database that `conn` is connected to, by name."""
    return fetch_as(conn, Slot, _SLOTS)


_SLOTS = sql.SQL("""
SELECT slot_name::text AS name, slot.active, coalesce(wal_status, 'lost') AS wal_status,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint AS behind_bytes,
       CASE WHEN slot.active THEN extract(epoch FROM reader.flush_lag)
            ELSE extract(epoch FROM clock_timestamp() - (to_jsonb(slot) ->> 'inactive_since')::timestamptz)
       END::float8 AS behind_seconds,
       safe_wal_size AS left_bytes
FROM pg_replication_slots slot LEFT JOIN pg_stat_replication reader ON reader.pid = slot.active_pid
WHERE database = current_database() AND slot_type = 'logical' ORDER BY slot_name""")
