"""What a learner knew at a time that has passed, as far as its states were kept."""

import json
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from landfall.database import Database, explained, fetch_as, fetch_one
from landfall.errors import StreamError


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a learner knew.

    Args:
        number: The number of the newest state that is known of that time.
        rows: The rows that it had learnt by then.
        since: Since when it was known (aware).
        text: The state as JSON.
        later_number: The number that the learner had reached by that time. It is above `number` if the states between were
            not kept.
        later_rows: The rows that it had learnt by then.
    """

    number: int
    rows: int
    since: datetime
    text: str
    later_number: int
    later_rows: int

    @property
    def exact(self) -> bool:
        """True if the learner knew just this at that time."""
        return self.number == self.later_number

    @property
    def content(self) -> dict[str, object]:
        """The state, read."""
        return dict(json.loads(self.text))


def past(conn: Database, name: str, moment: datetime) -> Past:
    """What a learner knew at `moment` (aware): the present state if it is as old, else the newest that was kept by then.

    Raises:
        StreamError: no state was kept by then.
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"What the learner `{name}` knew could not be read."):
        found = fetch_as(conn, Past, _PAST, {"name": name, "moment": moment})
        if found:
            return found[0]
        oldest = fetch_one(conn, _OLDEST, [name])
    first = f"its oldest state was kept at {oldest[0]:%Y-%m-%d %H:%M:%S} UTC" if oldest else "no state of it was kept"
    raise StreamError(
        f"What the learner `{name}` knew at {moment:%Y-%m-%d %H:%M:%S} UTC is not known.",
        looked=f"landfall.learner_states: {first}",
        next=f"landfall changes state {name}",
        fault="request",
    )


_PAST = sql.SQL("""
WITH known AS (
    SELECT number, rows, changed_at AS since, state::text AS text FROM landfall.learners WHERE name = %(name)s
    UNION ALL
    SELECT number, rows, kept_at, state::text FROM landfall.learner_states WHERE learner = %(name)s
), newest AS (
    SELECT * FROM known WHERE since <= %(moment)s ORDER BY number DESC, since DESC LIMIT 1
), batch AS (
    SELECT number, rows FROM landfall.learner_measures WHERE learner = %(name)s AND at <= %(moment)s
    ORDER BY batch DESC LIMIT 1
)
SELECT newest.*, greatest(batch.number, newest.number) AS later_number,
       CASE WHEN batch.number > newest.number THEN batch.rows ELSE newest.rows END AS later_rows
FROM newest LEFT JOIN batch ON true""")
_OLDEST = sql.SQL(
    "SELECT min(kept_at) AT TIME ZONE 'UTC' FROM landfall.learner_states WHERE learner = %s HAVING count(*) > 0"
)
