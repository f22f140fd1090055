"""On which partitions two versions are compared, and with which of their models."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.errors import ModelError
from landfall.freshness import judging_window
from landfall.models.registry import ModelVersion
from landfall.models.version import Snapshot
from landfall.spec import Partition, Partitions

START = date(2012, 1, 1)


def version(number, snapshot, **more):
    fields = {"name": "m", "version": number, "run_id": "r", "path": f"s3a://b/{number}/model/fitted"}
    judged = f"s3a://b/{number}/judged" if snapshot and snapshot.judged_until else ""
    return ModelVersion(**fields, snapshot=snapshot, judged=judged, **more)


def learnt(days, held):
    """A snapshot of the first `days` days of 2012, the last `held` of them held out."""
    all_days = Partitions.between(Partition(START), Partition(START + timedelta(days=days - 1)))
    return Snapshot(
        table="features.t",
        version=7,
        first=all_days.days[0],
        last=all_days.days[-1],
        days=days,
        partitions=all_days,
        judged_until=all_days.days[-1 - held] if held else None,
    )


def test_both_are_judged_on_the_challengers_held_out_partitions():
    window = judging_window(version("2", learnt(40, 8)), version("1", learnt(20, 4)))
    assert str(window.partitions) == "2012-02-02..2012-02-09"
    assert (window.table, window.at_version) == ("features.t", 7)
    assert window.challenger == "s3a://b/2/judged"
    assert window.champion == "s3a://b/1/model/fitted"


def test_a_champion_that_has_learnt_from_some_of_them_is_judged_by_its_sibling():
    window = judging_window(version("2", learnt(30, 6)), version("1", learnt(28, 5), library="scikit-learn"))
    assert window.champion == "s3a://b/1/judged"


def test_trained_twice_on_one_snapshot_the_siblings_are_compared():
    window = judging_window(version("2", learnt(30, 6)), version("1", learnt(30, 6)))
    assert (window.challenger, window.champion) == ("s3a://b/2/judged", "s3a://b/1/judged")


def test_without_a_champion_there_is_still_a_window():
    assert judging_window(version("1", learnt(30, 6)), None).champion is None


def test_a_challenger_of_an_earlier_time_is_not_compared():
    with pytest.raises(ModelError) as refused:
        judging_window(version("2", learnt(20, 4)), version("1", learnt(40, 8)))
    assert str(refused.value) == (
        "Versions 2 and 1 of `m` cannot be compared honestly.\n"
        "  looked: held out: 2012-01-17..2012-01-20; version 1 has learnt up to 2012-02-09, its judged sibling up to 2012-02-01\n"
        "  left: version 1 serves; version 2 stays in the registry\n"
        "  next: landfall train m with a later --until, or without"
    )


def test_a_champion_without_a_sibling_or_a_snapshot_is_taken_at_its_latest():
    with pytest.raises(ModelError, match=r"version 1 has learnt up to 2012-01-28, and has no judged sibling"):
        judging_window(version("2", learnt(30, 6)), version("1", learnt(28, 0)))
    unknown = version("1", None, created_at=datetime(2012, 1, 26, 23, tzinfo=UTC))
    with pytest.raises(ModelError, match=r"version 1 has learnt up to 2012-01-26, and has no judged sibling"):
        judging_window(version("2", learnt(30, 6)), unknown)
    earlier = version("1", None, created_at=datetime(2012, 1, 24, 23, tzinfo=UTC))
    assert judging_window(version("2", learnt(30, 6)), earlier).champion == "s3a://b/1/model/fitted"


@pytest.mark.parametrize(
    ("snapshot", "looked"), [(learnt(30, 0), "snapshot 2012-01-01..2012-01-30"), (None, "no snapshot among its tags")]
)
def test_a_challenger_without_held_out_partitions_is_not_judged(snapshot, looked):
    with pytest.raises(ModelError) as refused:
        judging_window(version("2", snapshot), None)
    assert str(refused.value) == (
        "Version 2 of `m` cannot be judged: it has no held-out partitions.\n"
        f"  looked: {looked}\n"
        "  left: the champion stays\n"
        "  next: landfall train m"
    )


@given(new=st.integers(10, 120), old=st.integers(10, 120), new_held=st.integers(1, 9), old_held=st.integers(0, 9))
def test_neither_is_ever_judged_on_what_it_has_learnt_from(new, old, new_held, old_held):
    challenger, champion = version("2", learnt(new, new_held)), version("1", learnt(old, old_held))
    try:
        window = judging_window(challenger, champion)
    except ModelError:
        return
    first = window.partitions.days[0]
    assert len(window.partitions) == new_held
    assert challenger.snapshot.judged_until < first
    served = window.champion.startswith(champion.path)
    assert (champion.snapshot.last if served else champion.snapshot.judged_until) < first
    assert window.partitions.days[-1] == challenger.snapshot.last


@given(old=st.integers(10, 120), more=st.integers(0, 60))
def test_a_later_training_with_the_same_learner_can_always_be_compared(old, more):
    """The held-out partitions are at most a fifth of those there are, so they never begin earlier than before."""
    challenger = version("2", learnt(old + more, min(14, (old + more) // 5)))
    assert judging_window(challenger, version("1", learnt(old, min(14, old // 5))))
