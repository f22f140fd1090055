"""Landfall's own connections: none waits for ever, and none that is left behind holds anything up."""

import psycopg
import pytest

from landfall.database import NO_END, QUESTION, WORK, Patience, connect, explained
from landfall.database.patience import IDLE_SECONDS
from landfall.errors import PublishingError


def shown(conn, name):
    return conn.execute(f"SHOW {name}".encode()).fetchone()[0]


@pytest.mark.parametrize(("longest", "given"), [(WORK, "2h"), (QUESTION, "1min"), (NO_END, "0")])
def test_a_statement_may_take_as_long_as_its_use_asks_for(place, database_url, longest, given):
    with connect(place(database_url), longest=longest) as conn:
        assert shown(conn, "statement_timeout") == given


def test_a_lock_or_an_open_transaction_ends_and_a_lost_peer_is_noticed(place, database_url):
    with connect(place(database_url)) as conn:
        settings = ("lock_timeout", "idle_in_transaction_session_timeout", "client_connection_check_interval")
        assert [shown(conn, name) for name in settings] == ["5min", "5min", "10s"]
        assert [shown(conn, f"tcp_keepalives_{name}") for name in ("idle", "interval", "count")] == ["30", "10", "3"]
        assert (shown(conn, "search_path"), shown(conn, "TimeZone")) == ("public", "UTC")
        told = conn.info.get_parameters()
    keep = {name: told[name] for name in told if name.startswith(("keepalives", "tcp_user"))}
    assert keep.pop("keepalives", "1") == "1"
    assert keep == {
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "60000",
    }


def test_a_lock_that_does_not_come_is_an_error_that_says_so(place, database_url, connection):
    with connect(place(database_url)) as conn:
        conn.execute("SET lock_timeout = '50ms'")
        stranger = connection()
        stranger.execute("SELECT pg_advisory_lock(20121225)")
        with pytest.raises(PublishingError) as caught, explained(conn, "The table could not be made.", left="nothing"):
            conn.execute("SELECT pg_advisory_xact_lock(20121225)")
        assert str(caught.value) == (
            "The table could not be made.\n"
            f"  looked: {conn.info.host}:{conn.info.port}/{conn.info.dbname}: canceling statement due to lock timeout\n"
            "  left: nothing\n"
            "  next: landfall logs postgres"
        )


def test_a_swap_that_is_left_open_is_ended_by_the_server_soon(conn):
    """The process that holds the lock may have been stopped; readers wait for it."""
    seen = []

    def swap():
        seen.append(shown(conn, "idle_in_transaction_session_timeout"))
        conn.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
        pid = conn.info.backend_pid
        with psycopg.connect(conn.info.dsn, password=conn.info.password, autocommit=True) as other:
            while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
                pass
        conn.execute("SELECT 1")
        return None, 0.0

    with pytest.raises(PublishingError) as caught, explained(conn, "It was not published.", left="as before"):
        Patience("It was not published.", "as before", 1).for_locks(conn, swap)

    assert seen == [f"{IDLE_SECONDS:.0f}s"]
    assert caught.value.left == "the connection was lost, so it may have happened or not; asking again is safe"
