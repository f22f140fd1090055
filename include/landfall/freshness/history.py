"""The history of a model: which version served when, and why. Reading it asks no registry and imports no MLflow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import sql

from landfall.database import Database, explained, fetch_as

PromotionKind = Literal["promoted", "rolled back", "noticed"]


@dataclass(frozen=True, kw_only=True)
class PromotionRecord:
    """One change of a model's champion.

    Args:
        id: Its number; a later change has a higher one.
        model: The registered model.
        version: The version that serves from then on; None if no version does, because the alias was taken away.
        replaced: The version that served before; None if none did.
        at: When the change was written down (UTC), after the registry had it. If it was interrupted: when it was begun.
        kind: `promoted`, `rolled back` or `noticed`. `noticed` means that somebody had set the alias in MLflow itself. An older
            Landfall let that version serve; now it does not. Such a line is written only to end what an older line began.
        reason: Why, for a person.
        by_run: The Airflow run or the command that made the change; empty if it was noticed.
        report: What the gate saw; None if the gate was not asked.
    """

    id: int
    model: str
    version: str | None
    replaced: str | None
    at: datetime
    kind: PromotionKind
    reason: str
    by_run: str
    report: Mapping[str, object] | None = None


COLUMNS = sql.SQL("id, model, version, replaced, at, kind, reason, by_run, report")
"""The columns of `landfall.promotions`, named as the fields of `PromotionRecord`."""
_READ = sql.SQL("SELECT {} FROM landfall.promotions {}")


def history(conn: Database, name: str, limit: int | None = None) -> list[PromotionRecord]:
    """The changes of the champion of `name`, newest first.

    Raises:
        PublishingError: the database cannot be asked.
    """
    return _read(conn, name, sql.SQL("WHERE model = %s ORDER BY id DESC LIMIT %s"), [name, limit])


def newest(conn: Database, name: str) -> PromotionRecord | None:
    """The last change of the champion of `name`, whoever made it; None before the first one."""
    records = history(conn, name, 1)
    return records[0] if records else None


def current(conn: Database, name: str) -> PromotionRecord | None:
    """The last promotion or rollback of `name`: since when and why its champion serves; None if there was none.

    If that change was interrupted after the registry had it, it is not known here before the next `notice`.

    Raises:
        PublishingError: the database cannot be asked.
    """
    records = _read(conn, name, sql.SQL("WHERE model = %s AND kind <> 'noticed' ORDER BY id DESC LIMIT 1"), [name])
    return records[0] if records and records[0].version else None


def served_at(conn: Database, name: str, moment: datetime) -> PromotionRecord | None:
    """The change that brought in the version that served at `moment` (aware); None if no version served then.

    Raises:
        PublishingError: the database cannot be asked.
    """
    clause = sql.SQL("WHERE model = %s AND at <= %s ORDER BY id DESC LIMIT 1")
    records = _read(conn, name, clause, [name, moment])
    return records[0] if records and records[0].version else None


def in_favour(changes: Iterable[PromotionRecord]) -> list[str]:
    """The versions that were promoted and not rolled back since, the present one last. Noticed changes are left out.

    A rollback takes away every version that came after its target. If the target had itself been rolled back, the new
    rollback undoes that: the versions are again those of the time when the target served.

    Args:
        changes: The whole history, oldest first.
    """
    kept: list[str] = []
    before: dict[str, list[str]] = {}
    for change in changes:
        if change.version is None or change.kind == "noticed":
            continue
        if change.kind == "rolled back":
            kept = _back(kept, before, change.version)
        if kept[-1:] != [change.version]:
            kept = [*kept, change.version]
        before[change.version] = kept
    return kept


def _back(kept: list[str], before: Mapping[str, list[str]], version: str) -> list[str]:
    """What is in favour after a rollback to `version`. `before` is, by version, what was in favour when it last served."""
    if version in kept:
        return kept[: len(kept) - list(reversed(kept)).index(version)]
    return before.get(version, kept[:-1])


def _read(conn: Database, name: str, clause: sql.SQL, parameters: Sequence[object]) -> list[PromotionRecord]:
    with explained(conn, f"The history of `{name}` could not be read."):
        return fetch_as(conn, PromotionRecord, _READ.format(COLUMNS, clause), parameters)
