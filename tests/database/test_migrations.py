"""Migrations: once each, whole or not at all, by one process at a time, and only on a database that is ours."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from landfall.database import Migration, applied, connect, migrate, pending
from landfall.database.migrations import known
from landfall.errors import PublishingError

FIRST = Migration(1, "0001_first", "CREATE TABLE landfall.first (x int); INSERT INTO landfall.first VALUES (1)")
SECOND = Migration(2, "0002_second", "ALTER TABLE landfall.first ADD COLUMN y text")
HALF = Migration(2, "0002_half", "ALTER TABLE landfall.first ADD COLUMN y text; SELECT 1 / 0")

pytestmark = pytest.mark.stack


@pytest.fixture
def url(new_database):
    return new_database()


@pytest.fixture
def empty(url, open_database):
    """A connection to a database without any of our tables."""
    return open_database(url)


def where(conn):
    return f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"


def columns(conn):
    query = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('landfall.first') AND attnum > 0"
    return [name for (name,) in conn.execute(query)]


def refused(conn, *migrations):
    with pytest.raises(PublishingError) as caught:
        migrate(conn, migrations)
    return str(caught.value)


def test_each_migration_is_run_once_and_noted(empty):
    assert migrate(empty, [FIRST]) == [FIRST]
    assert migrate(empty, [FIRST]) == []
    assert pending(empty, [FIRST, SECOND]) == [SECOND]
    assert columns(empty) == ["x"], "asking what is pending writes nothing"
    assert migrate(empty, [FIRST, SECOND]) == [SECOND]
    assert columns(empty) == ["x", "y"]
    assert [(line.number, line.name, line.digest) for line in applied(empty)] == [
        (1, "0001_first", FIRST.digest),
        (2, "0002_second", SECOND.digest),
    ]


def test_a_migration_that_fails_halfway_leaves_the_database_as_it_was_and_says_so(empty):
    assert refused(empty, FIRST, HALF) == (
        f"The migration `0002_half` of the predictions database `{where(empty)}` failed.\n"
        f"  looked: {where(empty)}: division by zero\n"
        "  left: the database is as it was before it; migrations made just now: 0001_first\n"
        "  next: mend what PostgreSQL says, then landfall migrate"
    )
    assert columns(empty) == ["x"]
    assert migrate(empty, [FIRST, SECOND]) == [SECOND]


def test_two_processes_migrate_once(url, open_database):
    start, connections = threading.Barrier(6), [open_database(url) for _ in range(6)]
    slow = Migration(1, FIRST.name, f"SELECT pg_sleep(0.05); {FIRST.text}")

    def run(conn):
        start.wait()
        return migrate(conn, [slow, SECOND])

    with ThreadPoolExecutor(6) as pool:
        done = [migration for made in pool.map(run, connections) for migration in made]

    assert sorted(migration.number for migration in done) == [1, 2]
    assert connections[0].execute("SELECT count(*) FROM landfall.first").fetchone() == (1,)


def test_a_database_that_is_newer_than_the_code_is_refused(empty):
    migrate(empty, [FIRST, SECOND])
    assert refused(empty, FIRST) == (
        f"The predictions database `{where(empty)}` is newer than this Landfall.\n"
        "  looked: its newest migration is `0002_second`, the newest known here `0001_first`\n"
        "  left: nothing was changed\n"
        "  next: install the Landfall that migrated this database, or a newer one"
    )


def test_another_migration_of_the_same_number_is_refused(empty):
    migrate(empty, [FIRST])
    other = Migration(1, "0001_other", "SELECT 1")
    assert refused(empty, other).startswith(
        f"The migration `0001_first` of the predictions database `{where(empty)}` is not the one of this Landfall.\n"
    )


def test_every_connection_needs_the_migrations_of_this_version(url, empty, place):
    with pytest.raises(PublishingError) as caught, connect(place(url)):
        pass
    assert str(caught.value) == (
        f"The predictions database `{where(empty)}` has not had all migrations of this Landfall.\n"
        f"  looked: landfall.migrations: 0 of {len(known())}; the next is `{known()[0].name}`\n"
        "  left: nothing was changed\n"
        "  next: landfall migrate"
    )
    assert caught.value.fault == "request", "a task that is tried again meets the same"
    with connect(place(url), migrated=False) as conn:
        migrate(conn)
    with connect(place(url)) as conn:
        assert conn.execute("SELECT count(*) FROM landfall.publications").fetchone() == (0,)
        conn.execute("INSERT INTO landfall.migrations VALUES (999, '0999_later', 'x')")
    with pytest.raises(PublishingError, match="is newer than this Landfall"), connect(place(url)):
        pass


@pytest.fixture
def stranger(empty):
    """A role that may make schemas in the database, and its name."""
    name = f"stranger_{empty.info.dbname}"
    role, database = sql.Identifier(name), sql.Identifier(empty.info.dbname)
    empty.execute(sql.SQL("CREATE ROLE {}").format(role))
    empty.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, role))
    yield name
    empty.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
    empty.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_schema_that_a_stranger_has_made_is_not_used(url, empty, place, stranger):
    """His view would be read with our rights, and what his functions do be done with them."""
    empty.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(stranger)))
    empty.execute("CREATE SCHEMA landfall")
    empty.execute("""
        CREATE FUNCTION landfall.trap() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE 'it was run'; END$$""")
    empty.execute("""
        CREATE VIEW landfall.migrations AS
        SELECT landfall.trap() AS number, '' AS name, '' AS digest, now() AS applied_at""")
    empty.execute("RESET ROLE")
    said = (
        f"The predictions database `{where(empty)}` has objects of somebody else among Landfall's.\n"
        f"  looked: landfall.migrations belongs to `{stranger}`; landfall.trap() belongs to `{stranger}`; "
        f"schema landfall belongs to `{stranger}`\n"
        "  left: nothing was changed\n"
        "  next: see what they do; then drop them, or give them to Landfall's role (ALTER ... OWNER TO), and landfall migrate"
    )
    assert refused(empty, *known()) == said
    with pytest.raises(PublishingError) as caught, connect(place(url)):
        pass
    assert str(caught.value) == said


@pytest.mark.parametrize("schema", ["landfall", "publications_data", "landfall_models"])
def test_a_strangers_table_in_a_schema_of_ours_is_not_taken_over(empty, stranger, schema):
    """`CREATE TABLE IF NOT EXISTS` would leave his, with his triggers."""
    empty.execute(f"CREATE SCHEMA {schema}")
    empty.execute(sql.SQL("GRANT CREATE, USAGE ON SCHEMA {} TO {}").format(*map(sql.Identifier, (schema, stranger))))
    empty.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(stranger)))
    empty.execute(f"CREATE TABLE {schema}.publications (id int)")
    empty.execute("RESET ROLE")
    assert f"  looked: {schema}.publications belongs to `{stranger}`\n" in refused(empty, *known())
    assert empty.execute("SELECT to_regclass('landfall.migrations')").fetchone() == (None,)


def test_what_somebody_put_into_public_is_not_called(empty):
    empty.execute(
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT 'epoch'::timestamptz$$"
    )
    empty.execute(f"ALTER DATABASE {empty.info.dbname} SET search_path = public, pg_catalog")
    with psycopg.connect(empty.info.dsn, password=empty.info.password, autocommit=True) as conn:
        migrate(conn)
        conn.execute("INSERT INTO landfall.readings (feed, partition, run_id) VALUES ('p/f', '2012-12-25', 'r')")
        assert conn.execute("SELECT opened_at > now() - interval '1 day' FROM landfall.readings").fetchone() == (True,)


def test_whoever_may_not_read_our_tables_is_let_through(url, empty, place, stranger):
    """As the reader of predictions, who cannot see to what the database was migrated."""
    migrate(empty)
    empty.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'pw'").format(sql.Identifier(stranger)))
    with connect(place(psycopg.conninfo.make_conninfo(url, user=stranger, password="pw"))) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_the_files_are_numbered_one_after_the_other():
    assert [migration.number for migration in known()] == list(range(1, len(known()) + 1))
    assert all(migration.name == f"{migration.number:04}_{migration.name[5:]}" for migration in known())
