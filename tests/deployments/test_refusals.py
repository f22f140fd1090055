"""What cannot be deployed as it was asked: each is refused whole, with what was expected, what came and what to type."""

import pytest

from landfall.deployments import Create, Request, TableName, deploy, deployments
from landfall.errors import DeploymentError


def refused(corner, form, *arguments, **more):
    """The whole message, with the schema and the server's address left out; nothing may have been changed."""
    before = deployments(corner.conn)
    with pytest.raises(DeploymentError) as caught:
        corner.deploy(form, *arguments, **more)
    assert deployments(corner.conn) == before
    place = f"{corner.conn.info.host}:{corner.conn.info.port}/{corner.conn.info.dbname}"
    return str(caught.value).replace(corner.schema, "s").replace(place, "SERVER")


def test_a_table_that_is_not_there(corner):
    corner.run("CREATE TABLE orders (id int)")

    assert refused(corner, corner.classifier(), name="order") == (
        "There is no table `s.order`. Did you mean `orders`?\n"
        "  looked: SERVER, schema `s`: orders\n"
        "  left: nothing was changed\n"
        "  next: landfall deploy m --table order --create-table --primary-key id    (makes it)"
    )


def test_a_table_that_is_there_and_was_to_be_made(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8)")

    assert refused(corner, corner.classifier(), create=corner.key) == (
        "There is a table `s.t` already.\n"
        "  looked: its columns: id, x\n"
        "  left: nothing was changed\n"
        "  next: landfall deploy m --table t    (without --create-table)"
    )


def test_a_column_that_the_model_needs(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, petal_lenght float8)")

    assert refused(corner, corner.classifier(column="petal_length")) == (
        "`s.t` has no column `petal_length`, which `m` needs. Did you mean `petal_lenght`?\n"
        "  looked: its columns: id, petal_lenght\n"
        "  left: nothing was changed\n"
        '  next: ALTER TABLE s.t ADD COLUMN "petal_length" ...'
    )


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("boolean", "boolean"),
        ("text", "text"),
        ("timestamptz", "timestamp with time zone"),
        ("float8 GENERATED ALWAYS AS (id * 2) STORED", "generated"),
    ],
)
def test_a_column_of_another_kind(corner, kind, told):
    corner.run(f"CREATE TABLE t (id int PRIMARY KEY, x {kind})")

    assert refused(corner, corner.classifier()) == (
        f"The column `x` of `s.t` is {told}.\n"
        "  looked: `m` takes it for number; expected smallint, integer, bigint, real, double precision, numeric, not generated\n"
        "  left: nothing was changed\n"
        "  next: give the table a column of such a type"
    )


def test_a_column_of_the_table_s_own_that_the_model_would_fill(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8, model_version text)")

    assert refused(corner, corner.classifier()) == (
        "`s.t` has a column `model_version` of its own; the model fills one of that name.\n"
        "  looked: `model_version` text, made by no deployment\n"
        "  left: nothing was changed\n"
        '  next: ALTER TABLE "s"."t" RENAME COLUMN "model_version" TO ...'
    )


def test_classes_that_are_named_now_and_were_not_before(corner):
    corner.deploy(corner.classifier(), create=corner.key)

    assert refused(corner, corner.classifier(), "2", classes=("a", "b")) == (
        "The column `prediction` of `s.t` is double precision, the model now gives text.\n"
        "  looked: a deployment has filled it before: with names for the classes the prediction is text, else a number\n"
        "  left: nothing was changed\n"
        "  next: name the classes as before, or landfall undeploy s.t --drop-columns"
    )


def test_a_table_that_another_model_scores(corner):
    corner.deploy(corner.classifier(), "3", create=corner.key)

    assert refused(corner, corner.classifier(), model="other") == (
        "`s.t` is scored by another model, `m` version 3.\n"
        "  looked: landfall.deployments\n"
        "  left: nothing was changed\n"
        "  next: landfall undeploy s.t    (or chain a table of its own: --after s.t)"
    )


@pytest.mark.parametrize(("made", "told"), [("VIEW", "a view"), ("MATERIALIZED VIEW", "a materialized view")])
def test_what_is_no_table(corner, made, told):
    corner.run(f"CREATE {made} t AS SELECT 1 AS id, 2.0::float8 AS x")

    assert refused(corner, corner.classifier()) == (
        f"`s.t` is {told}; rows are scored as they go into a table.\n"
        "  looked: SERVER\n"
        "  left: nothing was changed\n"
        "  next: name the table behind it"
    )


def test_a_table_of_another_role(corner, database_url):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8)")
    corner.deploy(corner.classifier(), name="other", create=corner.key)
    role = corner.make_role()
    for name in ("landfall", "landfall_models"):
        corner.run(f"GRANT ALL ON SCHEMA {name} TO {role}")
    corner.run(f"GRANT ALL ON ALL TABLES IN SCHEMA landfall TO {role}")
    with corner.connect(role) as conn, pytest.raises(DeploymentError) as caught:
        deploy(conn, *corner.asked(corner.classifier()))

    assert str(caught.value).splitlines()[0] == f"`{corner.schema}.t` belongs to another role."
    assert caught.value.looked.endswith(f"as `{role}`")


@pytest.mark.parametrize(
    ("kind", "looked"), [("bigintt", "SERVER"), ("int) ; DROP TABLE x; --", "SERVER"), ("-", "SERVER")]
)
def test_a_type_that_is_none(corner, kind, looked):
    assert refused(corner, corner.classifier(), create=Create(primary_key={"id": kind})) == (
        f"`{kind}` is not a type, for the column `id`.\n"
        f"  looked: {looked}\n"
        "  left: nothing was changed\n"
        "  next: name one of PostgreSQL's, such as bigint, uuid or text"
    )


@pytest.mark.parametrize(
    ("classes", "told"), [(("a",), "1 names are given"), (("a", "b", "c"), "3 names"), (("a", "a"), "2 names")]
)
def test_names_of_classes_that_are_not_as_many(corner, classes, told):
    with pytest.raises(DeploymentError) as caught:
        corner.deploy(corner.classifier(), classes=classes, create=corner.key)

    assert str(caught.value).startswith(f"`m` has 2 classes, {told}")
    assert caught.value.looked == f"0.0, 1.0; names: {', '.join(classes)}"


def test_names_of_classes_for_a_model_that_has_none(corner):
    with pytest.raises(DeploymentError, match="`m` has 0 classes, 2 names are given"):
        corner.deploy(corner.constant(1.0), classes=("a", "b"), create=corner.key)


@pytest.mark.parametrize("name", ["", "x" * 64, "é" * 32, "a\0b"])
def test_a_name_that_postgresql_would_cut_off_or_not_take(name):
    with pytest.raises(DeploymentError, match="cannot be the name of a table"):
        TableName("public", name)


def test_a_class_whose_column_s_name_would_be_cut_off(corner):
    with pytest.raises(DeploymentError, match="cannot be the name of a column"):
        corner.deploy(corner.classifier(), classes=("a" * 52, "b"), create=corner.key)


def test_a_model_that_reads_the_column_that_its_prediction_goes_to(corner):
    assert refused(corner, corner.classifier(column="prediction"), create=corner.key) == (
        "`m` needs a column `prediction`, which is what its own prediction is put into.\n"
        "  looked: put in: prediction, probability_0, probability_1, prediction_reason, model_version\n"
        "  left: nothing was changed\n"
        "  next: train it on a column of another name than `prediction`"
    )


def test_a_table_without_a_primary_key_is_not_made():
    with pytest.raises(DeploymentError, match="A table that is to be made needs a primary key"):
        Create(primary_key={})


def test_a_way_with_rows_that_is_unknown():
    with pytest.raises(DeploymentError, match="Did you mean `null`"):
        Request(table=TableName("public", "t"), model="m", unscorable="nul")  # type: ignore[arg-type]


def test_a_connection_that_is_in_a_transaction(corner):
    with corner.conn.transaction(), pytest.raises(Exception, match="needs a connection of its own"):
        corner.deploy(corner.classifier(), create=corner.key)


@pytest.mark.parametrize(
    ("schema", "whose"),
    [
        ("landfall", "Landfall's"),
        ("landfall_models", "Landfall's"),
        ("predictions", "Landfall's"),
        ("publications_data", "Landfall's"),
        ("information_schema", "PostgreSQL's"),
        ("pg_catalog", "PostgreSQL's"),
        ("pg_temp", "PostgreSQL's"),
    ],
)
def test_a_schema_of_landfall_or_postgresql(schema, whose):
    with pytest.raises(DeploymentError) as caught:
        Request(table=TableName(schema, "t"), model="m", create=Create(primary_key={"id": "bigint"}))

    assert str(caught.value) == (
        f"`{schema}.t` is in the schema `{schema}`, which is {whose} own.\n"
        "  looked: no model is deployed to landfall, landfall_models, predictions, publications_data, information_schema "
        "and pg_...\n"
        "  left: nothing was changed\n"
        "  next: --schema public    (or another one for `t`)"
    )
