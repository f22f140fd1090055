"""Numbered migrations bring Landfall's own tables to this version. They are the files of `migrations/`; each is run once.

The table `landfall.migrations` says which migrations a database has had. A migration and its line in that table are one
transaction, so it is done whole or not at all. If several processes start at once, one migrates; the others wait, and then have
nothing to do.

A released file never changes: its digest is compared with the one in the table. Any later change is a new file.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from landfall.database.queries import Database, explained, fetch, fetch_as, fetch_one, place, require_idle, run
from landfall.errors import PublishingError

SCHEMAS = ("landfall", "publications_data", "landfall_models")
"""The schemas in which everything is made by Landfall."""
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
"""The roles that may own what we read: our own role, and the roles that can do anything to this database anyway."""
_THERE = sql.SQL(f"""{_TRUSTED}
SELECT n.nspowner IN (SELECT oid FROM trusted) AND (c.oid IS NULL OR c.relowner IN (SELECT oid FROM trusted)),
       c.oid IS NOT NULL
FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'migrations'
WHERE n.nspname = 'landfall'""")  # noqa: S608
_STRANGE = sql.SQL(f"""{_TRUSTED}, ours AS (SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname = ANY (%s))
SELECT what, pg_get_userbyid(owner) FROM (
    SELECT 'schema ' || nspname AS what, nspowner AS owner FROM ours
    UNION ALL SELECT c.oid::regclass::text, c.relowner FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
    UNION ALL SELECT p.oid::regprocedure::text, p.proowner FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace
) everything WHERE owner NOT IN (SELECT oid FROM trusted) ORDER BY 1 LIMIT 5""")  # noqa: S608
_APPLIED = sql.SQL("SELECT number, name, digest, applied_at FROM landfall.migrations ORDER BY number")
_NOTE = sql.SQL("INSERT INTO landfall.migrations (number, name, digest) VALUES (%s, %s, %s) RETURNING number")
_LOCK = sql.SQL("SELECT pg_advisory_xact_lock(20121225)")
_CAREFULLY = sql.SQL("SET LOCAL client_min_messages = warning; SET LOCAL search_path = pg_catalog, pg_temp")


@dataclass(frozen=True)
class Migration:
    """A file of `migrations/`: its number, its name without `.sql`, and its statements."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the statements, in hexadecimal digits."""
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
    """The migrations of this version, in the order of their numbers."""
    files = sorted(_FOLDER.glob("[0-9]*.sql"))
    return tuple(Migration(int(file.name[:4]), file.stem, file.read_text(encoding="utf-8")) for file in files)


def applied(conn: Database) -> list[Applied]:
    """The migrations that the database has had, in the order of their numbers; none if it never had any.

    Raises:
        PublishingError: the schema `landfall` or its table of migrations belongs to somebody else. Nothing in it was read.
    """
    trusted, has_table = fetch_one(conn, _THERE) or (True, False)
    if not trusted:
        raise _stranger(conn)
    return fetch_as(conn, Applied, _APPLIED) if has_table else []


def pending(conn: Database, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """The migrations that are still to be run, in the order of their numbers. Writes nothing.

    Args:
        conn: The predictions database.
        migrations: All migrations; by default `known`.

    Raises:
        PublishingError: a newer or a different Landfall has migrated the database, or its migrations are a stranger's objects.
    """
    with explained(conn, f"Which migrations the predictions database `{place(conn)}` has had is not known."):
        return _compared(conn, list(known() if migrations is None else migrations), applied(conn))


def _compared(conn: Database, ours: list[Migration], theirs: list[Applied]) -> list[Migration]:
    """The migrations in `ours` that the database lacks.

    Args:
        conn: The predictions database.
        ours: The migrations of this version.
        theirs: The migrations that the database has had.

    Raises:
        PublishingError: the two lists contradict each other, or the database has had more migrations than there are.
    """
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
    """Raises an error if the database's tables are not those of this version.

    A role that may not read `landfall.migrations`, such as the reader of predictions, passes: it cannot read any other table of
    Landfall either.

    Raises:
        PublishingError: the database was never migrated, or not to this version; or as `pending`.
    """
    try:
        theirs = applied(conn)
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
    """Runs the pending migrations and gives those that it has run. If none is pending it does nothing, and takes no lock.

    Args:
        conn: A connection of its own to the predictions database, in autocommit mode, of the role that is to own the tables.
        migrations: All migrations; by default `known`.

    Raises:
        PublishingError: a migration failed, and the database is as the migration before left it; or as `pending`.
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
            if due[0] in pending(conn, migrations):  # if not, another process was quicker
                _run(conn, due[0])
                done.append(due[0])
    return done


def _run(conn: Database, migration: Migration) -> None:
    """Runs one migration and writes its line, inside the caller's transaction."""
    if fetch(conn, _STRANGE, [list(SCHEMAS)]):
        raise _stranger(conn)
    run(conn, _TABLE)
    conn.cursor().execute(migration.text.encode())
    fetch(conn, _NOTE, [migration.number, migration.name, migration.digest])


def _stranger(conn: Database) -> PublishingError:
    """The error for objects of another owner in Landfall's schemas. Whoever uses them may run code that a stranger wrote."""
    strange = "; ".join(f"{what} belongs to `{owner}`" for what, owner in fetch(conn, _STRANGE, [list(SCHEMAS)]))
    return PublishingError(
        f"The predictions database `{place(conn)}` has objects of somebody else among Landfall's.",
        looked=strange,
        left=UNCHANGED,
        next="see what they do; then drop them, or give them to Landfall's role (ALTER ... OWNER TO), and landfall migrate",
        fault="request",
    )


def _refused(what: str, looked: str) -> PublishingError:
    mend = "install the Landfall that migrated this database, or a newer one"
    return PublishingError(what, looked=looked, left=UNCHANGED, next=mend, fault="request")
