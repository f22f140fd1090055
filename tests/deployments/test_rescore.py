"""Rows that were there before are scored in place, in batches, while others write."""

import threading

import pytest

from landfall.deployments import After, deploy, rescore
from landfall.deployments.names import quoted
from landfall.errors import DeploymentError


def fill(corner, rows: int = 3000) -> None:
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8, note text DEFAULT repeat('n', 200))")
    corner.run(
        f"INSERT INTO t (id, x) SELECT n, CASE WHEN n % 100 > 0 THEN n % 2 END FROM generate_series(1, {rows}) n"
    )


def test_every_row_is_scored_and_has_what_an_insert_would_have_given_it(corner):
    fill(corner)
    corner.deploy(corner.classifier(), "1", classes=("low", "high"))
    looks: list[tuple[int, int, int]] = []

    done = rescore(corner.conn, corner.table(), progress=lambda *told: looks.append(told))

    assert (done.rows, done.unscorable, done.version, done.whole, done.batches) == (3000, 30, "1", True, len(looks))
    assert len(looks) > 1
    assert looks[-1] == (looks[-1][1], looks[-1][1], 3000)
    columns = "x, prediction, probability_low, probability_high, prediction_reason, model_version"
    scored = corner.run(f"SELECT {columns} FROM t ORDER BY id")
    corner.run("CREATE TABLE fresh AS SELECT id, x FROM t")
    corner.deploy(corner.classifier(), "1", "inserted", classes=("low", "high"), create=corner.key)
    corner.run("INSERT INTO inserted (id, x) SELECT * FROM fresh")
    assert scored == corner.run(f"SELECT {columns} FROM inserted ORDER BY id")


def test_rows_that_the_version_has_scored_are_left_alone(corner):
    fill(corner)
    corner.deploy(corner.constant(1.0), "1")
    assert rescore(corner.conn, corner.table()).rows == 3000
    corner.run("INSERT INTO t (id, x) VALUES (9000, 1)")
    corner.deploy(corner.constant(2.0), "2")
    corner.run("INSERT INTO t (id, x) VALUES (9001, 1)")

    done = rescore(corner.conn, corner.table())

    assert (done.rows, rescore(corner.conn, corner.table()).rows) == (3001, 0)
    assert corner.run("SELECT prediction, model_version, count(*) FROM t GROUP BY 1, 2") == [(2.0, "2", 3002)]


def test_a_partitioned_table_is_scored_in_all_its_parts(corner):
    corner.run("CREATE TABLE t (id int, x float8) PARTITION BY RANGE (id)")
    corner.run("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)")
    corner.run('CREATE TABLE "t % 2" PARTITION OF t FOR VALUES FROM (10) TO (20)')
    corner.run("INSERT INTO t SELECT n, n FROM generate_series(1, 19) n")
    corner.deploy(corner.classifier(10.0), classes=("low", "high"))

    assert rescore(corner.conn, corner.table()).rows == 19
    assert corner.run("SELECT prediction, count(*) FROM t GROUP BY 1 ORDER BY 1") == [("high", 9), ("low", 10)]


def test_writers_go_on_and_no_row_keeps_a_prediction_of_what_it_was(corner):
    """Version 2 predicts low up to 0.5: whatever a writer has made of x, the prediction is that of the x that is there."""
    fill(corner, 20000)
    corner.deploy(corner.classifier(0.5), "2", classes=("low", "high"))
    stop, failed = threading.Event(), []

    def write() -> None:
        with corner.connect() as conn:
            number = 0
            while not stop.is_set():
                number = (number + 7919) % 20000
                try:
                    corner.run("UPDATE t SET x = 1 - x WHERE id = %s", number, conn=conn)
                    corner.run("UPDATE t SET note = 'm' WHERE id = %s", number + 1, conn=conn)
                except Exception as error:
                    failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    done = rescore(corner.conn, corner.table())
    stop.set()
    for thread in threads:
        thread.join()

    assert (failed, done.whole) == ([], True)
    assert done.rows >= 19000
    rows = corner.run("SELECT x, prediction, model_version FROM t WHERE x IS NOT NULL")
    assert [row for row in rows if row[1:] != ("high" if row[0] > 0.5 else "low", "2")] == []


def test_a_row_that_a_writer_holds_does_not_hold_the_others_up(corner):
    fill(corner, 500)
    corner.deploy(corner.constant(1.0), "1")
    with corner.connect() as writer, writer.transaction():
        writer.execute("UPDATE t SET note = 'held' WHERE id = 5")
        done = rescore(corner.conn, corner.table())
        assert (done.rows, done.whole) == (499, False)
    assert (rescore(corner.conn, corner.table()).rows, rescore(corner.conn, corner.table()).whole) == (1, True)


def test_a_table_s_own_triggers_fire_and_what_is_fed_follows(corner):
    fill(corner, 10)
    corner.run("CREATE TABLE log (id int)")
    corner.run(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (NEW.id); RETURN NULL; END $$"
    )
    corner.run("CREATE TRIGGER own AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()")
    corner.deploy(corner.constant(3.0), "1")
    corner.deploy(
        corner.classifier(2.0, column="before"),
        "1",
        "fed",
        model="next",
        create=corner.key,
        after=After(table=corner.table()),
    )

    rescore(corner.conn, corner.table())

    assert corner.run("SELECT count(*) FROM log") == [(10,)]
    assert corner.run("SELECT prediction, count(*) FROM fed GROUP BY 1") == [(1.0, 10)]


def test_where_a_row_that_cannot_be_scored_is_an_error_it_stops_and_says_why(corner):
    fill(corner)
    corner.deploy(corner.classifier(), "1", classes=("low", "high"), unscorable="error")

    with pytest.raises(DeploymentError) as caught:
        rescore(corner.conn, corner.table())
    assert caught.value.what.endswith(f"of a batch of `{corner.table()}` cannot be scored: x is null.")
    assert (caught.value.looked, caught.value.left) == (
        "after 0 rows",
        "batches that were done stay done; asking again goes on with the others",
    )


def test_another_version_meanwhile_stops_it(corner):
    fill(corner)
    corner.deploy(corner.constant(1.0), "1")

    def look(*_: int) -> None:
        with corner.connect() as other:
            deploy(other, *corner.asked(corner.constant(2.0), "2"))

    with pytest.raises(DeploymentError) as caught:
        rescore(corner.conn, corner.table(), progress=look)
    assert caught.value.what == f"`{corner.table()}` is not scored by version 1 any more."
    assert caught.value.next == f"landfall rescore {corner.table()}"


def test_names_are_names_whatever_they_hold(corner):
    odd = '"{0} %s; DROP TABLE t; --'
    form, table, column = corner.classifier(column=odd), corner.table(odd).quoted, quoted(odd)
    corner.conn.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, {column} float8)".encode())
    corner.conn.execute(f"INSERT INTO {table} VALUES (1, 1), (2, -1)".encode())
    corner.deploy(form, "it's %s", odd, classes=('a"', "b'"))

    assert rescore(corner.conn, corner.table(odd)).rows == 2
    rows = corner.conn.execute(f"SELECT prediction, model_version FROM {table} ORDER BY id".encode())
    assert list(rows) == [("b'", "it's %s"), ('a"', "it's %s")]
