"""No partition is predicted by a version that has learnt from its actuals. These tests try to cheat."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.freshness import is_honest, not_honest, promote, versions_for
from landfall.freshness.watching import GATE, HINDCAST, note_hindcast, note_refusal
from landfall.models import watching
from landfall.models.own import note_own
from landfall.models.registry import ModelVersion, champion_version, registry, version
from landfall.models.version import Snapshot
from landfall.spec import Partition, Partitions


def serve(settings, conn, name, *numbers, kind="promoted"):
    """Promotes one version after the other."""
    for number in numbers:
        promote(settings, conn, name, number, expected=champion_version(settings, name), reason="r", kind=kind)


def version_for(settings, conn, name, day):
    """The version that may predict one day, asked for alone."""
    return (versions_for(settings, conn, name, [day]) or {}).get(day)


def found(settings, conn, name, day):
    version = version_for(settings, conn, name, Partition.parse(day))
    return version.version if version else None


@given(last=st.dates(date(2011, 1, 1), date(2013, 1, 1)), day=st.dates(date(2011, 1, 1), date(2013, 1, 1)))
def test_a_version_is_honest_only_about_days_after_its_snapshot(last, day):
    partitions = Partitions.of([Partition(last)])
    snapshot = Snapshot(
        table="t", version=1, first=Partition(last), last=Partition(last), days=1, partitions=partitions
    )
    version = ModelVersion(name="m", version="1", run_id="r", path="p", snapshot=snapshot)
    assert is_honest(version, Partition(day)) is (last < day)


@pytest.mark.parametrize(
    ("learnt", "predicted", "honest"),
    [
        ("2012-12-25T07", "2012-12-25T08", True),
        ("2012-12-25T07", "2012-12-25T07", False),
        ("2012-12-25T23", "2012-12-26T00", True),
        ("2012-12-25", "2012-12-25T23", False),
        ("2012-12-25", "2012-12-26T00", True),
    ],
)
def test_a_version_is_honest_only_about_hours_after_what_it_learnt_from(learnt, predicted, honest):
    last = Partition.parse(learnt)
    snapshot = Snapshot(table="t", version=1, first=last, last=last, days=1, partitions=Partitions.of([last]))
    version = ModelVersion(name="m", version="1", run_id="r", path="p", snapshot=snapshot)
    assert is_honest(version, Partition.parse(predicted)) is honest


@pytest.mark.stack
def test_the_champion_predicts_what_it_has_not_learnt_from(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    serve(settings, conn, name, "1", "2")
    assert found(settings, conn, name, "2012-03-01") == "2"


@pytest.mark.stack
def test_a_backfill_of_what_the_champion_has_learnt_from_is_predicted_by_an_earlier_version(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29", "2012-03-31")
    serve(settings, conn, name, "1", "2", "3")
    assert found(settings, conn, name, "2012-03-31") == "2"
    assert found(settings, conn, name, "2012-02-29") == "1"
    assert found(settings, conn, name, "2012-01-31") is None
    assert found(settings, conn, name, "2011-12-31") is None


@pytest.mark.stack
def test_a_version_that_never_served_or_was_rolled_back_does_not_predict(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-20", "2012-02-25", "2012-03-31")
    serve(settings, conn, name, "1", "3")
    serve(settings, conn, name, "1", kind="rolled back")
    serve(settings, conn, name, "4")
    assert found(settings, conn, name, "2012-03-01") == "1"


@pytest.mark.stack
def test_of_those_that_served_the_last_one_predicts(settings, conn, models):
    name = models.new("2012-01-31", "2012-01-20", "2012-03-31")
    serve(settings, conn, name, "1", "2", "1", "3")
    assert found(settings, conn, name, "2012-02-01") == "1"
    assert found(settings, conn, name, "2012-01-31") == "2"


@pytest.mark.stack
def test_a_version_without_a_snapshot_may_have_learnt_from_every_day_before_it_was_registered(settings, conn, models):
    name = models.new("")
    assert found(settings, conn, name, "2099-01-01") is None
    serve(settings, conn, name, "1")
    assert found(settings, conn, name, "2012-12-25") is None
    assert found(settings, conn, name, "2099-01-01") == "1"


@pytest.mark.stack
def test_a_version_that_was_deleted_is_passed_over(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29", "2012-03-31")
    serve(settings, conn, name, "1", "2", "3")
    with registry(settings) as client:
        client.delete_model_version(name, "2")
    assert found(settings, conn, name, "2012-03-15") == "1"


@pytest.mark.stack
def test_a_range_is_told_day_by_day(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-02")
    assert versions_for(settings, conn, name, [Partition.parse("2012-02-01")]) is None
    serve(settings, conn, name, "1", "2")
    days = Partitions.parse("2012-01-31..2012-02-03")
    told = versions_for(settings, conn, name, days)
    assert {str(day): each.version if each else None for day, each in told.items()} == {
        "2012-01-31": None,
        "2012-02-01": "1",
        "2012-02-02": "1",
        "2012-02-03": "2",
    }
    assert {day: version_for(settings, conn, name, day) for day in days} == told


@pytest.mark.stack
def test_a_version_trained_until_an_earlier_day_predicts_what_no_other_may(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29", "2012-01-10", "2012-01-20", "2012-01-25", "2012-01-28")
    watching.annotate(settings, version(settings, name, "6"), {GATE: HINDCAST})  # so MLflow says; Landfall does not
    serve(settings, conn, name, "1", "2")
    for number in ("3", "4"):
        made = version(settings, name, number)
        note_own(settings, made, how="trained", by_run="r")
        note_hindcast(settings, made)
    note_refusal(settings, version(settings, name, "5"), "worse")
    days = Partitions.parse("2012-01-10,2012-01-11,2012-01-20,2012-01-21,2012-01-31,2012-02-01,2012-03-01")
    told = {str(day): found(settings, conn, name, str(day)) for day in days}
    assert told == {
        "2012-01-10": None,
        "2012-01-11": "3",
        "2012-01-20": "3",
        "2012-01-21": "4",
        "2012-01-31": "4",
        "2012-02-01": "1",
        "2012-03-01": "2",
    }
    at_once = versions_for(settings, conn, name, days)
    assert {str(day): each.version if each else None for day, each in at_once.items()} == told


def test_why_a_day_is_not_predicted_is_said():
    assert not_honest("bike_demand", Partition.parse("2012-01-31")) == (
        "Every version of `bike_demand` that serves or served has learnt from 2012-01-31 or a later day: its prediction "
        "would be a memory."
    )
