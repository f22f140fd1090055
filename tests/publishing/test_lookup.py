"""Lookups and connections on a real PostgreSQL, and what they say when there is nothing to give."""

import socket
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import pytest

from landfall.database import connect
from landfall.database.statements import execute
from landfall.errors import PublishingError, SettingsError
from landfall.publishing import lookup, publications
from landfall.spec import PredictionTable


@dataclass
class Place:
    database_url: str


@pytest.mark.stack
def test_a_lookup_gives_the_row_with_its_model_and_its_swap(conn, table, steps):
    done = steps.land(conn, table, steps.hours(41.5), version="9")
    with psycopg.connect(conn.info.dsn, password=conn.info.password, autocommit=True) as far:
        far.execute("SET TimeZone = 'Asia/Tokyo'")
        row = lookup(far, table, {"time": "1356393600000", "city": "Washington"})
    assert row == {
        "city": "Washington",
        "time": datetime(2012, 12, 25, tzinfo=UTC),
        "predicted": 41.5,
        "model_version": "9",
        "partition": steps.christmas.day,
        "published_at": done.published_at,
    }
    assert isinstance(row["time"], datetime)
    assert row["time"].tzinfo is UTC


@pytest.mark.stack
def test_a_missing_row_names_the_nearest_published_days(conn, table, steps):
    for day in ("2012-12-20", "2012-12-24", "2012-12-26", "2012-12-30"):
        partition = type(steps.christmas).parse(day)
        steps.land(conn, table, steps.hours(1.0, partition=partition), partition=partition)
    with pytest.raises(PublishingError) as caught:
        lookup(conn, table, {"city": "Washington", "time": "2012-12-25T12:00"})
    assert str(caught.value) == (
        f"`{table.name}` has no row `city=Washington time=2012-12-25T12:00:00+00:00`.\n"
        "  looked: 2012-12-25 is not published; nearest: 2012-12-24, 2012-12-26, 2012-12-20\n"
        '  next: landfall sql "SELECT * FROM landfall.publications"'
    )


@pytest.mark.stack
def test_a_missing_key_in_a_published_day_says_so(conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    with pytest.raises(PublishingError) as caught:
        lookup(conn, table, {"city": "Paris", "time": "2012-12-25T12:00"})
    assert caught.value.looked == "2012-12-25 is published with 24 rows, none of this key"


@pytest.mark.stack
def test_a_table_without_publications_and_one_not_yet_there_say_so(conn, table, steps):
    steps.begin(conn, table)
    with pytest.raises(PublishingError) as caught:
        lookup(conn, table, {"city": "Paris", "time": "0"})
    assert caught.value.looked == "1970-01-01 is not published; nearest: none"
    absent = PredictionTable(name="nowhere.yet", columns=table.columns, key=table.key)
    with pytest.raises(PublishingError) as caught:
        lookup(conn, absent, {"city": "Paris", "time": "0"})
    assert str(caught.value) == (
        "There is no prediction table `nowhere.yet` yet.\n"
        f"  looked: {conn.info.host}:{conn.info.port}/{conn.info.dbname}\n"
        "  left: its first publication makes it\n"
        "  next: land a file of this pipeline (`landfall land --help`), or start its DAG in the Airflow UI"
    )


@pytest.mark.stack
def test_a_lost_connection_is_said(conn, connection, table):
    victim = connection()
    conn.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
    with pytest.raises(PublishingError) as caught:
        publications(victim, table)
    assert caught.value.what == f"The publications of `{table.name}` could not be read."
    assert caught.value.looked.startswith("the connection is lost: ")


def test_a_database_that_is_down_is_named_without_its_password():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(PublishingError) as caught:
            connect(Place(f"postgresql://someone:hunter2@127.0.0.1:{port}/predictions"))
    assert str(caught.value) == (
        f"The predictions database `127.0.0.1:{port}/predictions` cannot be used.\n"
        "  looked: Connection refused\n"
        "  next: landfall ps"
    )


@pytest.mark.stack
def test_a_wrong_password_is_refused_without_showing_it(database_url):
    parts = psycopg.conninfo.conninfo_to_dict(database_url)
    with pytest.raises(PublishingError) as caught:
        connect(Place(psycopg.conninfo.make_conninfo(database_url, password="hunter2")))
    assert str(caught.value) == (
        f"The predictions database `{parts['host']}:{parts['port']}/{parts['dbname']}` cannot be used.\n"
        f'  looked: password authentication failed for user "{parts["user"]}"\n'
        "  next: landfall ps"
    )


def test_a_malformed_url_is_not_repeated():
    with pytest.raises(SettingsError) as caught:
        connect(Place("postgresql://someone:hunter2@[::1/x"))
    assert str(caught.value) == (
        "The setting `LANDFALL_DATABASE_URL` is not a database URL.\n"
        "  looked: expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )


@pytest.mark.stack
def test_typed_statements_give_columns_rows_and_status(conn):
    results = execute(conn, "SELECT 1 AS a, 'NaN'::float8 AS b, NULL AS c, '5%' AS d; CREATE TEMP TABLE t (x int)")
    assert [(one.columns, one.rows, one.status) for one in results] == [
        (("a", "b", "c", "d"), [(1, "nan", None, "5%")], "SELECT 1"),
        ((), [], "CREATE TABLE"),
    ]


@pytest.mark.stack
@pytest.mark.parametrize("text", ["SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT '\udc80'"])
def test_a_refused_statement_says_why_and_the_connection_goes_on(conn, text):
    with pytest.raises(PublishingError, match=r"^The statement failed: "):
        execute(conn, text)
    assert execute(conn, "SELECT 1")[0].rows == [(1,)]


@pytest.mark.stack
def test_a_copy_is_refused_and_does_not_hang(conn):
    with pytest.raises(PublishingError, match=r"^The statement failed: COPY cannot be used"):
        execute(conn, "COPY (SELECT 1) TO STDOUT")
    assert conn.closed
