"""The answers of a learner, for a person to read."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from landfall.database import Database, explained, fetch_as
from landfall.publishing.schema import exists, qualified
from landfall.spec.online import OnlineLearner


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer: see `landfall.changes.turn.Prediction`."""

    topic: str
    offset: int
    key: str
    answer: float | None
    label: str | None
    state: int
    rows_learnt: int
    answered_at: datetime

    @property
    def sentence(self) -> str:
        """`{"id":1} of iris_test is classified as setosa (0), by state 17, 90 rows learnt`."""
        table = self.topic.rpartition(".")[2]
        by = f"by state {self.state}, {self.rows_learnt} rows learnt"
        if self.answer is None:
            return f"{self.key} of {table}: no answer yet, {by}"
        what = f"classified as {self.label} ({self.answer:g})" if self.label else f"given {self.answer:g}"
        return f"{self.key} of {table} is {what}, {by}"

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return dict(vars(self))


def newest_answers(
    conn: Database, declared: OnlineLearner, *, rows: int, after: datetime | None = None
) -> tuple[list[Answer], datetime | None]:
    """The newest answers, oldest first, and the time of the last one. With `after` only those that are newer than that time."""
    if not exists(conn, declared.predictions_table):
        return [], after
    with explained(conn, f"The answers of `{declared.name}` could not be read."):
        query = _NEWEST.format(qualified(declared.predictions_table))
        answers = fetch_as(conn, Answer, query, {"after": after, "rows": rows})[::-1]
    return answers, answers[-1].answered_at if answers else after


_NEWEST = sql.SQL("""
SELECT topic, "offset", key, answer, label, state, rows_learnt, answered_at FROM {}
WHERE %(after)s::timestamptz IS NULL OR answered_at > %(after)s ORDER BY answered_at DESC, "offset" DESC LIMIT %(rows)s""")
