"""History: which version of a model served when, and why. Reading it asks no registry and imports no MLflow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import sql

from landfall.database import Database, explained, fetch_as

Kind = Literal["promoted", "rolled back", "noticed"]


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One change of a model's champion.

    Args:
        id: Its number; a later change has a higher one.
        model: The registered model.
        version: The version that serves from then on; None: none does, the alias was taken away.
        replaced: The version that served before; None if none did.
        at: When it was written down (UTC), after the registry had it.
        kind: `promoted`, `rolled back`, or `noticed`: somebody had set the alias in MLflow itself. An older
            Landfall let that version serve. Now it does not; the only such line that is written ends what an older one began.
        reason: Why, for a person.
        by_run: The Airflow run or the command that did it; empty for what was noticed.
        report: What the gate saw, if it was asked.
    """

    id: int
    model: str
    version: str | None
    replaced: str | None
    at: datetime
    kind: Kind
    reason: str
    by_run: str
    report: Mapping[str, object] | None = None


COLUMNS = sql.SQL("id, model, version, replaced, at, kind, reason, by_run, report")
"""The columns of `landfall.promotions`, named as the fields of `Promotion`."""
_READ = sql.SQL("SELECT {} FROM landfall.promotions {}")


def history(conn: Database, name: str, limit: int | None = None) -> list[Promotion]:
    """The changes of the champion of `name`, newest first.

    Raises:
        PublishingError: the database cannot be asked.
    """
    return _read(conn, name, sql.SQL("WHERE model = %s ORDER BY id DESC LIMIT %s"), [name, limit])


def newest(conn: Database, name: str) -> Promotion | None:
    """The last change of the champion of `name`, whoever made it; None before the first."""
    found = history(conn, name, 1)
    return found[0] if found else None


def current(conn: Database, name: str) -> Promotion | None:
    """Since when and why the present champion of `name` serves: the last promotion or rollback; None if there was none.

    One that was interrupted after the registry had it is not known here before the next `notice`.

    Raises:
        PublishingError: the database cannot be asked.
    """
    found = _read(conn, name, sql.SQL("WHERE model = %s AND kind <> 'noticed' ORDER BY id DESC LIMIT 1"), [name])
    return found[0] if found and found[0].version else None


def served_at(conn: Database, name: str, moment: datetime) -> Promotion | None:
    """The change that put the version in place which served at `moment` (aware); None if none did.

    Raises:
        PublishingError: the database cannot be asked.
    """
    where = sql.SQL("WHERE model = %s AND at <= %s ORDER BY id DESC LIMIT 1")
    found = _read(conn, name, where, [name, moment])
    return found[0] if found and found[0].version else None


def in_favour(changes: Iterable[Promotion]) -> list[str]:
    """The versions that were promoted and not rolled back since, the present one last. What was only noticed is left out.

    Args:
        changes: The whole history, oldest first.

    A rollback takes away every version that came after the one it went back to. One to a version that had itself been
    rolled back undoes that: it is as it was when that version served.
    """
    kept: list[str] = []
    then: dict[str, list[str]] = {}
    for change in changes:
        if change.version is None or change.kind == "noticed":
            continue
        if change.kind == "rolled back":
            kept = _back(kept, then, change.version)
        if kept[-1:] != [change.version]:
            kept = [*kept, change.version]
        then[change.version] = kept
    return kept


def _back(kept: list[str], then: Mapping[str, list[str]], version: str) -> list[str]:
    """What is in favour after a rollback to `version`; `then` is what was when each version last served."""
    if version in kept:
        return kept[: len(kept) - list(reversed(kept)).index(version)]
    return then.get(version, kept[:-1])


def _read(conn: Database, name: str, where: sql.SQL, parameters: Sequence[object]) -> list[Promotion]:
    with explained(conn, f"The history of `{name}` could not be read."):
        return fetch_as(conn, Promotion, _READ.format(COLUMNS, where), parameters)
