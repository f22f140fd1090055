"""Chained models: the prediction of one table is an input of the next, in the same transaction."""

import psycopg
import pytest

from landfall.deployments import After, Create, deployed, deployments, rescore, roll_back, undeploy
from landfall.errors import DeploymentError
from landfall.scoring.form import Linear, Model, Value
from landfall.scoring.scalars import Checked, Index, InputColumn

BOTH = ("low", "high")


def price(**columns: str) -> Model:
    """10 for low and 20 for high of the column `species`, plus the column `x`."""
    species = Index(input=InputColumn(name=columns.get("species", "species"), kind="text"), labels=BOTH)
    return Model(
        features=(species, Checked(input=InputColumn(name=columns.get("x", "x")))),
        scorer=Linear(coefficients=((10.0, 1.0),), intercepts=(10.0,)),
        decision=Value(),
    )


@pytest.fixture
def chained(corner):
    """`flowers` feeds `quotes`."""
    corner.deploy(corner.classifier(), "1", "flowers", model="species", classes=BOTH, create=corner.key)
    after = After(table=corner.table("flowers"))
    corner.deploy(price(), "1", "quotes", model="price", create=corner.key, after=after)
    return corner


def quotes(corner):
    return corner.run("SELECT id, species, x, prediction, model_version FROM quotes ORDER BY id")


def test_a_row_of_the_first_has_its_row_in_the_second_in_the_same_transaction(chained):
    with chained.conn.transaction():
        chained.run("INSERT INTO flowers (id, x) VALUES (1, -1), (2, 5)")
        assert quotes(chained) == [(1, "low", -1.0, 9.0, "1"), (2, "high", 5.0, 25.0, "1")]
        raise psycopg.Rollback

    assert quotes(chained) == []


def test_what_changes_the_first_prediction_changes_the_second(chained):
    chained.run("INSERT INTO flowers (id, x) VALUES (1, -1), (2, 5)")

    chained.run("UPDATE flowers SET x = 3 WHERE id = 1")
    assert quotes(chained) == [(1, "high", 3.0, 23.0, "1"), (2, "high", 5.0, 25.0, "1")]

    chained.run("UPDATE flowers SET id = 7 WHERE id = 1")
    chained.run("DELETE FROM flowers WHERE id = 2")
    assert quotes(chained) == [(7, "high", 3.0, 23.0, "1")]


def test_nothing_is_predicted_from_a_prediction_that_was_not_made(chained):
    chained.run("INSERT INTO flowers (id, x) VALUES (1, NULL), (2, 5)")
    assert quotes(chained) == [(2, "high", 5.0, 25.0, "1")]

    chained.run("UPDATE flowers SET x = NULL WHERE id = 2")
    chained.run("UPDATE flowers SET x = 0 WHERE id = 1")
    assert quotes(chained) == [(1, "low", 0.0, 10.0, "1")]


def test_the_fed_table_is_made_with_the_types_of_its_source(corner):
    corner.deploy(
        corner.classifier(), "1", "flowers", classes=BOTH, create=Create(primary_key={"id": "uuid", "day": "date"})
    )
    after = After(table=corner.table("flowers"))
    corner.deploy(
        price(), "1", "quotes", model="price", create=Create(primary_key={"id": "uuid", "day": "date"}), after=after
    )

    corner.run("INSERT INTO flowers (id, day, x) VALUES ('00000000-0000-0000-0000-000000000001', '2026-01-01', 5)")
    assert corner.run("SELECT id::text, day::text, prediction FROM quotes") == [
        ("00000000-0000-0000-0000-000000000001", "2026-01-01", 25.0)
    ]


def test_an_input_of_another_name_is_fed_by_the_column_that_is_named(corner):
    corner.deploy(corner.classifier(), "1", "flowers", classes=BOTH, create=corner.key)
    after = After(table=corner.table("flowers"), feeds={"kind": "prediction", "stem": "x"})
    done = corner.deploy(price(species="kind", x="stem"), "1", "quotes", model="price", create=corner.key, after=after)

    corner.run("INSERT INTO flowers (id, x) VALUES (1, 5)")
    assert corner.run("SELECT kind, stem, prediction FROM quotes") == [("high", 5.0, 25.0)]
    assert (done.fed_by, dict(done.feeds)) == (corner.table("flowers"), {"kind": "prediction", "stem": "x"})


def test_a_role_that_may_only_insert_into_the_first_starts_the_whole_chain(chained):
    role = chained.make_role()
    chained.run(f"GRANT SELECT, INSERT ON flowers TO {role}")
    with chained.connect(role) as app:
        chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)", conn=app)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            chained.run("INSERT INTO quotes (id, species, x) VALUES (2, 'low', 1)", conn=app)

    assert quotes(chained) == [(1, "high", 5.0, 25.0, "1")]


def test_three_in_a_row_and_a_redeploy_in_the_middle(chained):
    last = chained.classifier(24.0, column="prediction_before")
    after = After(table=chained.table("quotes"), feeds={"prediction_before": "prediction"})
    chained.deploy(last, "1", "dear", model="dear", classes=("no", "yes"), create=chained.key, after=after)
    chained.deploy(price(), "2", "quotes", model="price")

    chained.run("INSERT INTO flowers (id, x) VALUES (1, -1), (2, 5)")

    assert [row[4] for row in quotes(chained)] == ["2", "2"]
    assert chained.run("SELECT id, prediction FROM dear ORDER BY id") == [(1, "no"), (2, "yes")]
    assert deployed(chained.conn, chained.table("quotes")).fed_by == chained.table("flowers")


def test_a_circle_is_refused_with_the_way_round(chained):
    last = chained.classifier(24.0, column="x")
    after = After(table=chained.table("quotes"), feeds={"x": "prediction"})
    chained.deploy(last, "1", "dear", model="dear", create=chained.key, after=after)

    again = After(table=chained.table("dear"), feeds={"x": "prediction"})
    with pytest.raises(DeploymentError) as caught:
        chained.deploy(chained.classifier(), "2", "flowers", model="species", classes=BOTH, after=again)

    s = chained.schema
    assert str(caught.value) == (
        f"`{s}.flowers` would feed itself.\n"
        f"  looked: {s}.flowers -> {s}.quotes -> {s}.dear -> {s}.flowers\n"
        "  left: nothing was changed\n"
        f"  next: landfall undeploy {s}.dear    (or another table of that circle)"
    )
    assert deployed(chained.conn, chained.table("flowers")).version == "1"


def test_a_table_does_not_feed_itself_and_what_feeds_another_gives_its_prediction(chained):
    itself = After(table=chained.table("quotes"))
    with pytest.raises(DeploymentError, match="would feed itself"):
        chained.deploy(price(), "2", "quotes", model="price", after=itself)

    nothing = After(table=chained.table("flowers"), feeds={"x": "probability_low"})
    with pytest.raises(DeploymentError, match="No input of `other` is the prediction"):
        chained.deploy(chained.classifier(), "1", "others", model="other", create=chained.key, after=nothing)


@pytest.mark.parametrize(
    ("feeds", "what"),
    [
        ({"species": "colour"}, "There is no column of `{s}.flowers` `colour`."),
        ({"specie": "prediction"}, "There is no input of `price` `specie`. Did you mean `species`?"),
        ({"species": "prediction", "x": "prediction_reason"}, ""),
    ],
)
def test_feeds_name_what_is_there(corner, feeds, what):
    corner.deploy(corner.classifier(), "1", "flowers", classes=BOTH, create=corner.key)
    after = After(table=corner.table("flowers"), feeds=feeds)
    if not what:
        with pytest.raises(DeploymentError, match=r"The column `x` of .* is text"):
            corner.deploy(price(), "1", "quotes", model="price", create=corner.key, after=after)
        return
    with pytest.raises(DeploymentError) as caught:
        corner.deploy(price(), "1", "quotes", model="price", create=corner.key, after=after)
    assert caught.value.what == what.format(s=corner.schema)


def test_two_inputs_that_nothing_feeds_are_named(corner):
    corner.deploy(corner.classifier(), "1", "flowers", classes=BOTH, create=corner.key)

    after = After(table=corner.table("flowers"))
    with pytest.raises(DeploymentError) as caught:
        corner.deploy(price(x="stem"), "1", "quotes", model="price", create=corner.key, after=after)
    assert str(caught.value) == (
        "Nothing feeds `species` and `stem` of `price`.\n"
        f"  looked: the columns of `{corner.schema}.flowers`: id, x, prediction, probability_low, probability_high, "
        "prediction_reason, model_version\n"
        "  left: nothing was changed\n"
        "  next: --feed species=COLUMN    (once for each)"
    )


def test_keys_must_be_the_same(corner):
    corner.deploy(corner.classifier(), "1", "flowers", classes=BOTH, create=corner.key)

    after = After(table=corner.table("flowers"))
    with pytest.raises(DeploymentError) as caught:
        corner.deploy(
            price(), "1", "quotes", model="price", create=Create(primary_key={"number": "bigint"}), after=after
        )
    s = corner.schema
    assert str(caught.value) == (
        f"`{s}.quotes` cannot be fed by `{s}.flowers`: their primary keys differ.\n"
        f"  looked: `{s}.quotes` (number), `{s}.flowers` (id)\n"
        "  left: nothing was changed\n"
        "  next: give both the same primary key, or let --create-table make the table"
    )


def test_what_feeds_another_is_not_taken_away_before_it(chained):
    s = chained.schema
    with pytest.raises(DeploymentError) as caught:
        undeploy(chained.conn, chained.table("flowers"))
    assert str(caught.value) == (
        f"`{s}.flowers` feeds `{s}.quotes`.\n  looked: landfall.deployments\n  left: nothing was changed\n"
        f"  next: landfall undeploy {s}.quotes    (first)"
    )

    undeploy(chained.conn, chained.table("quotes"))
    undeploy(chained.conn, chained.table("flowers"))
    chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)")
    assert chained.run("SELECT count(*) FROM quotes") == [(0,)]
    assert chained.run("SELECT count(*) FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace") == [(0,)]


def test_a_table_that_fed_it_before_feeds_it_no_more(chained):
    chained.deploy(chained.classifier(), "1", "others", model="other", classes=BOTH, create=chained.key)
    chained.deploy(price(), "1", "quotes", model="price", after=After(table=chained.table("others")))

    chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)")
    chained.run("INSERT INTO others (id, x) VALUES (2, 5)")
    assert quotes(chained) == [(2, "high", 5.0, 25.0, "1")]


def test_names_in_a_chain_are_names_whatever_they_hold(corner):
    odd = '"; DROP TABLE t; --'
    create = Create(primary_key={f"key {odd}": "integer"})
    corner.deploy(corner.classifier(column=odd), "1", f"a {odd}", classes=BOTH, create=create)
    after = After(table=corner.table(f"a {odd}"), feeds={f"kind {odd}": "prediction", f"x {odd}": odd})
    form = price(species=f"kind {odd}", x=f"x {odd}")
    corner.deploy(form, "1", f"b {odd}", model="price", create=create, after=after)

    first, second = (corner.table(f"{each} {odd}").quoted for each in "ab")
    corner.conn.execute(f"INSERT INTO {first} VALUES (1, 5)".encode())
    assert corner.conn.execute(f"SELECT prediction FROM {second}".encode()).fetchall() == [(25.0,)]


def test_rows_that_the_source_had_before_are_fed_by_rescore(corner):
    corner.deploy(corner.classifier(), "1", "flowers", model="species", classes=BOTH, create=corner.key)
    corner.run("INSERT INTO flowers (id, x) SELECT n, n - 2500 FROM generate_series(1, 5000) n")
    corner.run("INSERT INTO flowers (id, x) VALUES (9999, NULL)")
    corner.deploy(price(), "1", "quotes", model="price", create=corner.key, after=After(table=corner.table("flowers")))
    corner.run("UPDATE flowers SET x = 1 WHERE id = 1")

    done = rescore(corner.conn, corner.table("quotes"))

    assert (done.fed, done.rows, rescore(corner.conn, corner.table("quotes")).fed) == (4999, 0, 0)
    expected = "SELECT id, CASE WHEN x <= 0 THEN 10 ELSE 20 END + x FROM flowers WHERE x IS NOT NULL ORDER BY id"
    assert corner.run("SELECT id, prediction FROM quotes ORDER BY id") == corner.run(expected)


def test_another_version_that_reads_another_column_is_fed_by_it_also_on_the_way_back(chained):
    chained.run("ALTER TABLE flowers ADD COLUMN stem float8")
    chained.run("ALTER TABLE quotes ADD COLUMN stem float8")
    chained.deploy(price(x="stem"), "2", "quotes", model="price")
    chained.run("INSERT INTO flowers (id, x, stem) VALUES (1, 5, 7)")
    assert chained.run("SELECT x, stem, prediction FROM quotes") == [(None, 7.0, 27.0)]

    roll_back(chained.conn, chained.table("quotes"))
    chained.run("INSERT INTO flowers (id, x, stem) VALUES (2, 5, 7)")
    assert chained.run("SELECT x, stem, prediction FROM quotes WHERE id = 2") == [(5.0, None, 25.0)]

    with pytest.raises(DeploymentError, match="Nothing feeds `a` of `price`"):
        chained.deploy(price(x="a"), "3", "quotes", model="price")


def test_a_fed_table_that_was_renamed_is_fed_again_after_a_redeploy(chained):
    chained.run("ALTER TABLE quotes RENAME TO prices")
    chained.deploy(price(), "2", "prices", model="price")

    chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)")
    assert chained.run("SELECT prediction, model_version FROM prices") == [(25.0, "2")]


def test_what_was_dropped_leaves_nothing_on_its_source_once_that_is_freed(chained):
    chained.run("DROP TABLE quotes")
    with pytest.raises(psycopg.errors.UndefinedTable):
        chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)")

    undeploy(chained.conn, chained.table("flowers"), drop_columns=True)

    chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)")
    assert deployments(chained.conn) == []
    assert chained.run("SELECT count(*) FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace") == [(0,)]


def test_a_fed_table_that_was_dropped_and_is_made_again_is_fed_again(chained):
    chained.run("DROP TABLE quotes")
    after = After(table=chained.table("flowers"))
    chained.deploy(price(), "2", "quotes", model="price", create=chained.key, after=after)

    chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)")
    assert quotes(chained) == [(1, "high", 5.0, 25.0, "2")]


def test_a_source_that_was_dropped_feeds_no_more_and_holds_no_redeploy_up(chained):
    chained.run("INSERT INTO flowers (id, x) VALUES (1, 5)")
    chained.run("DROP TABLE flowers")

    assert chained.deploy(price(), "2", "quotes", model="price").fed_by is None
    undeploy(chained.conn, chained.table("flowers"))
    assert rescore(chained.conn, chained.table("quotes")).rows == 1
    undeploy(chained.conn, chained.table("quotes"))
    assert chained.run("SELECT count(*) FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace") == [(0,)]
