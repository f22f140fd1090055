"""What people are told of a partition is what `landfall status` shows; what the audit mends by itself is not told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from landfall.alerts import wrong
from landfall.database.slots import MIB, Slot
from landfall.freshness.history import PromotionRecord
from landfall.freshness.measured import DriftValue
from landfall.ledger import Facts, Standing
from landfall.ledger.standing import ATTENTION
from landfall.ledger.trouble import in_trouble, kind_of
from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.pipelines.iris_online import IRIS_ONLINE
from landfall.spec import Partition, SlotAlert
from landfall.streams.state import StreamState

NOW = datetime(2014, 4, 4, 15, tzinfo=UTC)
DAY = Partition.parse("2014-04-03")
FACTS = Facts(feed=BIKE_DEMAND.feed("actuals"), partition=DAY)


def of(state, **more):
    """What is told of one partition that stands so."""
    return [
        (each.kind, each.subject, each.text) for each in wrong.of_partitions([(FACTS, Standing(state=state, **more))])
    ]


@pytest.mark.parametrize(
    ("state", "reason", "kind"),
    [
        ("late", "", "late landing"),
        ("failed", "refused", "failed contract"),
        ("failed", "failed", "failed run"),
        ("failed", "contract changed", "failed run"),
        ("stuck", "never published", "stuck run"),
        *((state, "", None) for state in ("landed", "stale", "paused", "running", "published", "waiting", "skipped")),
    ],
)
def test_a_standing_has_one_kind_of_alert_or_none(state, reason, kind):
    assert kind_of(Standing(state=state, reason=reason)) == kind


def test_all_that_is_told_is_trouble_for_status_too():
    told = [state for state in ("late", "stuck", "failed") if kind_of(Standing(state=state))]

    assert set(told) <= set(ATTENTION)
    assert in_trouble([(FACTS, Standing(state="published")), (FACTS, Standing(state="stale"))]) == [
        (FACTS, Standing(state="stale"))
    ]


def test_a_late_landing_is_told_with_what_explains_it():
    assert of("late", why="no object yet; it was due 2014-04-04 12:00 UTC") == [
        (
            "late landing",
            "2014-04-03",
            "no object yet; it was due 2014-04-04 12:00 UTC    (landfall explain bike_demand/actuals 2014-04-03)",
        )
    ]


def test_what_the_store_and_the_input_say_stays_on_one_line():
    [(_, _, text)] = of("late", why="a\n\x1b[31mb\u202e")

    assert text == "a [31mb    (landfall explain bike_demand/actuals 2014-04-03)"


def test_only_the_newest_window_drifts():
    value = DriftValue(version="1", first=DAY, last=DAY, feature="temp", statistic="psi", value=3.0, above=2.5, rows=24)
    later = replace(value, last=Partition.parse("2014-04-10"))
    drifts = wrong._drifts(BIKE_DEMAND, [value, later, replace(later, feature="hum", value=0.1)])

    assert [(each.source, each.subject, each.text) for each in drifts] == [
        ("bike_demand", "temp (psi)", "3, its bound is 2.5; window to 2014-04-10    (landfall report bike_demand)")
    ]
    assert wrong._drifts(BIKE_DEMAND, [value, replace(later, value=0.1)]) == []
    assert wrong._drifts(BIKE_DEMAND, []) == []


def line(**fields):
    return StreamState(name="iris_online", kind="learner", wanted="running", **fields)


@pytest.mark.parametrize(
    ("state", "texts"),
    [
        (line(state="running", heartbeat=NOW), []),
        (line(state="failing", problem="no\nbroker", heartbeat=NOW), ["no broker"]),
        (
            line(state="running", heartbeat=NOW - timedelta(minutes=1)),
            ["no process drives it    (landfall ps: is the part `streams` up?)"],
        ),
        (StreamState(name="iris_online", kind="learner"), []),
    ],
)
def test_a_learner_that_fails_or_that_nobody_drives_is_told(monkeypatch, state, texts):
    monkeypatch.setattr(wrong, "state_of", lambda conn, name: state)
    told = wrong.of_learner(object(), IRIS_ONLINE, NOW)  # type: ignore[arg-type]  # it is not asked

    assert [(each.kind, each.source, each.text) for each in told] == [
        ("learner", "iris_online", text) for text in texts
    ]


SLOT = Slot(
    name="landfall_iris_online", active=True, wal_status="reserved", behind_bytes=0, behind_seconds=0, left_bytes=None
)


@pytest.mark.parametrize(
    ("slot", "told"),
    [
        (None, False),
        (SLOT, False),
        (replace(SLOT, behind_seconds=None), False),
        (replace(SLOT, behind_seconds=59.9, behind_bytes=2 * MIB - 1), False),
        (replace(SLOT, behind_seconds=60), True),
        (replace(SLOT, behind_bytes=2 * MIB), True),
        (replace(SLOT, wal_status="unreserved"), True),
        (replace(SLOT, wal_status="lost"), True),
    ],
)
def test_a_slot_is_told_when_it_is_lost_or_further_behind_than_is_declared(slot, told):
    learner = replace(IRIS_ONLINE, slot_alert=SlotAlert(behind=timedelta(minutes=1), mebibytes=2))
    alerts = wrong.of_slot(learner, slot)

    assert [(each.kind, each.source) for each in alerts] == [("slot", "iris_online/slot")] * told


def test_the_alert_of_a_slot_says_how_far_behind_it_is_and_what_to_type():
    [alert] = wrong.of_slot(IRIS_ONLINE, replace(SLOT, active=False, behind_seconds=1800, behind_bytes=3 * MIB))

    assert alert.text == (
        "slot landfall_iris_online: nobody reads it, reserved, 3.0 MiB and 1800 s behind    "
        "(landfall changes status iris_online)"
    )


def test_a_promotion_of_today_is_news_and_an_older_one_is_not():
    change = PromotionRecord(
        id=7,
        model="m",
        version="2",
        replaced="1",
        at=NOW - timedelta(hours=2),
        kind="promoted",
        reason="better",
        by_run="r",
    )
    changes = [change, replace(change, id=6, at=NOW - timedelta(days=2)), replace(change, id=8, version=None)]

    assert [(each.subject, each.text, each.ends) for each in wrong._promotions("m", changes, NOW)] == [
        ("change 7", "promoted: version 2 serves in the place of 1. better    (landfall models m)", False),
        ("change 8", "promoted: no version serves in the place of 1. better    (landfall models m)", False),
    ]


def test_a_refusal_happened_and_says_why_in_one_line():
    said = wrong.refusal("m", "7", "rmse 60\n" + "x" * 900)

    assert (said.kind, said.source, said.subject, said.ends) == ("refused model", "m", "version 7", False)
    assert said.text.startswith("the champion stays: rmse 60 x")
    assert said.text.endswith("(landfall models m)")
    assert len(said.text) < 500
