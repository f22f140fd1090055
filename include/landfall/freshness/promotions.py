"""Promotion makes another version the champion. The history says which and why, and the registry's alias shows it.

`landfall.promotions` is the truth; the alias `champion` mirrors it. The two are in different databases, so no transaction
spans them. Instead a promotion takes these steps, in this order, under an advisory lock of the model:

1. *compare*: the champion must be the one that the caller has decided about, else nothing is done;
2. *begin*: a line in `landfall.promotions_begun` says what is to happen, and why;
3. *set*: one write in the registry. Before it nothing has changed; after it the promotion is decided;
4. *remember*: the line moves into the history, and the new version serves.

A promotion that is interrupted after step 3 happens all the same: the next `promote` or `notice` finds the line and moves it
into the history. An alias that somebody set in MLflow itself has no such line. It is not used, and `notice` writes down that
it is there.

The lock belongs to the session, not to a transaction. So it holds no snapshot, and no publish waits for it. Whoever loses the
connection loses the lock. Therefore step 2 uses that connection, just before the registry is written.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg import sql

from landfall.database import Database, Patience, explained, fetch, fetch_as, plain, require_idle
from landfall.errors import ModelError
from landfall.freshness.history import COLUMNS, PromotionKind, PromotionRecord, current, newest
from landfall.freshness.serving import Serving
from landfall.models.own import check_loadable, note_own
from landfall.models.registry import champion_version, pipeline_of, set_champion
from landfall.models.registry import version as version_there
from landfall.spec import Settings

ENDED = "what was set in MLflow itself does not serve any more: Landfall did not promote it"
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
RETURNING {}""").format(COLUMNS)
_INTERRUPTED = sql.SQL("""
WITH begun AS (
    DELETE FROM landfall.promotions_begun
    WHERE model = %s AND version = %s AND replaced IS NOT DISTINCT FROM %s RETURNING *
)
INSERT INTO landfall.promotions (model, version, replaced, at, kind, reason, by_run, report)
SELECT model, version, replaced, at, kind, reason, by_run, report FROM begun
RETURNING {}""").format(COLUMNS)
_VAIN = sql.SQL("DELETE FROM landfall.promotions_begun WHERE model = %s RETURNING 1")
_END = sql.SQL("""
INSERT INTO landfall.promotions (model, version, replaced, kind, reason, by_run)
VALUES (%s, %s, %s, 'noticed', %s, '') RETURNING id""")
_OTHER = sql.SQL("""
INSERT INTO landfall.other_aliases (model, version, serving) VALUES (%s, %s, %s)
ON CONFLICT (model) DO UPDATE SET version = excluded.version, serving = excluded.serving, since = clock_timestamp()
WHERE (other_aliases.version, other_aliases.serving) IS DISTINCT FROM (excluded.version, excluded.serving)
RETURNING 1""")
_AGREED = sql.SQL("DELETE FROM landfall.other_aliases WHERE model = %s RETURNING 1")
_OPEN = sql.SQL("""
SELECT EXISTS (SELECT FROM landfall.promotions_begun WHERE model = %(name)s),
       EXISTS (SELECT FROM landfall.other_aliases WHERE model = %(name)s AND version IS NOT DISTINCT FROM %(alias)s
                                                    AND serving IS NOT DISTINCT FROM %(serving)s),
       EXISTS (SELECT FROM landfall.other_aliases WHERE model = %(name)s)""")


def promote(
    settings: Settings,
    conn: Database,
    name: str,
    version: str,
    *,
    expected: str | None,
    kind: PromotionKind = "promoted",
    reason: str,
    by_run: str = "",
    report: Mapping[str, object] | None = None,
    patience: float = 60,
) -> PromotionRecord:
    """Makes `version` the champion of `name` if `expected` still is the champion. Called again, it does nothing more.

    Args:
        settings: Where the registry is.
        conn: A connection of its own to the predictions database, in autocommit mode.
        name: The registered model.
        version: The version that is to serve.
        expected: The champion that the caller compared `version` with; None if there was none.
        kind: `promoted` or `rolled back`.
        reason: Why, for a person.
        by_run: The Airflow run or the command that asks.
        report: What the gate saw.
        patience: Seconds to wait for another promotion of the same model.

    Returns:
        The line of the history that says that `version` serves.

    Raises:
        ModelError: there is no such version; another version has become champion since; the files of `version` are outside
            this project's artifacts, or are a pickle that Landfall did not write; the registry is away.
        PublishingError: the predictions database is away. If the alias is set already, the message says so.
    """
    candidate = version_there(settings, name, version)
    version = candidate.version
    with alone(conn, name, f"Version {version} of `{name}` was not promoted.", patience):
        serving = _caught_up(conn, name, champion_version(settings, name))
        if serving.line and serving.version == version:
            if serving.alias != version:
                set_champion(settings, name, version)
                _agree(conn, name)
            return serving.line
        if serving.version != expected:
            raise _changed(name, version, expected, serving)
        if check_loadable(settings, candidate, left=UNCHANGED) is None:
            note_own(settings, candidate, how="promoted", by_run=by_run)
        report_json = None if report is None else json.dumps(plain(dict(report)))
        with explained(conn, f"Version {version} of `{name}` was not promoted.", left=UNCHANGED):
            fetch(conn, _BEGIN, [name, version, serving.version, kind, reason, by_run, report_json])
        set_champion(settings, name, version)
        record = _remember(conn, name, version)
        _agree(conn, name)
        return record


def notice(settings: Settings, conn: Database, name: str, *, patience: float = 60) -> Serving:
    """Which version serves, and what the registry's alias says. Completes the history of an interrupted promotion.

    Raises:
        ModelError: the registry is away. PublishingError: the predictions database is.
    """
    serving = Serving(model=name, line=current(conn, name), alias=champion_version(settings, name))
    if _is_open(conn, serving):
        with alone(conn, name, f"The champion of `{name}` could not be noted.", patience):
            serving = _caught_up(conn, name, champion_version(settings, name))
    return serving


@contextmanager
def alone(conn: Database, name: str, what: str, patience: float) -> Iterator[None]:
    """Keeps everybody else from changing or noting the champion of `name` until the `with` ends.

    Raises:
        PublishingError: somebody else has been doing so for longer than `patience` seconds. The message begins with `what`.
    """
    require_idle(conn)
    waiting = Patience(what, UNCHANGED, patience)
    with (
        explained(conn, what, left=UNCHANGED),
        waiting.alone(conn, f"promotion/{name}", "another promotion of the same model"),
    ):
        yield


def _is_open(conn: Database, serving: Serving) -> bool:
    """True if something has to be written down.

    That is an interrupted promotion, an alias that went wrong or right, or the end of what an older Landfall noticed.
    """
    names = {"name": serving.model, "alias": serving.alias, "serving": serving.version}
    with explained(conn, f"Whether a promotion of `{serving.model}` is under way is not known."):
        begun, known, listed = fetch(conn, _OPEN, names)[0]
    last = newest(conn, serving.model)
    stale = bool(last and last.version != serving.version)
    return bool(begun) or stale or (bool(listed) if serving.alias == serving.version else not known)


def _caught_up(conn: Database, name: str, alias: str | None) -> Serving:
    """What serves, after everything open has been written down.

    An interrupted promotion moves into the history, or is forgotten if it was begun in vain. An alias that is on another version
    is written down; one that is right again is forgotten.
    """
    line = current(conn, name)
    serving = line.version if line else None
    with explained(conn, f"What serves for `{name}` could not be written down."):
        if alias != serving and (records := fetch_as(conn, PromotionRecord, _INTERRUPTED, [name, alias, serving])):
            line = records[0]
            serving = line.version
        fetch(conn, _VAIN, [name])
        last = newest(conn, name)
        if last and last.version != serving:
            fetch(conn, _END, [name, serving, last.version, ENDED])
        fetch(conn, *((_AGREED, [name]) if alias == serving else (_OTHER, [name, alias, serving])))
    return Serving(model=name, line=line, alias=alias)


def _agree(conn: Database, name: str) -> None:
    """Notes that alias and history say the same again."""
    with explained(conn, f"That the alias of `{name}` is right again could not be written down."):
        fetch(conn, _AGREED, [name])


def _remember(conn: Database, name: str, version: str) -> PromotionRecord:
    what = f"That version {version} of `{name}` serves could not be written down."
    with explained(
        conn, what, left=f"version {version} serves all the same; the next look at the registry writes it down"
    ):
        return fetch_as(conn, PromotionRecord, _DONE, [name])[0]


def _changed(name: str, version: str, expected: str | None, serving: Serving) -> ModelError:
    def described(number: str | None) -> str:
        return f"version {number}" if number else "none"

    serves, line, pipeline = described(serving.version), serving.line, pipeline_of(name)
    return ModelError(
        f"Version {version} of `{name}` was not promoted: the champion is {serves} now, and was {described(expected)} "
        "when they were compared.",
        looked=f"{serves}, {line.kind} {line.at:%Y-%m-%d %H:%M:%S} UTC: {line.reason}"
        if line
        else "landfall.promotions",
        left=f"{serves} serves; version {version} stays in the registry",
        next=f"landfall train {pipeline}    (or, without comparing: landfall promote {pipeline} {version})",
    )
