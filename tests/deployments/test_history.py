"""Which version scored when, going back, and taking a model away."""

import pytest

from landfall.deployments import Span, deployed, deployments, history, rescore, roll_back, scored_at, undeploy
from landfall.errors import DeploymentError


def spans(corner) -> list[tuple[str, str]]:
    return [(each.version, each.kind) for each in history(corner.conn, deployed(corner.conn, corner.table()))]


def test_history_says_which_version_scored_at_a_time(corner):
    corner.deploy(corner.constant(1.0), "1", create=corner.key, run_id="run-1")
    [first] = history(corner.conn, deployed(corner.conn, corner.table()))
    corner.deploy(corner.constant(2.0), "2")

    two, one = history(corner.conn, deployed(corner.conn, corner.table()))

    assert (one.version, one.run_id, one.kind, one.since, one.until) == (
        "1",
        "run-1",
        "deployed",
        first.since,
        two.since,
    )
    assert (two.version, two.kind, two.until) == ("2", "redeployed", None)
    assert scored_at([two, one], one.since) == one
    assert scored_at([two, one], two.since) == two
    assert scored_at([two, one], one.since.replace(year=2000)) is None
    assert isinstance(two, Span)


def test_going_back_needs_no_registry_and_a_second_time_goes_forward_again(corner):
    corner.deploy(corner.constant(1.0), "1", create=corner.key)
    corner.deploy(corner.constant(2.0), "2")

    assert roll_back(corner.conn, corner.table()).version == "1"
    assert corner.run("INSERT INTO t (id, x) VALUES (1, 0) RETURNING prediction, model_version") == [(1.0, "1")]
    assert roll_back(corner.conn, corner.table()).version == "2"
    assert corner.run("INSERT INTO t (id, x) VALUES (2, 0) RETURNING prediction, model_version") == [(2.0, "2")]
    assert spans(corner) == [("2", "rolled back"), ("1", "rolled back"), ("2", "redeployed"), ("1", "deployed")]


def test_columns_that_only_another_version_fills_are_emptied(corner):
    """Version 2 has a class more: rows that version 1 scores after it have no number for that class."""
    from landfall.scoring.form import Classes, Ensemble, Model
    from landfall.scoring.scalars import InputColumn
    from landfall.scoring.trees import Leaf, Tree

    wide = Model(
        features=(InputColumn(name="x"),),
        scorer=Ensemble(trees=(Tree(root=Leaf(values=(0.0, 0.0, 1.0))),), start=(0.0, 0.0, 0.0)),
        decision=Classes(labels=(0.0, 1.0, 2.0), probability="scores"),
    )
    corner.deploy(corner.classifier(), "1", classes=("a", "b"), create=corner.key)
    corner.deploy(wide, "2", classes=("a", "b", "c"))
    corner.run("INSERT INTO t (id, x) VALUES (1, 1)")
    roll_back(corner.conn, corner.table())
    corner.run("INSERT INTO t (id, x, probability_c) VALUES (2, 1, 0.5)")

    assert corner.run("SELECT prediction, probability_b, probability_c FROM t ORDER BY id") == [
        ("c", 0.0, 1.0),
        ("b", 1.0, None),
    ]
    rescore(corner.conn, corner.table())
    assert corner.run("SELECT prediction, probability_c FROM t WHERE id = 1") == [("b", None)]


@pytest.mark.parametrize(
    ("to", "what"),
    [
        (None, "No version before of `m` has scored `{}`: version 4 is the first."),
        ("9", "No version 9 of `m` has scored `{}`."),
    ],
)
def test_there_must_be_a_version_to_go_back_to(corner, to, what):
    corner.deploy(corner.constant(1.0), "4", create=corner.key)

    with pytest.raises(DeploymentError) as caught:
        roll_back(corner.conn, corner.table(), to=to)
    assert str(caught.value) == (
        f"{what.format(corner.table())}\n  looked: landfall.deployed_versions: 4\n  left: nothing was changed\n"
        f"  next: landfall redeploy {corner.table()} --model-version VERSION"
    )


def test_a_table_that_is_freed_keeps_rows_and_predictions_and_may_be_deployed_to_again(corner):
    corner.deploy(corner.constant(1.0), "1", create=corner.key)
    corner.run("INSERT INTO t (id, x) VALUES (1, 0)")

    undeploy(corner.conn, corner.table())

    assert corner.run("INSERT INTO t (id, x) VALUES (2, 0) RETURNING prediction") == [(None,)]
    assert corner.run("SELECT prediction, model_version FROM t WHERE id = 1") == [(1.0, "1")]
    assert deployments(corner.conn) == []
    assert corner.run("SELECT count(*) FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace") == [(0,)]
    corner.deploy(corner.constant(5.0), "5", model="other")
    assert corner.run("INSERT INTO t (id, x) VALUES (3, 0) RETURNING prediction") == [(5.0,)]
    assert spans(corner) == [("5", "deployed"), ("1", "deployed")]


def test_its_columns_go_where_that_is_asked_for(corner):
    corner.run("CREATE TABLE t (id int PRIMARY KEY, x float8)")
    corner.deploy(corner.classifier(), classes=("a", "b"))

    undeploy(corner.conn, corner.table(), drop_columns=True)

    corner.run("INSERT INTO t VALUES (1, 1)")
    assert corner.run("SELECT * FROM t") == [(1, 1.0)]


def test_a_table_that_was_renamed_is_still_the_one_and_one_that_was_dropped_can_be_cleared_away(corner):
    corner.deploy(corner.constant(1.0), "1", create=corner.key)
    corner.run("ALTER TABLE t RENAME TO renamed")
    assert [str(each.table) for each in deployments(corner.conn)] == [f"{corner.schema}.renamed"]
    corner.deploy(corner.constant(2.0), "2", "renamed")
    assert corner.run("INSERT INTO renamed (id, x) VALUES (1, 0) RETURNING prediction") == [(2.0,)]

    corner.run("DROP TABLE renamed")

    assert [(str(each.table), each.gone) for each in deployments(corner.conn)] == [(f"{corner.schema}.t", True)]
    undeploy(corner.conn, corner.table())
    assert deployments(corner.conn) == []


def test_a_table_that_was_dropped_does_not_go_back(corner):
    corner.deploy(corner.constant(1.0), "1", create=corner.key)
    corner.deploy(corner.constant(2.0), "2")
    corner.run("DROP TABLE t")

    with pytest.raises(DeploymentError, match=f"There is no table `{corner.table()}`"):
        roll_back(corner.conn, corner.table())
    assert [each.version for each in deployments(corner.conn)] == ["2"]


def test_a_table_that_was_dropped_and_made_again_is_another_one(corner):
    corner.deploy(corner.constant(1.0), "1", create=corner.key)
    corner.run("DROP TABLE t")

    corner.deploy(corner.constant(2.0), "2", model="other", create=corner.key)

    assert corner.run("INSERT INTO t (id, x) VALUES (1, 0) RETURNING prediction") == [(2.0,)]
    assert spans(corner) == [("2", "deployed")]
    assert corner.run("SELECT count(*) FROM pg_proc WHERE pronamespace = 'landfall_models'::regnamespace") == [(1,)]


def test_a_table_without_a_deployment_is_told_with_the_nearest_that_has_one(corner):
    corner.deploy(corner.constant(1.0), "1", create=corner.key)

    with pytest.raises(DeploymentError) as caught:
        undeploy(corner.conn, corner.table("tt"))
    assert str(caught.value) == (
        f"There is no deployment to the table `{corner.table('tt')}`. Did you mean `{corner.table()}`?\n"
        f"  looked: known: {corner.table()}\n  next: landfall deployments"
    )
