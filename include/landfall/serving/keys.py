"""The keys with which applications ask: made, listed, revoked, and found again by their SHA-256.

A key has 256 random bits, so its SHA-256 is as good as a slow hash: nobody can try them out. The table `landfall.api_keys` never
held the key itself, and nothing can show it a second time.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_as, run
from landfall.errors import PublishingError

EVERYTHING = "*"
"""The scope of a key that reads every table."""
MARK = "lf_"
"""How every key begins, so that programs which look for secrets in code can find it."""
_COLUMNS = "id, name, begins, tables, per_second, created_at, by_role, expires_at, revoked_at, last_used_at"
_INSERT = sql.SQL("""
INSERT INTO landfall.api_keys (name, begins, sha256, tables, per_second, expires_at)
VALUES (%(name)s, %(begins)s, %(sha256)s, %(tables)s, %(per_second)s, %(expires_at)s)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING RETURNING id""")
_LIST = sql.SQL(f"SELECT {_COLUMNS} FROM landfall.api_keys ORDER BY id")  # noqa: S608
_LIVE = sql.SQL("""
SELECT sha256, id, name, tables, per_second, expires_at FROM landfall.api_keys
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())""")
_REVOKE = sql.SQL(
    "UPDATE landfall.api_keys SET revoked_at = clock_timestamp() WHERE name = %s AND revoked_at IS NULL RETURNING id"
)
_USED = sql.SQL("""
UPDATE landfall.api_keys k SET last_used_at = greatest(k.last_used_at, u.at)
FROM unnest(%s::bigint[], %s::timestamptz[]) AS u(id, at) WHERE k.id = u.id RETURNING k.id""")


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key as `landfall keys list` shows it. `begins` are its first characters; `tables` may be `*`, everything."""

    id: int
    name: str
    begins: str
    tables: Sequence[str]
    per_second: float | None
    created_at: datetime
    by_role: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a key that is live lets its holder do.

    Args:
        id: The number of the key.
        name: Its name.
        tables: The tables that it reads; `*` among them: every table.
        per_second: How many requests a second it may make; None: the service's usual number.
        expires_at: When it ends; None: never.
    """

    id: int
    name: str
    tables: Sequence[str]
    per_second: float | None
    expires_at: datetime | None


def digest(key: str) -> str:
    """The SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def create(
    conn: Database,
    name: str,
    tables: Iterable[str],
    *,
    per_second: float | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Makes a key and gives it. This is the only time that anybody can see it.

    Raises:
        PublishingError: the name is malformed or a live key has it, or the database refuses.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,62}", name):
        raise PublishingError(
            f"A key cannot be called {name!r}.",
            looked="expected up to 63 small letters, digits, `_`, `-` and `.`",
            fault="request",
        )
    key = MARK + secrets.token_urlsafe(32)
    fields = {
        "name": name, "begins": key[:8], "sha256": digest(key), "tables": sorted(set(tables)), "per_second": per_second,
        "expires_at": expires_at,
    }  # fmt: skip
    with explained(conn, f"The key `{name}` could not be made."):
        if not fetch(conn, _INSERT, fields):
            raise PublishingError(
                f"There is a key `{name}` already.",
                looked="landfall.api_keys",
                left="it goes on to work",
                next=f"landfall keys revoke {name}    (or choose another name)",
                fault="request",
            )
    return key


def listed(conn: Database) -> list[ApiKey]:
    """Every key that was made, the oldest first, the revoked ones too.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, "The keys could not be read."):
        return fetch_as(conn, ApiKey, _LIST)


def revoke(conn: Database, name: str) -> None:
    """Ends a key. A service that runs refuses it within five seconds.

    Raises:
        PublishingError: no live key has this name. The message names the nearest.
    """
    with explained(conn, f"The key `{name}` could not be revoked."):
        if not fetch(conn, _REVOKE, [name]):
            live = [key.name for key in listed(conn) if key.revoked_at is None]
            raise PublishingError.unknown("live key", name, live, next="landfall keys list")


def live(conn: Database) -> dict[str, Grant]:
    """SHA-256 of a key -> what it lets its holder do, for every key that is neither revoked nor expired.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, "The keys could not be read."):
        return dict(fetch_as(conn, _grant, _LIVE))


def note_use(conn: Database, used: Mapping[int, datetime]) -> None:
    """Writes down when keys were last used: number of the key -> moment.

    Raises:
        PublishingError: the database cannot be asked.
    """
    if used:
        with explained(conn, "When keys were last used could not be written down."), conn.transaction():
            run(conn, sql.SQL("SET TRANSACTION READ WRITE"))
            fetch(conn, _USED, [list(used), list(used.values())])


def _grant(*, sha256: str, **fields: object) -> tuple[str, Grant]:
    return sha256, Grant(**fields)  # type: ignore[arg-type]
