"""Landfall's own tables, brought to this version by numbered migrations: the files of `migrations/`, each run once.

`landfall.migrations` says which ones a database has had. Each runs in a transaction of its own with its line in that table: it
is done whole or not at all. Of several processes at once one migrates, the others wait and then have nothing to do.

A file that was released is never changed: its digest is compared. What is to be otherwise is the next file.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import kwargs_row

from landfall.database.queries import Database, explained, fetch, fetch_as, fetch_one, place, require_idle, run
from landfall.database.rights import SERVING, let_serve
from landfall.errors import PublishingError

SCHEMAS = ("landfall", "publications_data", "landfall_models")
"""The schemas that hold nothing but what Landfall has made."""
UNCHANGED = "nothing was changed"
_FOLDER = Path(__file__).with_name("migrations")
_TABLE = sql.SQL("""
CREATE SCHEMA IF NOT EXISTS landfall;
CREATE TABLE IF NOT EXISTS landfall.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)""")
_TRUSTED = """
WITH trusted AS (
    SELECT oid FROM pg_roles WHERE rolname = current_user OR rolsuper
    UNION SELECT datdba FROM pg_database WHERE datname = current_database()
)"""
"""Who may own what we read: ourselves, and those who can do everything to this database anyway."""
_THERE = sql.SQL("""
SELECT pg_get_userbyid(n.nspowner) = current_user AND (c.oid IS NULL OR c.relowner = n.nspowner), c.oid IS NOT NULL
FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'migrations'
WHERE n.nspname = 'landfall'""")
"""Whether the schema is our own, and whether it has the table."""
_STRANGE = sql.SQL(f"""{_TRUSTED}, ours AS (SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname = ANY (%s))
SELECT what, pg_get_userbyid(owner) FROM (
    SELECT 'schema ' || nspname AS what, nspowner AS owner FROM ours
    UNION ALL SELECT c.oid::regclass::text, c.relowner FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
    UNION ALL SELECT p.oid::regprocedure::text, p.proowner FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace
) everything WHERE owner NOT IN (SELECT oid FROM trusted) ORDER BY 1 LIMIT 5""")  # noqa: S608
_APPLIED = sql.SQL("SELECT number, name, digest, applied_at FROM landfall.migrations ORDER BY number")
_OWN = sql.SQL("""
SELECT 1 / count(*) FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'migrations'
WHERE n.nspname = 'landfall' AND pg_get_userbyid(n.nspowner) = current_user AND c.relowner = n.nspowner""")
"""Divides by zero where the table is not there or not our own. PostgreSQL then does not even plan the statement that follows in
the same round trip, which might run what a stranger wrote."""
_NOTE = sql.SQL("INSERT INTO landfall.migrations (number, name, digest) VALUES (%s, %s, %s) RETURNING number")
_LOCK = sql.SQL("SELECT pg_advisory_xact_lock(20121225)")
_CAREFULLY = sql.SQL("SET LOCAL client_min_messages = warning; SET LOCAL search_path = pg_catalog, pg_temp")


@dataclass(frozen=True)
class Migration:
    """One file of `migrations/`: its number, its name without `.sql`, and its statements."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the statements, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Applied:
    """A migration that a database has had, and when."""

    number: int
    name: str
    digest: str
    applied_at: datetime


@cache
def known() -> tuple[Migration, ...]:
    """The migrations of this version, in their order."""
    files = sorted(_FOLDER.glob("[0-9]*.sql"))
    return tuple(Migration(int(file.name[:4]), file.stem, file.read_text(encoding="utf-8")) for file in files)


def applied(conn: Database) -> list[Applied]:
    """The migrations that the database has had, in their order; none if it never had any.

    Raises:
        PublishingError: the schema `landfall` belongs to somebody else. Nothing in it was read.
    """
    own, there = fetch_one(conn, _THERE) or (True, False)
    if not own:
        _refuse_strangers(conn, ["landfall"])
    return fetch_as(conn, Applied, _APPLIED) if there else []


def _applied_at_once(conn: Database) -> list[Applied]:
    """As `applied`, with a single round trip in a database that this role has migrated. Not inside of a transaction."""
    with conn.cursor(row_factory=kwargs_row(Applied)) as cursor:
        try:
            cursor.execute(sql.SQL("; ").join([_OWN, _APPLIED]))
        except psycopg.errors.DivisionByZero:
            return applied(conn)
        cursor.nextset()
        return list(cursor)


def pending(conn: Database, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """The migrations that are still to be run, in their order. Nothing is written.

    Args:
        conn: The predictions database.
        migrations: All that there are; by default `known`.

    Raises:
        PublishingError: the database was migrated by a newer Landfall or by another one, or holds a stranger's objects.
    """
    with explained(conn, f"Which migrations the predictions database `{place(conn)}` has had is not known."):
        return _compared(conn, list(known() if migrations is None else migrations), applied(conn))


def _compared(conn: Database, ours: list[Migration], theirs: list[Applied]) -> list[Migration]:
    """What of `ours` the database lacks."""
    for migration, line in zip(ours, theirs, strict=False):
        if (migration.number, migration.digest) != (line.number, line.digest):
            raise _refused(
                f"The migration `{line.name}` of the predictions database `{place(conn)}` is not the one of this Landfall.",
                f"applied {line.applied_at:%Y-%m-%d %H:%M} UTC: {line.digest[:12]}; `{migration.name}`: {migration.digest[:12]}",
            )
    if len(theirs) > len(ours):
        newest = ours[-1].name if ours else "none"
        raise _refused(
            f"The predictions database `{place(conn)}` is newer than this Landfall.",
            f"its newest migration is `{theirs[-1].name}`, the newest known here `{newest}`",
        )
    return ours[len(theirs) :]


def require_migrated(conn: Database) -> None:
    """Refuses a database whose tables are not those of this version.

    A role that may not read `landfall.migrations`, such as the reader of predictions, is let through: it can read no other table
    of Landfall's either.

    Raises:
        PublishingError: it was never migrated, or not to this version; or as `pending`.
    """
    try:
        theirs = _applied_at_once(conn)
    except psycopg.errors.InsufficientPrivilege:
        return
    if due := _compared(conn, list(known()), theirs):
        raise PublishingError(
            f"The predictions database `{place(conn)}` has not had all migrations of this Landfall.",
            looked=f"landfall.migrations: {len(theirs)} of {len(known())}; the next is `{due[0].name}`",
            left=UNCHANGED,
            next="landfall migrate",
            fault="request",
        )


def migrate(conn: Database, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Runs what is pending; what was run. Nothing, also no lock, where nothing is. The service's role gets its rights.

    Args:
        conn: A connection of its own to the predictions database, in autocommit mode, of the role that is to own the tables.
        migrations: All that there are; by default `known`.

    Raises:
        PublishingError: a migration failed, and the database is as the one before it left it; or as `pending`.
    """
    require_idle(conn)
    done: list[Migration] = []
    while due := pending(conn, migrations):
        failed = f"The migration `{due[0].name}` of the predictions database `{place(conn)}` failed."
        mend = "mend what PostgreSQL says, then landfall migrate"
        made = ", ".join(migration.name for migration in done) or "none"
        left = f"the database is as it was before it; migrations made just now: {made}"
        with explained(conn, failed, left=left, next=mend), conn.transaction():
            run(conn, _CAREFULLY)
            fetch(conn, _LOCK)
            if due[0] in pending(conn, migrations):  # else another process was quicker
                _run(conn, due[0])
                done.append(due[0])
    if migrations is None:
        with explained(conn, f"The rights of `{SERVING}` in `{place(conn)}` could not be given."):
            let_serve(conn)
    return done


def _run(conn: Database, migration: Migration) -> None:
    """One migration and its line, inside of the caller's transaction."""
    _refuse_strangers(conn, list(SCHEMAS))
    run(conn, _TABLE)
    conn.cursor().execute(migration.text.encode())
    fetch(conn, _NOTE, [migration.number, migration.name, migration.digest])


def _refuse_strangers(conn: Database, schemas: list[str]) -> None:
    """Refuses objects of somebody else where only Landfall's own are looked for: using them may run what he wrote."""
    if not (strange := fetch(conn, _STRANGE, [schemas])):
        return
    raise PublishingError(
        f"The predictions database `{place(conn)}` has objects of somebody else among Landfall's.",
        looked="; ".join(f"{what} belongs to `{owner}`" for what, owner in strange),
        left=UNCHANGED,
        next="see what they do; then drop them, or give them to Landfall's role (ALTER ... OWNER TO), and landfall migrate",
        fault="request",
    )


def _refused(what: str, looked: str) -> PublishingError:
    mend = "install the Landfall that migrated this database, or a newer one"
    return PublishingError(what, looked=looked, left=UNCHANGED, next=mend, fault="request")
