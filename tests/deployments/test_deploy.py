"""A model on a table: every way a row can come in, and what a table keeps."""

import re

import pytest

from landfall.deployments import Create, deployments, history
from landfall.errors import DeploymentError, PublishingError


def test_a_row_that_is_inserted_has_its_prediction_probabilities_and_version(corner):
    corner.deploy(corner.classifier(), classes=("low", "high"), create=corner.key)

    rows = corner.run(
        "INSERT INTO t (id, x) VALUES (1, -1), (2, 0), (3, 0.5) "
        "RETURNING id, prediction, probability_low, probability_high, prediction_reason, model_version"
    )

    assert rows == [(1, "low", 1.0, 0.0, None, "1"), (2, "low", 1.0, 0.0, None, "1"), (3, "high", 0.0, 1.0, None, "1")]


def test_without_names_the_prediction_is_the_label_as_a_number(corner):
    corner.deploy(corner.classifier(), create=corner.key)

    assert corner.run("INSERT INTO t (id, x) VALUES (1, 2) RETURNING prediction, probability_0, probability_1") == [
        (1.0, 0.0, 1.0)
    ]


def test_every_way_in_is_scored(corner):
    corner.deploy(corner.classifier(), classes=("low", "high"), create=corner.key)

    with corner.conn.cursor().copy("COPY t (id, x) FROM STDIN") as copy:
        copy.write_row((1, 1.0))
    corner.run("INSERT INTO t (id, x) SELECT n, n - 3 FROM generate_series(2, 4) n")
    corner.run("INSERT INTO t (id, x) VALUES (1, -1) ON CONFLICT (id) DO UPDATE SET x = excluded.x")
    corner.run(
        "MERGE INTO t USING (VALUES (5, 1.0)) s (id, x) ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, x) VALUES (s.id, s.x)"
    )

    rows = corner.run("SELECT id, prediction FROM t ORDER BY id")
    assert rows == [(1, "low"), (2, "low"), (3, "low"), (4, "high"), (5, "high")]


def test_an_update_of_what_the_model_reads_scores_again_and_of_anything_else_does_not(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8, note text)")
    corner.deploy(corner.classifier(), "1", classes=("low", "high"))
    corner.run("INSERT INTO t (id, x) VALUES (1, -1), (2, -1)")
    corner.deploy(corner.classifier(), "2", classes=("low", "high"))

    corner.run("UPDATE t SET note = 'seen'")
    corner.run("UPDATE t SET x = 1 WHERE id = 2")

    rows = corner.run("SELECT id, prediction, model_version, note FROM t ORDER BY id")
    assert rows == [(1, "low", "1", "seen"), (2, "high", "2", "seen")]


@pytest.mark.parametrize("column", ["prediction", "probability_low", "model_version", "prediction_reason"])
def test_nobody_can_write_a_prediction_of_their_own(corner, column):
    corner.deploy(corner.classifier(), classes=("low", "high"), create=corner.key)
    truth = ("low", 1.0, 0.0, None, "1")
    value = "0.25" if column.startswith("prob") else "'mine'"

    columns = "prediction, probability_low, probability_high, prediction_reason, model_version"
    assert corner.run(f"INSERT INTO t (id, x, {column}) VALUES (1, -1, {value}) RETURNING {columns}") == [truth]
    assert corner.run(f"UPDATE t SET {column} = {value} RETURNING {columns}") == [truth]


def test_a_row_that_cannot_be_scored_has_a_reason_and_nothing_else(corner):
    corner.deploy(corner.classifier(), classes=("low", "high"), create=corner.key)

    rows = corner.run(
        "INSERT INTO t (id, x) VALUES (1, NULL), (2, 'NaN') RETURNING prediction, probability_low, prediction_reason"
    )
    assert rows == [(None, None, "x is null"), (None, None, "x is NaN")]
    assert corner.run("UPDATE t SET x = 1 WHERE id = 1 RETURNING prediction, prediction_reason") == [("high", None)]


def test_a_row_that_cannot_be_scored_is_refused_where_that_was_asked_for(corner):
    import psycopg

    corner.deploy(corner.classifier(), "7", classes=("low", "high"), create=corner.key, unscorable="error")

    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        corner.run("INSERT INTO t (id, x) VALUES (1, NULL)")
    told = caught.value.diag
    assert (told.message_primary, told.message_detail) == (
        "The row cannot be scored: x is null.",
        "It is scored by version 7 of the model.",
    )
    assert (told.schema_name, told.table_name) == (corner.schema, "t")
    assert corner.run("SELECT count(*) FROM t") == [(0,)]
    assert corner.run("INSERT INTO t (id, x) VALUES (1, 1) RETURNING prediction") == [("high",)]


def test_a_table_keeps_its_rows_its_columns_and_its_own_triggers_which_fire_first(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8, celsius float8)")
    corner.run("INSERT INTO t VALUES (1, 5, 5)")
    corner.run(
        "CREATE FUNCTION fahrenheit() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.x := NEW.celsius * 1.8 + 32; RETURN NEW; END $$"
    )
    corner.run("CREATE TRIGGER zebra BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION fahrenheit()")

    corner.deploy(corner.classifier(50.0), classes=("cold", "warm"))

    assert corner.run("SELECT * FROM t") == [(1, 5.0, 5.0, None, None, None, None, None)]
    assert corner.run("INSERT INTO t (id, celsius) VALUES (2, 5), (3, 20) RETURNING prediction") == [
        ("cold",),
        ("warm",),
    ]
    assert corner.run("UPDATE t SET celsius = 25 WHERE id = 2 RETURNING x, prediction") == [(77.0, "warm")]


def test_a_trigger_that_fires_later_is_named(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8)")
    corner.run("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$")
    corner.run("CREATE TRIGGER zzz BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()")

    corner.deploy(corner.classifier())

    assert "-- the trigger `zzz` fires after the row was scored: what it changes the model does not see" in corner.said


@pytest.mark.parametrize("name", ['"; DROP TABLE t; --', "a b", "é'%s$$\\", "NEW", "b0", "$landfall$", "prediction_"])
def test_names_are_names_whatever_they_hold(corner, name):
    form = corner.classifier(column=name)
    create = Create(primary_key={f"key {name}": "integer"})
    corner.deploy(form, name[:20], name, classes=(name, f"not {name}"), create=create, model=name, run_id=name)

    quoted = '"' + name.replace('"', '""') + '"'
    rows = list(
        corner.conn.execute(f"INSERT INTO {quoted} VALUES (1, -1), (2, 1) RETURNING prediction, model_version".encode())
    )

    assert rows == [(name, name[:20]), (f"not {name}", name[:20])]
    assert [(each.table.table, each.model, each.version) for each in deployments(corner.conn)] == [
        (name, name, name[:20])
    ]


def test_a_partitioned_table_is_scored_in_all_its_parts(corner):
    corner.run("CREATE TABLE t (id int, x float8) PARTITION BY RANGE (id)")
    corner.run("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)")
    corner.deploy(corner.classifier(), classes=("low", "high"))
    corner.run("CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)")

    assert corner.run("INSERT INTO t (id, x) VALUES (1, 1), (11, -1) RETURNING prediction") == [("high",), ("low",)]
    assert corner.run("INSERT INTO t2 (id, x) VALUES (12, 1) RETURNING prediction") == [("high",)]


@pytest.mark.parametrize("kind", ["smallint", "bigint", "real", "numeric(10,2)", "positive"])
def test_a_number_may_be_of_any_numeric_type_or_a_domain_over_one(corner, kind):
    corner.run("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
    corner.run(f"CREATE TABLE t (id int PRIMARY KEY, x {kind})")
    corner.deploy(corner.classifier(3.0), classes=("low", "high"))

    assert corner.run("INSERT INTO t (id, x) VALUES (1, 3), (2, 4) RETURNING prediction") == [("low",), ("high",)]


def test_a_text_may_be_an_enumeration(corner):
    from landfall.scoring.form import Linear, Model, Value
    from landfall.scoring.scalars import Index, InputColumn

    form = Model(
        features=(Index(input=InputColumn(name="colour", kind="text"), labels=("red", "blue")),),
        scorer=Linear(coefficients=((2.0,),), intercepts=(1.0,)),
        decision=Value(),
    )
    corner.run("CREATE TYPE colour AS ENUM ('red', 'blue', 'green')")
    corner.run("CREATE TABLE t (id int PRIMARY KEY, colour colour)")
    corner.deploy(form)

    rows = corner.run(
        "INSERT INTO t VALUES (1, 'red'), (2, 'blue'), (3, 'green') RETURNING prediction, prediction_reason"
    )
    assert rows == [(1.0, None), (3.0, None), (None, "colour has a value that the model never saw")]


def test_what_is_only_shown_is_done_told_and_taken_back(corner):
    corner.deploy(corner.classifier(), create=corner.key, only_show=True)

    assert [line.split("\n")[0][:13] for line in corner.said] == [
        "-- `m` versio", "CREATE TABLE ", "ALTER TABLE \"", "CREATE OR REP", "REVOKE ALL ON", "CREATE OR REP", "CREATE OR REP",
    ]  # fmt: skip
    assert corner.run("SELECT to_regclass('t')") == [(None,)]
    assert deployments(corner.conn) == []


def test_what_is_shown_is_what_is_then_run(corner):
    """But for the number, by which the functions of the deployment are called."""
    for only_show in (True, False):
        corner.deploy(corner.constant(1.0), create=corner.key, only_show=only_show)

    said = [re.sub(r"score_\d+", "score_N", line) for line in corner.said]
    half = len(said) // 2
    assert half > 5
    assert said[:half] == said[half:]


def test_deploying_again_changes_nothing(corner):
    corner.deploy(corner.classifier(), create=corner.key)
    done = corner.deploy(corner.classifier(), create=corner.key)

    assert (done.version, done.kind) == ("1", "deployed")
    assert len(history(corner.conn, done)) == 1
    assert corner.run("INSERT INTO t (id, x) VALUES (1, 1) RETURNING prediction") == [(1.0,)]


def test_only_the_function_is_replaced_while_writers_hold_the_table(corner):
    """A redeploy takes no lock on the table: it does not wait for a transaction that has written to it."""
    corner.deploy(corner.constant(1.0), "1", create=corner.key)
    with corner.connect() as writer, writer.transaction():
        writer.execute("INSERT INTO t (id, x) VALUES (1, 1)")
        corner.deploy(corner.constant(2.0), "2", patience=0.3)
        assert corner.run("INSERT INTO t (id, x) VALUES (2, 1) RETURNING prediction", conn=writer) == [(2.0,)]


def test_a_writer_that_does_not_end_makes_a_first_deployment_give_up_and_leaves_nothing(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8)")
    with corner.connect() as writer, writer.transaction():
        writer.execute("INSERT INTO t VALUES (1, 1)")
        with pytest.raises(PublishingError, match="could not be deployed") as caught:
            corner.deploy(corner.classifier(), patience=0.3)

    assert (caught.value.looked.split(",")[0], caught.value.left) == (
        "waited 0.3 s for writers or another deployment",
        "nothing was changed",
    )
    assert corner.run("SELECT * FROM t") == [(1, 1.0)]
    assert deployments(corner.conn) == []


def test_what_postgresql_refuses_is_told_in_its_words_and_leaves_nothing(corner):
    with pytest.raises(DeploymentError) as caught:
        corner.deploy(corner.classifier(), create=corner.key, readers=("nobody there",))

    assert str(caught.value).startswith(f"`m` version 1 could not be deployed to `{corner.schema}.t`.\n  looked: ")
    assert 'role "nobody there" does not exist' in caught.value.looked
    assert (corner.run("SELECT to_regclass('t')"), deployments(corner.conn)) == ([(None,)], [])
