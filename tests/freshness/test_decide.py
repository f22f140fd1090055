"""When a model is trained again, from figures alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.freshness import Figures, Reason, decide
from landfall.spec import Drift, ErrorBound, Retraining

EVERYTHING = Retraining(
    schedule="@weekly",
    new_rows=600,
    new_partitions=28,
    drift=(Drift(feature="temp", above=0.25), Drift(feature="hum", above=0.2, statistic="ks")),
    error=ErrorBound(above=2.0, partitions=3),
    window=14,
)
QUIET = Figures(champion="4", until="2011-09-30", new_rows=599, new_partitions=27, gate_error=40.0)


def test_nothing_fires_below_what_is_declared():
    drift = {("temp", "psi"): 0.25, ("hum", "ks"): 0.2, ("temp", "ks"): 0.9, ("windspeed", "psi"): 9.0}
    quiet = {"drift": drift, "published_error": 80.0, "error_partitions": 3}
    assert decide(EVERYTHING, Figures(**{**vars(QUIET), **quiet})) == []


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"new_rows": 600}, Reason(kind="rows", text="600 new rows since snapshot 2011-09-30 (declared: 600)")),
        (
            {"new_partitions": 31},
            Reason(kind="partitions", text="31 new partitions since snapshot 2011-09-30 (declared: 28)"),
        ),
        (
            {"new_partitions": 31, "until": ""},
            Reason(kind="partitions", text="31 new partitions since the champion was registered (declared: 28)"),
        ),
        (
            {"drift": {("temp", "psi"): 0.2512}},
            Reason(kind="drift", text="`temp` has drifted: PSI 0.251 over the newest 14 partitions (declared: 0.25)"),
        ),
        (
            {"drift": {("hum", "ks"): 0.5}},
            Reason(kind="drift", text="`hum` has drifted: KS 0.5 over the newest 14 partitions (declared: 0.2)"),
        ),
        (
            {"drift": {("temp", "psi"): math.inf}},
            Reason(kind="drift", text="`temp` has drifted: PSI inf over the newest 14 partitions (declared: 0.25)"),
        ),
        (
            {"published_error": 123.45, "error_partitions": 3},
            Reason(
                kind="error",
                text="what version 4 published is off by 123.5 over 3 partitions, 3.09 times its gate's 40 (declared: 2)",
            ),
        ),
        ({"scheduled": True}, Reason(kind="schedule", text="the schedule @weekly is due")),
        ({"by_hand": True}, Reason(kind="by hand", text="somebody asked for it")),
    ],
)
def test_each_declared_reason_fires_alone_and_says_its_figures(figures, reason):
    assert decide(EVERYTHING, Figures(**{**vars(QUIET), **figures})) == [reason]


def test_all_reasons_are_told():
    loud = Figures(
        champion="4",
        until="2011-09-30",
        new_rows=6000,
        new_partitions=250,
        drift={("temp", "psi"): 3.0, ("hum", "ks"): 0.9},
        published_error=200.0,
        gate_error=40.0,
        error_partitions=3,
        scheduled=True,
        by_hand=True,
    )
    kinds = [each.kind for each in decide(EVERYTHING, loud)]
    assert kinds == ["by hand", "schedule", "rows", "partitions", "drift", "drift", "error"]


def test_without_a_champion_the_first_training_needs_no_other_reason():
    assert decide(Retraining(schedule=None, new_rows=10**9), Figures(champion=None)) == [
        Reason(kind="first", text="no version serves yet")
    ]


@pytest.mark.parametrize("unknown", [{"error_partitions": 2}, {"gate_error": None}, {"published_error": None}])
def test_an_error_that_is_not_known_well_enough_is_no_reason(unknown):
    known = {"published_error": 10**6, "error_partitions": 3}
    assert decide(EVERYTHING, Figures(**{**vars(QUIET), **known, **unknown})) == []


@pytest.mark.parametrize(
    ("figures", "fires"),
    [
        ({"new_partitions": 6}, False),
        ({"new_partitions": 7}, True),
        ({"new_partitions": 0, "scheduled": True}, True),
        ({"new_partitions": 0, "by_hand": True}, True),
    ],
)
def test_the_first_training_waits_for_enough_to_learn_from_unless_somebody_asks(figures, fires):
    fired = [each.kind for each in decide(Retraining(), Figures(champion=None, **figures), minimum=7)]
    assert ("first" in fired) is fires


def test_any_error_is_over_the_bound_of_a_champion_without_one():
    figures = Figures(**{**vars(QUIET), "gate_error": 0.0, "published_error": 1.0, "error_partitions": 3})
    assert decide(EVERYTHING, figures) == [
        Reason(
            kind="error",
            text="what version 4 published is off by 1 over 3 partitions, more than its gate's 0 (declared: 2)",
        )
    ]


def test_a_schedule_that_is_not_declared_is_no_reason():
    assert decide(Retraining(schedule=None, new_rows=1000), Figures(champion="4", scheduled=True)) == []


numbers = st.one_of(st.none(), st.floats())


@given(
    rows=st.integers(0, 2000),
    partitions=st.integers(0, 60),
    psi=numbers,
    published=numbers,
    gate=numbers,
    over=st.integers(0, 6),
)
def test_a_reason_is_told_exactly_when_its_bound_is_passed(rows, partitions, psi, published, gate, over):
    drift = {} if psi is None else {("temp", "psi"): psi}
    figures = Figures(
        champion="4",
        new_rows=rows,
        new_partitions=partitions,
        drift=drift,
        published_error=published,
        gate_error=gate,
        error_partitions=over,
    )
    expected = {
        "rows": rows >= 600,
        "partitions": partitions >= 28,
        "drift": psi is not None and psi > 0.25,
        "error": published is not None and gate is not None and over >= 3 and published > 2.0 * gate,
    }
    assert [each.kind for each in decide(EVERYTHING, figures)] == [kind for kind, fires in expected.items() if fires]


def test_figures_are_told_as_json_holds_them():
    figures = Figures(champion="4", drift={("temp", "psi"): 0.1, ("temp", "ks"): 0.2})
    told = figures.as_dict()
    assert told["drift"] == {"temp": {"psi": 0.1, "ks": 0.2}}
    assert told["champion"] == "4"
