"""What the application's role may do, and what writers see while a model is deployed, replaced and taken away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from landfall.deployments import deploy, deployed, roll_back, undeploy


@pytest.fixture
def app(corner):
    """A role that may insert into a deployed table and read it, and nothing else; and its session."""
    role = corner.make_role()
    corner.deploy(corner.classifier(), classes=("low", "high"), create=corner.key, readers=(role,))
    with corner.connect(role) as conn:
        yield conn


def test_the_application_s_role_inserts_and_reads(corner, app):
    assert corner.run("INSERT INTO t (id, x) VALUES (1, 1) RETURNING prediction", conn=app) == [("high",)]
    assert corner.run("SELECT prediction, model_version FROM t", conn=app) == [("high", "1")]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP FUNCTION {function}()",
        "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "SELECT {function}()",
        "ALTER TABLE t DISABLE TRIGGER ALL",
        "DROP TRIGGER zz_landfall_scores_1 ON t",
        "UPDATE t SET prediction = 'mine'",
        "UPDATE landfall.deployed_versions SET version = '2'",
        "SELECT scoring FROM landfall.deployed_versions",
        "SET session_replication_role = replica",
    ],
)
def test_it_cannot_change_the_model_or_read_its_history(corner, app, statement):
    function = f"landfall_models.score_{deployed(corner.conn, corner.table()).id}"

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement.format(function=function).encode())


def test_operators_of_its_own_do_not_reach_the_model(corner, app):
    """A role that puts a `<=` of its own before PostgreSQL's fools itself, not the model."""
    role, own = app.info.user, f"{corner.schema}_own"
    corner.run(f"CREATE SCHEMA {own} AUTHORIZATION {role}")
    try:
        app.execute(f"CREATE FUNCTION {own}.wrong(float8, float8) RETURNS bool LANGUAGE sql AS 'SELECT true'".encode())
        app.execute(f"CREATE OPERATOR {own}.<= (FUNCTION = {own}.wrong, LEFTARG = float8, RIGHTARG = float8)".encode())
        app.execute(f"SET search_path = {own}, pg_catalog, {corner.schema}".encode())
        assert app.execute("SELECT 2::float8 <= 1::float8").fetchone() == (True,)

        assert corner.run("INSERT INTO t (id, x) VALUES (1, 1) RETURNING prediction", conn=app) == [("high",)]
    finally:
        corner.run(f"DROP SCHEMA {own} CASCADE")


def test_the_setting_of_rescore_lets_only_the_owner_pass(corner, app):
    corner.run(f"GRANT UPDATE ON t TO {app.info.user}")
    corner.run("INSERT INTO t (id, x) VALUES (1, 1)")
    app.execute("SET landfall.rescoring = 'on'")
    app.execute("SET extra_float_digits = -15")

    assert corner.run(
        "UPDATE t SET prediction = 'mine', probability_high = 0.99 RETURNING prediction, probability_high", conn=app
    ) == [("high", 1.0)]


@pytest.fixture
def writers(corner):
    """Two sessions that insert rows and change them until told to stop; what each row got."""
    stop, failed = threading.Event(), []

    def write() -> None:
        with corner.connect() as conn:
            while not stop.is_set():
                try:
                    with conn.transaction():
                        [(number,)] = conn.execute("INSERT INTO t (x) VALUES (1) RETURNING id")
                        conn.execute("UPDATE t SET x = x + 1 WHERE id = %s", [number])
                except psycopg.Error as error:
                    failed.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(2)]
    yield threads, stop, failed
    stop.set()
    for thread in threads:
        thread.join()


def test_writers_get_the_version_before_or_the_one_after_never_none(corner, writers):
    """Version N predicts N for every row, so a row shows what scored it."""
    threads, stop, failed = writers
    corner.run("CREATE TABLE t (id bigserial PRIMARY KEY, x float8)")
    for thread in threads:
        thread.start()
    time.sleep(0.2)

    began = corner.run("SELECT count(*) FROM t")[0][0]
    corner.deploy(corner.constant(1.0), "1")
    since = corner.run("SELECT max(id) FROM t")[0][0]
    for number in range(2, 12):
        corner.deploy(corner.constant(float(number)), str(number))
        time.sleep(0.03)
    roll_back(corner.conn, corner.table(), to="3")
    time.sleep(0.1)
    until = corner.run("SELECT max(id) FROM t WHERE model_version = '3'")[0][0]
    undeploy(corner.conn, corner.table())
    time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()

    assert (began > 0, failed) == (True, [])
    scored = corner.run("SELECT prediction, model_version FROM t WHERE id BETWEEN %s AND %s", since + 2, until - 2)
    assert len(scored) > 100
    assert {version for _, version in scored} >= {"3", "10", "11"}
    assert [row for row in scored if row[1] is None or row[0] != float(row[1])] == []
    assert corner.run("SELECT count(*) FROM t WHERE id < %s AND model_version IS NULL", since)[0][0] >= began - 2


def test_one_statement_of_many_rows_has_for_each_row_one_version_whole(corner):
    """An INSERT..SELECT that is under way while the model is replaced: each row was scored by the one or the other."""
    corner.deploy(corner.constant(1.0), "1", create=corner.key)
    with corner.connect() as conn:
        thread = threading.Thread(
            target=lambda: corner.run("INSERT INTO t (id, x) SELECT n, 1 FROM generate_series(1, 60000) n", conn=conn)
        )
        thread.start()
        for number in range(2, 6):
            corner.deploy(corner.constant(float(number)), str(number))
        thread.join()

    rows = corner.run("SELECT prediction, model_version, count(*) FROM t GROUP BY 1, 2")
    assert sum(row[2] for row in rows) == 60000
    assert [row for row in rows if row[0] != float(row[1])] == []


def test_an_autovacuum_is_waited_for_until_postgresql_ends_it(corner):
    """PostgreSQL ends an autovacuum for whom it holds up, if that one waits for longer than `deadlock_timeout`, 1 s."""
    corner.run("CREATE TABLE t (id bigserial PRIMARY KEY, x float8)")
    waits = "SELECT now() - waitstart > '1.1 s' FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
    with corner.connect() as vacuum, ThreadPoolExecutor(1) as pool:
        vacuum.execute("BEGIN")
        vacuum.execute("LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE")
        with corner.connect() as other:
            done = pool.submit(deploy, other, *corner.asked(corner.constant(1.0)))
            until = time.monotonic() + 30
            while corner.run(waits, f"{corner.schema}.t") != [(True,)]:
                assert time.monotonic() < until
            vacuum.execute("ROLLBACK")
            assert done.result().version == "1"
