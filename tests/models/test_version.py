"""What the registry's tags say of a version, also of those that an older Landfall wrote."""

import json
from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.models.version import LONGEST_RUN_TAG, Snapshot, version_of
from landfall.spec import Partition, Partitions

OLDER = {
    "snapshot.table": "features.bike_actuals",
    "snapshot.version": "4",
    "snapshot.first": "2012-06-01",
    "snapshot.last": "2012-06-03",
    "snapshot.days": "3",
}


def found(tags, source="s3://bucket/mlflow/bike_demand/r1/artifacts/model", **more):
    """A version as MLflow gives it."""
    fields = {"name": "m", "version": 3, "run_id": "r1", "source": source, "creation_timestamp": 1_356_436_800_000}
    return SimpleNamespace(tags=tags, **{**fields, **more})


def test_a_snapshot_is_read_back_as_it_was_written(report):
    snapshot = Snapshot.of(report["snapshot"], rows=720)
    assert Snapshot.of_tags({"landfall.snapshot": snapshot.version_tag}) == snapshot
    assert (str(snapshot.judged_until), snapshot.rows, len(snapshot.partitions)) == ("2012-06-25", 720, 31)


def test_a_version_of_an_older_landfall_is_read():
    version = version_of(found({**OLDER, "landfall.x": "y"}), None)
    assert version.snapshot == Snapshot(
        table="features.bike_actuals",
        version=4,
        first=Partition.parse("2012-06-01"),
        last=Partition.parse("2012-06-03"),
        days=3,
        partitions=Partitions.parse("2012-06-01..2012-06-03"),
    )
    assert version.path == "s3a://bucket/mlflow/bike_demand/r1/artifacts/model/sparkml"
    assert (version.library, version.judged, version.reference, version.learner) == ("spark", "", "", "")
    assert version.learnt_until == Partition.parse("2012-06-03")
    assert version.tags == {"landfall.x": "y"}


def test_a_version_says_where_its_models_are(report):
    snapshot = Snapshot.of(report["snapshot"]).version_tag
    tags = {"landfall.snapshot": snapshot, "landfall.library": "scikit-learn", "landfall.reference": "1"}
    run = SimpleNamespace(
        data=SimpleNamespace(tags={"landfall.reason": "drift", "mlflow.user": "x"}, metrics={"rows": 1.0})
    )
    version = version_of(found(tags), run)
    root = "s3a://bucket/mlflow/bike_demand/r1/artifacts"
    assert (version.path, version.judged) == (f"{root}/model/fitted", f"{root}/judged")
    assert version.reference == f"{root}/reference.json"
    assert (version.library, version.metrics) == ("scikit-learn", {"rows": 1.0})
    assert version.tags == {**tags, "landfall.reason": "drift"}


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"landfall.snapshot": "{"},
        {"landfall.snapshot": "[]"},
        {"landfall.snapshot": '{"table": "t"}'},
        {"landfall.snapshot": '{"table": "t", "version": 1, "first": "x", "last": "2012-01-01", "days": 1}'},
        {"snapshot.table": "features.t"},
    ],
)
def test_a_version_that_says_nothing_usable_may_have_learnt_until_it_was_registered(tags):
    version = version_of(found(tags), None)
    assert version.snapshot is None
    assert version.learnt_until == Partition.parse("2012-12-25")


@pytest.mark.parametrize("text", ["{", "7", "null"])
def test_classes_that_cannot_be_read_are_none(text):
    assert version_of(found({"landfall.classes": text}), None).classes == ()


@given(st.sets(st.dates(date(2000, 1, 1), date(2030, 1, 1)), min_size=1, max_size=1500))
def test_a_runs_tag_is_never_longer_than_mlflow_takes(days):
    partitions = Partitions.of(map(Partition, days))
    snapshot = Snapshot(
        table="features.t",
        version=1,
        first=partitions.days[0],
        last=partitions.days[-1],
        days=len(days),
        partitions=partitions,
    )
    assert len(snapshot.run_tag) <= LONGEST_RUN_TAG
    assert json.loads(snapshot.run_tag)["last"] == str(snapshot.last)
    assert Snapshot.of_tags({"landfall.snapshot": snapshot.version_tag}) == snapshot
