"""Deployments made by earlier versions, whose functions look into a session's temporary objects first, are made safe."""

import os
import threading
from types import SimpleNamespace

import psycopg
import pytest

from landfall.deployments import After, deployed, deployments, undeploy
from landfall.deployments import repair as room
from landfall.deployments.repair import repair
from landfall.scoring.form import Linear, Model, Value
from landfall.scoring.scalars import Checked, InputColumn
from landfall.stack.airflow_parts import Tables

DOUBLED = Model(
    features=(Checked(input=InputColumn(name="x")),),
    scorer=Linear(coefficients=((2.0,),), intercepts=(0.5,)),
    decision=Value(),
)


@pytest.fixture
def app(corner):
    """`t` feeds `u`; the session of a role that may write `t`."""
    role = corner.make_role()
    corner.deploy(DOUBLED, "1", "t", create=corner.key, readers=(role,))
    corner.deploy(
        DOUBLED, "1", "u", model="n", create=corner.key, after=After(table=corner.table("t"), feeds={"x": "prediction"})
    )
    with corner.connect(role) as conn:
        yield conn


def functions(corner):
    """Name -> search path of each function."""
    return dict(
        corner.run(
            "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace ORDER BY 1"
        )
    )


def as_before(corner):
    """What an earlier version has left: bodies and history with bare types, and a search path that names `pg_catalog` alone."""
    corner.run("UPDATE landfall.deployed_versions SET scoring = replace(scoring, 'pg_catalog.', '')")
    for name, body, owns in corner.run(
        "SELECT proname, prosrc, prosecdef FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace"
    ):
        how = f"RETURNS trigger LANGUAGE plpgsql {'SECURITY DEFINER' if owns else ''} SET search_path = pg_catalog"
        old = body.replace("pg_catalog.", "")
        corner.run(f"CREATE OR REPLACE FUNCTION landfall_models.{name}() {how} AS $old${old}$old$")


def captured(app, key):
    """The roles whose rights a CHECK of the application's has run with, while the models score a row."""
    app.execute("DROP DOMAIN IF EXISTS pg_temp.float8")
    app.execute("CREATE TEMP TABLE IF NOT EXISTS ran (as_role text)")
    app.execute("GRANT ALL ON pg_temp.ran TO PUBLIC")
    app.execute(
        "CREATE OR REPLACE FUNCTION pg_temp.note() RETURNS bool LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO pg_temp.ran VALUES (current_user); RETURN true; END'"
    )
    app.execute("CREATE DOMAIN pg_temp.float8 AS pg_catalog.float8 CHECK (pg_temp.note())")
    app.execute("INSERT INTO t (id, x) VALUES (%s, 0.25)", [key])
    return {role for (role,) in app.execute("DELETE FROM pg_temp.ran RETURNING as_role")}


def test_functions_of_an_earlier_version_are_made_anew_and_nothing_else_changes(corner, app):
    as_before(corner)
    names = [str(corner.table(name)) for name in ("t", "u")]
    assert set(map(tuple, functions(corner).values())) == {("search_path=pg_catalog",)}
    assert [each.pinned for each in deployments(corner.conn)] == [False, False]
    assert captured(app, 1) == {app.info.user, corner.conn.info.user}
    before = corner.run("SELECT * FROM t"), corner.run("SELECT * FROM u")
    history = corner.run("SELECT * FROM landfall.deployed_versions ORDER BY id")

    done = repair(corner.conn)

    assert (done.tables, done.pinned, done.failed) == (tuple(names), (), {})
    assert set(map(tuple, functions(corner).values())) == {("search_path=pg_catalog, pg_temp",)}
    assert [each.pinned for each in deployments(corner.conn)] == [True, True]
    assert (corner.run("SELECT * FROM t"), corner.run("SELECT * FROM u")) == before
    assert corner.run("SELECT * FROM landfall.deployed_versions ORDER BY id") == history
    assert captured(app, 2) == set()
    again = repair(corner.conn)
    assert (again.tables, again.pinned, again.failed) == ((), (), {})


def test_a_body_of_an_earlier_version_is_made_anew_though_its_path_is_safe(corner, app):
    as_before(corner)
    for name in functions(corner):
        corner.run(f"ALTER FUNCTION landfall_models.{name}() SET search_path = pg_catalog, pg_temp")
    corner.run("UPDATE landfall.deployed_versions SET scoring = replace(scoring, '''2.0''::', '''3.0''::')")

    assert repair(corner.conn).tables == tuple(str(corner.table(name)) for name in ("t", "u"))
    assert corner.run("INSERT INTO t (id, x) VALUES (1, 1) RETURNING prediction") == [(3.5,)]


def test_a_writer_goes_on_meanwhile(corner, app):
    """A row that is written and not yet committed does not hold the repair up."""
    as_before(corner)
    with app.transaction():
        app.execute("INSERT INTO t (id, x) VALUES (1, 1)")
        assert len(repair(corner.conn).tables) == 2
        app.execute("INSERT INTO t (id, x) VALUES (2, 1)")

    assert corner.run("SELECT id, prediction FROM u ORDER BY id") == [(1, 5.5), (2, 5.5)]


def test_two_at_once_do_it_once(corner, app):
    as_before(corner)
    done = []
    with corner.connect() as other:
        threads = [
            threading.Thread(target=lambda conn=conn: done.append(repair(conn))) for conn in (corner.conn, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [each.failed for each in done] == [{}, {}]
    assert all(each.pinned for each in deployments(corner.conn))


def test_a_function_that_no_deployment_has_any_more_gets_the_search_path(corner, app):
    undeploy(corner.conn, corner.table("u"))
    corner.run(
        "CREATE FUNCTION landfall_models.feed_999() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    )

    assert repair(corner.conn).pinned == ("landfall_models.feed_999()",)
    assert functions(corner)["feed_999"] == ["search_path=pg_catalog, pg_temp"]


def test_what_belongs_to_another_role_is_told_and_the_others_are_repaired(corner, app):
    role, database = corner.make_role(), corner.conn.info.dbname
    corner.run(f"GRANT USAGE, CREATE ON SCHEMA landfall, landfall_models TO {role}")
    corner.run(f"GRANT ALL ON ALL TABLES IN SCHEMA landfall TO {role}")
    as_before(corner)
    number = deployed(corner.conn, corner.table("t")).id
    corner.run(f"ALTER FUNCTION landfall_models.score_{number}() OWNER TO {role}")

    with corner.connect(role) as conn:
        done = repair(conn)

    info = corner.conn.info
    assert (done.tables, done.pinned) == ((str(corner.table("t")),), ())
    assert str(done.failed[f"landfall_models.score_{number + 1}()"]) == (
        f"`landfall_models.score_{number + 1}()` could not be given a safe search path.\n"
        f"  looked: {info.host}:{info.port}/{database}: must be owner of function landfall_models.score_{number + 1}\n"
        "  left: nothing was changed\n"
        "  next: mend what PostgreSQL says, then ask again"
    )
    assert set(done.failed) == {
        str(corner.table("u")),
        f"landfall_models.score_{number + 1}()",
        f"landfall_models.feed_{number + 1}()",
    }
    assert functions(corner)[f"score_{number}"] == ["search_path=pg_catalog, pg_temp"]
    assert repair(corner.conn).failed == {}


def test_nothing_is_done_where_nothing_was_ever_deployed(corner):
    assert repair(corner.conn).tables == ()


def test_the_command_says_what_it_did(corner, app, monkeypatch, capsys):
    as_before(corner)
    monkeypatch.setattr(room, "settings", lambda: SimpleNamespace(database_url=corner.url))

    assert (room.main(), room.main()) == (0, 0)

    said = capsys.readouterr()
    assert said.out == "".join(f"made anew: the functions of {corner.table(name)}\n" for name in ("t", "u"))
    assert said.err == ""


def test_the_command_fails_if_the_database_cannot_be_reached(corner, monkeypatch, capsys):
    gone = psycopg.conninfo.make_conninfo(corner.url, dbname="not_there")
    monkeypatch.setattr(room, "settings", lambda: SimpleNamespace(database_url=gone))

    assert room.main() == 1
    assert 'database "not_there" does not exist' in capsys.readouterr().err


def test_the_stack_does_it_at_each_start_before_airflow(corner, app, stack, tmp_path):
    """With the step that brings the tables of Airflow and MLflow up to date; those are as they should be here."""
    env = {**os.environ, **stack.env, "LANDFALL_DATABASE_URL": corner.url}
    for _ in range(2):
        as_before(corner)
        step = Tables(log=tmp_path / "migrate.log", env=env)
        step.migrate(lambda doing: None)
        assert all(each.pinned for each in deployments(corner.conn))

    as_before(corner)
    step.migrate(lambda doing: None)  # the same start: another server of Airflow asks
    assert not any(each.pinned for each in deployments(corner.conn))
