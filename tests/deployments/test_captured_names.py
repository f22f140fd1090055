"""Nothing that an application's role makes, or sets, comes between a row and its prediction, or runs with the owner's rights.

A hostile role owns a schema and may make temporary objects, as PostgreSQL lets everyone. Each model is the first of a chain, so
that it is scored once by the role itself and once inside a function that has the rights of whoever has deployed.
"""

import re
import uuid

import psycopg
import pytest

from landfall.deployments import After, deploy, deployed, rescore
from landfall.scoring.form import Classes, Ensemble, Linear, Model, Value
from landfall.scoring.scalars import Checked, Index, InputColumn
from landfall.scoring.trees import Leaf, Node, Split, Tree

TYPES = ("float8", "text", "int4", "bool", "numeric", "tid", "int8", "float4", "varchar", "name", "record", "trigger")
"""Types that the generated SQL names, and others that it might."""
SETTINGS = (
    "search_path = {own}, pg_temp, pg_catalog",
    "search_path = pg_temp",
    "landfall.rescoring = 'on'",
    "extra_float_digits = -15",
    "transform_null_equals = on",
    "standard_conforming_strings = off",
    "backslash_quote = off",
    "array_nulls = off",
    "DateStyle = 'German'",
    "IntervalStyle = 'sql_standard'",
    "TimeZone = 'Asia/Tokyo'",
    "client_encoding = 'LATIN1'",
    "bytea_output = 'escape'",
    "plan_cache_mode = force_custom_plan",
    "plpgsql.extra_errors = 'all'",
    "plpgsql.variable_conflict = use_variable",
    "check_function_bodies = off",
    "jit = on",
)


def balanced(low: int, high: int) -> Node:
    """A tree of as many leaves as numbers, each with its number."""
    if high - low == 1:
        return Leaf(values=(float(low),))
    middle = (low + high) // 2
    return Split(feature=0, threshold=middle - 0.5, left=balanced(low, middle), right=balanced(middle, high))


X = InputColumn(name="x")
LOW_HIGH = Classes(labels=(0.0, 1.0), probability="logistic")
MODELS = {
    "CASE": Model(
        features=(Checked(input=X),),
        scorer=Ensemble(trees=(Tree(root=balanced(0, 4)),), start=(0.5,)),
        decision=Value(),
    ),
    "arrays": Model(
        features=(X,), scorer=Ensemble(trees=(Tree(root=balanced(0, 1024)),), start=(0.5,)), decision=Value()
    ),
    "logistic": Model(features=(X,), scorer=Linear(coefficients=((1.5,),), intercepts=(0.5,)), decision=LOW_HIGH),
    "text": Model(
        features=(Index(input=InputColumn(name="colour", kind="text"), labels=("red\\", "blue")), X),
        scorer=Linear(coefficients=((10.5, 1.0),), intercepts=(0.25,)),
        decision=Value(),
    ),
}
NEXT = Model(
    features=(Checked(input=InputColumn(name="given")),),
    scorer=Linear(coefficients=((2.0,),), intercepts=(0.5,)),
    decision=Value(),
)
ROWS = "(1, 0.75, E'red\\\\'), (2, 2.5, 'blue'), (3, -1.25, E'red\\\\')"


@pytest.fixture
def owner(corner):
    """A session of a role that owns what it deploys, and is no superuser: as `landfall` is."""
    role = corner.make_role()
    corner.run(f"GRANT CREATE ON SCHEMA {corner.schema} TO {role}")
    for what in (
        "SCHEMA landfall",
        "SCHEMA landfall_models",
        "TABLE landfall.deployments",
        "TABLE landfall.deployed_versions",
    ):
        corner.run(f"ALTER {what} OWNER TO {role}")
    with corner.connect(role) as conn:
        yield conn
    corner.run(f"REASSIGN OWNED BY {role} TO CURRENT_USER")


@pytest.fixture
def hostile(corner):
    """A role that owns a schema, and its session."""
    role, own = corner.make_role(), f"own_{uuid.uuid4().hex[:8]}"
    corner.run(f"CREATE SCHEMA {own} AUTHORIZATION {role}")
    with corner.connect(role) as conn:
        for statement in (
            f"GRANT USAGE ON SCHEMA {own} TO PUBLIC",
            f"CREATE TABLE {own}.ran (as_role text)",
            f"GRANT ALL ON {own}.ran TO PUBLIC",
            f"CREATE FUNCTION {own}.note() RETURNS bool LANGUAGE plpgsql AS "
            f"$$BEGIN INSERT INTO {own}.ran VALUES (current_user); RETURN true; END$$",
        ):
            conn.execute(statement.encode())
        yield conn, own
    corner.run(f"DROP SCHEMA {own} CASCADE")


def chained(corner, owner, app, form):
    """`t` has the model and feeds `u`; the application may write `t`."""
    kinds = {column.name: "text" if column.kind == "text" else "float8" for column in form.inputs}
    columns = ", ".join(f"{name} {kind}" for name, kind in {"x": "float8", "colour": "text", **kinds}.items())
    corner.run(f"CREATE TABLE t (id int PRIMARY KEY, {columns})", conn=owner)
    deploy(owner, *corner.asked(form, "1", "t"))
    after = After(table=corner.table("t"), feeds={"given": "prediction"})
    deploy(owner, *corner.asked(NEXT, "1", "u", model="next", after=after, create=corner.key))
    corner.run(f"GRANT SELECT, INSERT, UPDATE ON t TO {app.info.user}", conn=owner)


def both(corner, owner):
    """What was predicted, by both models."""
    return corner.run("SELECT id, t.prediction, u.prediction FROM t LEFT JOIN u USING (id) ORDER BY id", conn=owner)


def written(corner, owner, app):
    """Rows written by the application, and one of them written again."""
    target = f"{corner.schema}.t"
    app.execute(f"INSERT INTO {target} (id, x, colour) VALUES {ROWS}".encode())
    app.execute(f"UPDATE {target} SET x = 2.25 WHERE id = 1".encode())
    return both(corner, owner)


def as_it_should_be(corner, owner, app):
    """What `written` gives in a session that sets nothing; the table is empty again after it."""
    expected = written(corner, owner, app)
    corner.run("TRUNCATE t, u", conn=owner)
    assert len({row[1] for row in expected}) > 1
    assert all(None not in row for row in expected)
    return expected


@pytest.mark.parametrize("way", MODELS)
def test_temporary_types_run_nothing_and_change_no_prediction(corner, owner, hostile, way):
    app, own = hostile
    chained(corner, owner, app, MODELS[way])
    expected = as_it_should_be(corner, owner, app)
    for name in TYPES:
        base = {"record": "text", "trigger": "text"}.get(name, name)
        app.execute(f'CREATE DOMAIN pg_temp."{name}" AS pg_catalog.{base} CHECK ({own}.note())'.encode())
    assert app.execute("SELECT 1::float8").fetchone() == (1.0,)
    assert app.execute(f"DELETE FROM {own}.ran RETURNING as_role".encode()).fetchall() == [(app.info.user,)]

    assert written(corner, owner, app) == expected
    assert app.execute(f"SELECT as_role FROM {own}.ran".encode()).fetchall() == []


@pytest.mark.parametrize("way", MODELS)
def test_temporary_types_of_another_kind_change_no_prediction(corner, owner, hostile, way):
    """Half of a number is lost on the way through a whole one."""
    app, _ = hostile
    chained(corner, owner, app, MODELS[way])
    expected = as_it_should_be(corner, owner, app)
    app.execute("CREATE DOMAIN pg_temp.float8 AS pg_catalog.numeric(9, 0)")
    app.execute("CREATE DOMAIN pg_temp.text AS pg_catalog.varchar(1)")
    app.execute("CREATE TYPE pg_temp.int4 AS ENUM ('0', '1')")

    assert written(corner, owner, app) == expected


@pytest.mark.parametrize("way", MODELS)
def test_functions_operators_casts_and_tables_of_a_role_change_no_prediction(corner, owner, hostile, way):
    app, own = hostile
    chained(corner, owner, app, MODELS[way])
    expected = as_it_should_be(corner, owner, app)
    for statement in (
        "CREATE FUNCTION {own}.{name}(float8) RETURNS float8 LANGUAGE sql AS 'SELECT 0.0::pg_catalog.float8'",
        "CREATE FUNCTION pg_temp.{name}(float8) RETURNS float8 LANGUAGE sql AS 'SELECT 0.0::pg_catalog.float8'",
    ):
        for name in ("exp", "float8", "abs"):
            app.execute(statement.format(own=own, name=name).encode())
    for schema in (own, "pg_temp"):
        for function, returns in (("wrong", "bool"), ("nothing", "float8")):
            app.execute(
                f"CREATE FUNCTION {schema}.{function}(float8, float8) RETURNS {returns} LANGUAGE sql "
                f"AS 'SELECT 0::pg_catalog.int4::pg_catalog.{'bool' if returns == 'bool' else 'float8'}'".encode()
            )
        for operator in ("<", "<=", "=", "<>", ">", ">=", "+", "-", "*", "/"):
            function = f"{schema}.{'nothing' if operator in '+-*/' else 'wrong'}"
            made = f"CREATE OPERATOR {schema}.{operator} (FUNCTION = {function}, LEFTARG = float8, RIGHTARG = float8)"
            app.execute(made.encode())
        for signature, returns, body in (
            ("current_setting(text, bool)", "text", "SELECT ''on''"),
            ("pg_has_role(name, name, text)", "bool", "SELECT true"),
        ):
            app.execute(f"CREATE FUNCTION {schema}.{signature} RETURNS {returns} LANGUAGE sql AS '{body}'".encode())
    app.execute(f"CREATE TYPE {own}.number AS (value float8)".encode())
    app.execute(f"CREATE FUNCTION {own}.cast(float8) RETURNS {own}.number LANGUAGE sql AS 'SELECT ROW(0.0)'".encode())
    app.execute(f"CREATE CAST (float8 AS {own}.number) WITH FUNCTION {own}.cast(float8) AS IMPLICIT".encode())
    for name in ("t", "u", "pg_class", "pg_type", "pg_proc"):
        app.execute(f"CREATE TEMP TABLE {name} (id int, x float8, given float8, prediction float8)".encode())
    app.execute(f"SET search_path = {own}, pg_temp, pg_catalog".encode())
    assert app.execute("SELECT 2::float8 <= 3::float8, exp(1::float8)").fetchone() == (False, 0.0)

    assert written(corner, owner, app) == expected


@pytest.mark.parametrize("way", MODELS)
def test_settings_of_the_session_change_no_prediction(corner, owner, hostile, way):
    app, own = hostile
    chained(corner, owner, app, MODELS[way])
    expected = as_it_should_be(corner, owner, app)
    for setting in SETTINGS:
        with corner.connect(app.info.user) as fresh:
            fresh.execute(f"SET {setting.format(own=own)}".encode())
            assert written(corner, owner, fresh) == expected, setting
        corner.run("TRUNCATE t, u", conn=owner)


@pytest.mark.parametrize("setting", ["plpgsql.variable_conflict = use_variable", "session_replication_role = replica"])
def test_settings_that_would_change_one_are_not_a_role_s_to_set(hostile, setting):
    app, own = hostile
    app.execute(f"SELECT {own}.note()".encode())  # loads PL/pgSQL, whose settings are known only then
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(f"SET {setting}".encode())


def test_a_role_does_not_become_the_owner(corner, owner, hostile):
    app, _ = hostile
    chained(corner, owner, app, MODELS["CASE"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(f"SET ROLE {owner.info.user}".encode())


def test_what_a_rescored_source_passes_on_is_scored_again(corner, owner, hostile):
    """The setting of `rescore` is meant for the rows that it has scored itself, not for those that they feed."""
    app, _ = hostile
    chained(corner, owner, app, MODELS["CASE"])
    written(corner, owner, app)
    deploy(owner, *corner.asked(MODELS["arrays"], "2", "t"))
    app.execute(f"UPDATE {corner.schema}.t SET x = 700.5 WHERE id = 2".encode())
    corner.run("UPDATE t SET x = 700.5 WHERE id = 3", conn=owner)

    rescore(owner, corner.table("t"))

    assert corner.run("SELECT id, given, prediction FROM u WHERE prediction <> given * 2 + 0.5", conn=owner) == []
    assert corner.run("SELECT t.prediction = u.given FROM t JOIN u USING (id)", conn=owner) == [(True,)] * 3


@pytest.mark.parametrize("way", MODELS)
def test_every_type_in_a_function_has_its_schema_and_temporary_names_come_last(corner, owner, hostile, way):
    app, _ = hostile
    chained(corner, owner, app, MODELS[way])

    functions = corner.run(
        "SELECT proname, prosrc, proconfig FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace"
    )
    number = deployed(owner, corner.table("t")).id
    assert {name for name, _, _ in functions} >= {f"score_{number}", f"feed_{number + 1}"}
    for name, body, config in functions:
        assert config == ["search_path=pg_catalog, pg_temp"], name
        plain = re.sub(r"E?'[^']*'|\"[^\"]*\"", "''", body)
        assert re.findall(r"::(?!pg_catalog\.)\w+", plain) == [], name
        declared = plain.partition("BEGIN")[0].partition("DECLARE")[2]
        assert [line for line in declared.splitlines() if line.strip() and " pg_catalog." not in line] == [], name


def test_whoever_may_connect_can_read_how_a_model_decides_but_not_the_history(corner, owner, hostile):
    """docs/in_database.md says so: PostgreSQL keeps the text of functions where everybody can read it."""
    app, _ = hostile
    chained(corner, owner, app, MODELS["CASE"])

    texts = app.execute("SELECT prosrc FROM pg_proc WHERE proname ~ '^(score|feed)_' ORDER BY proname").fetchall()
    assert len(texts) == 3
    assert any("'1.5'::pg_catalog.float8" in text for (text,) in texts)
    for table in ("landfall.deployments", "landfall.deployed_versions"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(f"SELECT * FROM {table}".encode())
