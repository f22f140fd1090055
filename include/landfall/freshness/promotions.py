"""Promotion: another version becomes the champion, by one write in the registry, and the history says why.

The alias `champion` in the registry is the truth; `landfall.promotions` remembers. The two are in different databases, so
no transaction spans them. Instead, in this order, under an advisory lock of the model:

1. *compare*: the champion must be the one that the caller has decided about, else nothing is done;
2. *begin*: a line in `landfall.promotions_begun` says what is to happen, and why;
3. *set*: one write in the registry; before it nothing has changed, after it the new version serves;
4. *remember*: the line moves into the history.

What is interrupted after 3 has happened all the same, and the next `promote` or `notice` finds the line and remembers it.
What somebody set in MLflow itself has no such line: `notice` writes down that it is so.

The lock is the session's, not a transaction's: while it is held no snapshot is, so that no publish waits for it. Whoever
loses the connection loses the lock; step 2 is on that connection, just before the registry is written.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from landfall.errors import ModelError
from landfall.freshness.history import Kind, Promotion, newest, promotion
from landfall.freshness.schema import ensure_freshness
from landfall.models.registry import champion_version, pipeline_of, set_champion
from landfall.models.registry import version as version_there
from landfall.publishing.database import Database, explained, fetch, require_idle
from landfall.publishing.patience import Patience
from landfall.publishing.statements import plain
from landfall.spec import Settings

NOTICED = "it was set in MLflow itself"
UNCHANGED = "the champion stays as it was"
_BEGIN = sql.SQL("""
INSERT INTO landfall.promotions_begun (model, version, replaced, kind, reason, by_run, report)
VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)
ON CONFLICT (model) DO UPDATE SET version = excluded.version, replaced = excluded.replaced, at = clock_timestamp(),
    kind = excluded.kind, reason = excluded.reason, by_run = excluded.by_run, report = excluded.report
RETURNING 1""")
_DONE = sql.SQL("""
WITH begun AS (DELETE FROM landfall.promotions_begun WHERE model = %s RETURNING *)
INSERT INTO landfall.promotions (model, version, replaced, kind, reason, by_run, report)
SELECT model, version, replaced, kind, reason, by_run, report FROM begun
RETURNING id, model, version, replaced, at, kind, reason, by_run, report""")
_INTERRUPTED = sql.SQL("""
WITH begun AS (
    DELETE FROM landfall.promotions_begun
    WHERE model = %s AND version = %s AND replaced IS NOT DISTINCT FROM %s RETURNING *
)
INSERT INTO landfall.promotions (model, version, replaced, at, kind, reason, by_run, report)
SELECT model, version, replaced, at, kind, reason, by_run, report FROM begun
RETURNING id, model, version, replaced, at, kind, reason, by_run, report""")
_NOTICE = sql.SQL("""
WITH vain AS (DELETE FROM landfall.promotions_begun WHERE model = %(name)s)
INSERT INTO landfall.promotions (model, version, replaced, kind, reason, by_run)
VALUES (%(name)s, %(version)s, %(replaced)s, 'noticed', %(reason)s, '')
RETURNING id, model, version, replaced, at, kind, reason, by_run, report""")


def promote(
    settings: Settings,
    conn: Database,
    name: str,
    version: str,
    *,
    expected: str | None,
    kind: Kind = "promoted",
    reason: str,
    by_run: str = "",
    report: Mapping[str, object] | None = None,
    patience: float = 60,
) -> Promotion:
    """Makes `version` the champion of `name` if `expected` still is. Asked again, it does nothing more.

    Args:
        settings: Where the registry is.
        conn: A connection of its own to the predictions database, in autocommit mode.
        name: The registered model.
        version: The version that is to serve.
        expected: The champion that the caller compared it with; None: there was none.
        kind: `promoted` or `rolled back`.
        reason: Why, for a person.
        by_run: The Airflow run or the command that asks.
        report: What the gate saw.
        patience: Seconds to wait for another promotion of the same model.

    Returns:
        The line of the history that says that `version` serves.

    Raises:
        ModelError: there is no such version, another one has become champion since, or the registry is away.
        PublishingError: the predictions database is away. If the alias is set already, the message says so.
    """
    ensure_freshness(conn)
    version = version_there(settings, name, version).version
    with alone(conn, name, f"Version {version} of `{name}` was not promoted.", patience):
        serving = champion_version(settings, name)
        last = _caught_up(conn, name, serving)
        if last and serving == version:
            return last
        if serving != expected:
            raise _changed(name, version, expected, serving, last)
        told = None if report is None else json.dumps(plain(dict(report)))
        with explained(conn, f"Version {version} of `{name}` was not promoted.", left=UNCHANGED):
            fetch(conn, _BEGIN, [name, version, serving, kind, reason, by_run, told])
        set_champion(settings, name, version)
        return _remember(conn, name, version)


def notice(settings: Settings, conn: Database, name: str, *, patience: float = 60) -> Promotion | None:
    """Makes the history say what the registry says; the line of the version that serves, None if none does.

    Raises:
        ModelError: the registry is away. PublishingError: the predictions database is.
    """
    ensure_freshness(conn)
    serving, last = champion_version(settings, name), newest(conn, name)
    if _differs(last, serving) or _begun(conn, name):
        with alone(conn, name, f"The champion of `{name}` could not be noted.", patience):
            last = _caught_up(conn, name, champion_version(settings, name))
    return last if last and last.version else None


@contextmanager
def alone(conn: Database, name: str, what: str, patience: float) -> Iterator[None]:
    """Until the end of the `with`, nobody else changes or notes the champion of `name`.

    It asks again and again rather than queue: a queued statement holds a snapshot, for which a publish would wait.

    Raises:
        PublishingError: somebody else did for longer than `patience` seconds. It begins with `what`.
    """
    require_idle(conn)
    key = [f"promotion/{name}"]
    with explained(conn, what, left=UNCHANGED):
        waiting = Patience(what, UNCHANGED, patience)
        while fetch(conn, sql.SQL("SELECT pg_try_advisory_lock(hashtextextended(%s, 20121226))"), key) != [(True,)]:
            waiting.rest("another promotion of the same model")
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a lost session has lost the lock too
            fetch(conn, sql.SQL("SELECT pg_advisory_unlock(hashtextextended(%s, 20121226))"), key)


def _differs(last: Promotion | None, serving: str | None) -> bool:
    return (last.version if last else None) != serving


def _begun(conn: Database, name: str) -> bool:
    query = sql.SQL("SELECT 1 FROM landfall.promotions_begun WHERE model = %s")
    with explained(conn, f"Whether a promotion of `{name}` is under way is not known."):
        return bool(fetch(conn, query, [name]))


def _caught_up(conn: Database, name: str, serving: str | None) -> Promotion | None:
    """The newest line of the history, once it says what the registry says. A promotion that was begun in vain is forgotten."""
    last = newest(conn, name)
    if not _differs(last, serving):
        with explained(conn, f"A promotion of `{name}` that came to nothing could not be forgotten."):
            fetch(conn, sql.SQL("DELETE FROM landfall.promotions_begun WHERE model = %s RETURNING 1"), [name])
        return last
    before = last.version if last else None
    with explained(conn, f"What serves for `{name}` could not be written down."):
        if found := fetch(conn, _INTERRUPTED, [name, serving, before]):
            return promotion(found[0])
        noticed = {"name": name, "version": serving, "replaced": before, "reason": NOTICED}
        return promotion(fetch(conn, _NOTICE, noticed)[0])


def _remember(conn: Database, name: str, version: str) -> Promotion:
    what = f"That version {version} of `{name}` serves could not be written down."
    with explained(
        conn, what, left=f"version {version} serves all the same; the next look at the registry writes it down"
    ):
        return promotion(fetch(conn, _DONE, [name])[0])


def _changed(name: str, version: str, expected: str | None, serving: str | None, last: Promotion | None) -> ModelError:
    def said(number: str | None) -> str:
        return f"version {number}" if number else "none"

    known = last if last and last.version == serving else None
    pipeline = pipeline_of(name)
    return ModelError(
        f"Version {version} of `{name}` was not promoted: the champion is {said(serving)} now, and was {said(expected)} "
        "when they were compared.",
        looked=f"{said(serving)}, {known.kind} {known.at:%Y-%m-%d %H:%M:%S} UTC: {known.reason}"
        if known
        else "the model registry",
        left=f"{said(serving)} serves; version {version} stays in the registry",
        next=f"landfall train {pipeline}    (or, without comparing: landfall promote {pipeline} {version})",
    )
