"""A publish waits for the snapshots of those who could read the table, and for nobody else. Real sessions of real roles."""

import uuid

import psycopg
import pytest
from psycopg import sql

from landfall.errors import PublishingError
from landfall.publishing import ensure_table, publish, rollback
from landfall.spec.tables import READER


@pytest.fixture
def roles(conn):
    """Makes roles that may connect, and takes them away."""
    made = []

    def make(*statements: str, name: str = "", login: bool = True) -> str:
        role = name or f"role_{uuid.uuid4().hex[:8]}"
        if not conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
            can = "LOGIN PASSWORD '{0}'" if login else "NOLOGIN"
            conn.execute(f"CREATE ROLE {role} {can.format(role)}".encode())
            made.append(role)
        for statement in statements:
            conn.execute(statement.format(role=role).encode())
        return role

    yield make
    for role in reversed(made):
        conn.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


@pytest.fixture
def login(conn):
    """Opens a session of a role, which holds a REPEATABLE READ snapshot."""
    opened = []

    def holding(role: str) -> psycopg.Connection:
        parts = {**conn.info.get_parameters(), "user": role, "password": role}
        opened.append(psycopg.connect(**parts, autocommit=True))
        opened[-1].execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        opened[-1].execute("SELECT 1")
        return opened[-1]

    yield holding
    for each in opened:
        each.close()


@pytest.fixture
def staged(conn, table, steps):
    """A second publication of a day, ready to be swapped in."""
    steps.land(conn, table, steps.hours(1.0))
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(2.0))
    return publication


def test_a_role_that_may_connect_and_nothing_else_holds_nothing_up(conn, table, staged, roles, login):
    login(roles())

    assert publish(conn, staged, expected_rows=24, patience=1).state == "published"
    assert rollback(conn, table, staged.partition, patience=1).state == "published"


def test_rights_on_other_tables_and_on_the_schema_hold_nothing_up(conn, staged, roles, login):
    conn.execute("CREATE TABLE IF NOT EXISTS predictions.another (x int)")
    login(roles("GRANT USAGE ON SCHEMA predictions TO {role}", "GRANT SELECT ON predictions.another TO {role}"))

    assert publish(conn, staged, expected_rows=24, patience=1).state == "published"


RIGHTS = {
    "on the table": ["GRANT SELECT ON {table} TO {role}"],
    "on a column": ["GRANT SELECT (predicted) ON {table} TO {role}"],
    "as a member of a role": ["GRANT SELECT ON {table} TO {group}", "GRANT {group} TO {role}"],
    "as a member that has to SET ROLE": [
        "GRANT SELECT ON {table} TO {group}",
        "GRANT {group} TO {role} WITH INHERIT FALSE",
    ],
    "to read all data": ["GRANT pg_read_all_data TO {role}"],
    "as a superuser": ["ALTER ROLE {role} SUPERUSER"],
    "on a view of a view": [
        "CREATE VIEW {table}_1 AS SELECT * FROM {table}",
        "CREATE VIEW {table}_2 AS SELECT * FROM {table}_1",
        "GRANT SELECT ON {table}_2 TO {role}",
    ],
}


@pytest.mark.parametrize("right", RIGHTS)
def test_whoever_could_read_the_table_is_waited_for(conn, table, staged, roles, login, right):
    group = roles(login=False)
    role = roles(*(each.replace("{table}", table.name).replace("{group}", group) for each in RIGHTS[right]))
    reader = login(role)

    with pytest.raises(PublishingError) as caught:
        publish(conn, staged, expected_rows=24, patience=0.3)

    assert str(caught.value) == (
        f"`{table.name}` 2012-12-25 was not published.\n"
        f"  looked: waited 0.3 s for sessions with a snapshot older than the rows: pid {reader.info.backend_pid} of `{role}`\n"
        f"  left: readers see what they saw before; the rows are in `{staged.staging}` until the partition's next run\n"
        "  next: let those sessions end (or pg_terminate_backend), then run the task again"
    )
    reader.execute("COMMIT")
    assert publish(conn, staged, expected_rows=24).state == "published"
    conn.execute(f"DROP VIEW IF EXISTS {table.name}_2, {table.name}_1".encode())


def test_the_reader_reads_every_prediction_table_from_its_first_moment_on(conn, table, staged, roles):
    roles(name=READER)
    ensure_table(conn, table)  # as the next publication does, where the role came later
    with conn.transaction():
        conn.execute(f"SET LOCAL ROLE {READER}".encode())
        assert conn.execute(f"SELECT count(*) FROM {table.name}".encode()).fetchone() == (24,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute(f"SELECT * FROM {staged.staging}".encode())


def test_the_reader_s_snapshot_is_waited_for(conn, table, staged, roles, login):
    reader = roles(name=READER)
    ensure_table(conn, table)
    role = roles(f"GRANT {reader} TO {{role}}")
    session = login(role)

    with pytest.raises(PublishingError, match=f"pid {session.info.backend_pid} of `{role}`"):
        publish(conn, staged, expected_rows=24, patience=0.3)


def test_a_stranger_who_holds_the_lock_of_a_partition_is_named_and_waited_for_no_longer_than_agreed(
    conn, table, staged, roles, login
):
    """Whoever can connect can take any advisory lock; PostgreSQL has no right for it."""
    role = roles()
    stranger = login(role)
    stranger.execute("SELECT pg_advisory_lock(hashtextextended(%s, 20121225))", [f"{table.name}/2012-12-25"])

    with pytest.raises(PublishingError) as caught:
        publish(conn, staged, expected_rows=24, patience=0.3)

    pid = stranger.info.backend_pid
    assert str(caught.value) == (
        f"`{table.name}` 2012-12-25 was not published.\n"
        f"  looked: waited 0.3 s for another publish or rollback of the same partition, pid {pid} of `{role}`\n"
        f"  left: readers see what they saw before; the rows are in `{staged.staging}` until the partition's next run\n"
        "  next: let those sessions end (or pg_terminate_backend), then run the task again"
    )
    stranger.close()
    assert publish(conn, staged, expected_rows=24).state == "published"
