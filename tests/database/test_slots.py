"""How far a replication slot is behind, as PostgreSQL says it: of a slot that nobody reads, and of one that is read."""

import os
import subprocess
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from landfall.database.slots import slots
from landfall.stack.postgres import binaries

pytestmark = pytest.mark.stack


@pytest.fixture
def conn(new_database):
    with psycopg.connect(new_database(), autocommit=True) as conn:
        conn.execute("CREATE TABLE beat (at timestamptz)")
        conn.execute("CREATE PUBLICATION beats FOR TABLE beat")
        conn.execute("SELECT pg_create_logical_replication_slot(current_database() || '_slot', 'pgoutput')")
        yield conn
        conn.execute("SELECT pg_drop_replication_slot(current_database() || '_slot')")


@pytest.fixture
def reader(conn):
    """PostgreSQL's own reader of the slot. It confirms every second what it has."""
    place = conninfo_to_dict(conn.info.dsn)
    [slot] = slots(conn)
    options = [
        f"--host={place['host']}", f"--port={place['port']}", f"--username={place['user']}", f"--dbname={place['dbname']}",
        f"--slot={slot.name}", "--start", "--no-loop", "--file=-", "--status-interval=1", "--fsync-interval=1",
        "--option=proto_version=1", "--option=publication_names=beats",
    ]  # fmt: skip
    process = subprocess.Popen(
        [str(binaries() / "pg_recvlogical"), *options],
        env={**os.environ, "PGPASSWORD": conn.info.password},
        stdout=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()
    wait(lambda: not slots(conn)[0].active, "the slot is still read")


def wait(true, what):
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def test_a_slot_that_nobody_reads_is_behind_by_the_time_since_somebody_did(conn):
    [first] = slots(conn)
    conn.execute("INSERT INTO beat VALUES (clock_timestamp())")
    [second] = slots(conn)

    assert not first.active
    assert first.behind_seconds is not None
    assert second.behind_seconds is not None
    assert second.behind_seconds > first.behind_seconds >= 0
    assert second.behind_bytes > first.behind_bytes
    assert "nobody reads it, reserved, 0.0 MiB and " in second.sentence


def test_a_slot_that_is_read_is_behind_by_what_its_reader_has_confirmed_to_those_who_may_see_it(conn, reader):
    def measured():
        conn.execute("INSERT INTO beat VALUES (clock_timestamp())")
        return slots(conn)[0].behind_seconds is not None

    wait(lambda: slots(conn)[0].active, "the slot is not read")
    wait(measured, "PostgreSQL does not say how late the reader is")
    conn.execute("SET ROLE pg_signal_backend")  # a role that reads no statistics of others
    [unseen] = slots(conn)
    conn.execute("RESET ROLE")

    assert (unseen.active, unseen.behind_seconds) == (True, None)
