"""What a partition joins: the partitions of other published tables that its features are made from besides what landed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from landfall.database import Database
from landfall.publishing import Edition, editions
from landfall.spec import Feed, Partition


@dataclass(frozen=True, kw_only=True)
class JoinedNow:
    """What there is now of what a partition joins.

    Args:
        digests: `schema.table PARTITION` -> the digest of the fingerprint that readers see. `Fingerprint.joined` keeps it.
        lacks: What is not published yet, for a person; empty if everything is there.
        since: Since when the newest of them is what readers see.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    lacks: str = ""
    since: datetime | None = None


def joined_now(conn: Database, feed: Feed, partitions: Iterable[Partition]) -> dict[Partition, JoinedNow]:
    """What each of some partitions of a feed joins now; empty for a feed that joins nothing. One query for each table.

    Raises:
        PublishingError: the database cannot be asked.
    """
    if not feed.joined:
        return {}
    needs = {partition: feed.needs(partition) for partition in partitions}
    wanted: dict[str, set[Partition]] = {}
    for needed in needs.values():
        for table, days in needed.items():
            wanted.setdefault(table, set()).update(days)
    there = {table: editions(conn, table, days) for table, days in wanted.items()}
    return {
        partition: _joined({(table, day): there[table].get(day) for table, days in needed.items() for day in days})
        for partition, needed in needs.items()
    }


def lacking(conn: Database, needs: Mapping[str, Iterable[Partition]]) -> str:
    """What is not published yet of some partitions of tables, for a person; empty if everything is there.

    Raises:
        PublishingError: the database cannot be asked.
    """
    there = {table: editions(conn, table, days) for table, days in needs.items()}
    return _joined({(table, day): there[table].get(day) for table, days in needs.items() for day in days}).lacks


def _joined(needed: Mapping[tuple[str, Partition], Edition | None]) -> JoinedNow:
    there = {place: edition for place, edition in needed.items() if edition}
    missing = [f"`{table}` has no {day} yet" for (table, day), edition in needed.items() if edition is None]
    more = f", and {len(missing) - 3} more" if len(missing) > 3 else ""
    return JoinedNow(
        digests={f"{table} {day}": edition.digest for (table, day), edition in there.items()},
        lacks=", ".join(missing[:3]) + more,
        since=max((edition.since for edition in there.values()), default=None),
    )
