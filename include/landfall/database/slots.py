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
        left_bytes: The bytes that may still be written before the slot is lost (`max_slot_wal_keep_size`); None: no limit.
    """

    name: str
    active: bool
    wal_status: str
    behind_bytes: int
    left_bytes: int | None

    @property
    def well(self) -> bool:
        """True if it is read, keeps what was not read, and is not far behind."""
        return self.active and self.wal_status in ("reserved", "extended") and self.behind_bytes < FAR_BEHIND

    @property
    def sentence(self) -> str:
        """`slot landfall_iris_online: read, reserved, 0.1 MiB behind, may hold 2048 MiB more`."""
        left = "" if self.left_bytes is None else f", may hold {max(self.left_bytes, 0) / MIB:.0f} MiB more"
        read = "read" if self.active else "nobody reads it"
        return f"slot {self.name}: {read}, {self.wal_status}, {self.behind_bytes / MIB:.1f} MiB behind{left}"


def slots(conn: Database) -> list[Slot]:
    """The logical slots of the database that `conn` is connected to, by name."""
    return fetch_as(conn, Slot, _SLOTS)


_SLOTS = sql.SQL("""
SELECT slot_name::text AS name, active, coalesce(wal_status, 'lost') AS wal_status,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint AS behind_bytes,
       safe_wal_size AS left_bytes
FROM pg_replication_slots WHERE database = current_database() AND slot_type = 'logical' ORDER BY slot_name""")
