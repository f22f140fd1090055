"""The table of alerts: what is wrong, since when, and whether people were told.

Something that stays wrong is one line. When it is over and begins again, that is another line. So whatever is restarted, each
beginning and each end is told once; only if a process dies between telling and noting it is it told twice.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from landfall.alerts.wrong import Wrong
from landfall.database import Database, explained, fetch, fetch_as, run

_COLUMNS = "id, kind, source, subject, text, ends, began_at, sent_at, ended_at, end_sent_at"
_BEGIN = sql.SQL("""
INSERT INTO landfall.alerts (kind, source, subject, text, ends) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (kind, source, subject) WHERE ended_at IS NULL DO NOTHING RETURNING id""")
_END = sql.SQL("""
UPDATE landfall.alerts SET ended_at = clock_timestamp()
WHERE ended_at IS NULL AND ends AND source = ANY (%s)
    AND (kind, source, subject) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])) RETURNING id""")
_UNTOLD = sql.SQL(f"""
SELECT {_COLUMNS} FROM landfall.alerts
WHERE (sent_at IS NULL AND ended_at IS NULL) OR (sent_at IS NOT NULL AND ended_at IS NOT NULL AND end_sent_at IS NULL)
ORDER BY id FOR UPDATE SKIP LOCKED""")  # noqa: S608
_TOLD = sql.SQL("""
UPDATE landfall.alerts SET sent_at = coalesce(sent_at, clock_timestamp()),
    end_sent_at = CASE WHEN ended_at IS NOT NULL THEN clock_timestamp() END
WHERE id = ANY (%s) RETURNING id""")
_LIST = sql.SQL(f"""
SELECT {_COLUMNS} FROM landfall.alerts
ORDER BY (ended_at IS NULL AND ends) DESC, id DESC LIMIT %s""")  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One line of the table.

    Args:
        id: Its number.
        kind: See `Wrong`, as for the three that follow.
        source: Who has looked.
        subject: What it is about.
        text: What is wrong.
        ends: False for what happened and has no end.
        began_at: When it was first seen.
        sent_at: When people were told; None: not yet.
        ended_at: When it was first seen to be over; None: it goes on.
        end_sent_at: When people were told that.
    """

    id: int
    kind: str
    source: str
    subject: str
    text: str
    ends: bool
    began_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    end_sent_at: datetime | None

    @property
    def line(self) -> str:
        """One line for a person: `late landing: bike_demand/actuals 2012-12-25: no object yet ...`, or that it is over."""
        what = f"{self.kind}: {self.source} {self.subject}".rstrip()
        return f"{what}: over" if self.ended_at else f"{what}: {self.text}"


def note(conn: Database, wrong: Iterable[Wrong], looked_at: Collection[str]) -> None:
    """Notes what began to be wrong, and what is over.

    Args:
        conn: The predictions database, in autocommit mode.
        wrong: What is wrong now.
        looked_at: The sources that were looked at. A source that is away keeps its alerts.

    Raises:
        PublishingError: the database refuses.
    """
    now = list(wrong)
    keys = [[getattr(each, name) for each in now] for name in ("kind", "source", "subject")]
    with explained(conn, "What is wrong could not be noted."), conn.transaction():
        for each in now:
            fetch(conn, _BEGIN, [each.kind, each.source, each.subject, each.text, each.ends])
        fetch(conn, _END, [list(looked_at), *keys])


def tell(conn: Database, send: Callable[[Sequence[Alert]], None]) -> list[Alert]:
    """Tells what was not told yet, in one message, and notes that it was. If `send` raises, nothing is noted.

    Two processes at once tell nothing twice: the lines are locked until it is noted.

    Args:
        conn: The predictions database, in autocommit mode.
        send: Tells people. It is not called if there is nothing to tell.

    Raises:
        PublishingError: the database refuses.
    """
    with explained(conn, "The alerts could not be told."), conn.transaction():
        run(conn, sql.SQL("SET LOCAL idle_in_transaction_session_timeout = '5min'"))
        untold = fetch_as(conn, Alert, _UNTOLD)
        if untold:
            send(untold)
            fetch(conn, _TOLD, [[alert.id for alert in untold]])
    return untold


def alerts(conn: Database, limit: int) -> list[Alert]:
    """The newest alerts: first those that go on.

    Raises:
        PublishingError: the database refuses.
    """
    with explained(conn, "The alerts could not be read."):
        return fetch_as(conn, Alert, _LIST, [limit])
