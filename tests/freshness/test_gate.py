"""What a challenger must show, judged from a report alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.freshness import judge
from landfall.spec import Gate
from landfall.spec.training_reports import JudgedReport

GATE = Gate(
    metric="rmse", margin=0.05, slices=("workingday",), worst_slice=1.25, lowest=0, highest=1000, milliseconds=50
)


def side(rmse, *, slices=None, lowest=1.0, highest=900.0, milliseconds=5.0, **more):
    return {
        "metrics": {"rmse": rmse, "mae": 30.0},
        "slices": slices or {},
        "lowest": lowest,
        "highest": highest,
        "milliseconds": milliseconds,
        **more,
    }


def report(challenger, champion=None, rows=336):
    days = "2011-09-17..2011-09-30"
    return JudgedReport.of({"days": days, "rows": rows, "challenger": challenger, "champion": champion})


def test_a_challenger_better_by_the_margin_passes_and_says_by_how_much():
    verdict = judge(GATE, report(side(37.9), side(40.0)))
    assert verdict.passed
    assert verdict.why == "rmse 37.9, the champion's 40 (declared: less than 38, a margin of 0.05)"
    assert [(each.name, each.passed, each.text) for each in verdict.checks] == [
        ("rows", True, "judged on 336 rows of 2011-09-17..2011-09-30"),
        ("range", True, "predictions from 1 to 900 (declared: 0 to 1000)"),
        ("latency", True, "5 ms to score 1,000 rows (declared: 50)"),
        ("better", True, "rmse 37.9, the champion's 40 (declared: less than 38, a margin of 0.05)"),
    ]


def test_a_challenger_at_the_bar_is_refused():
    verdict = judge(GATE, report(side(38.0), side(40.0)))
    assert not verdict.passed
    assert verdict.why == "rmse 38, the champion's 40 (declared: less than 38, a margin of 0.05)"


def test_the_same_model_trained_twice_does_not_replace_itself():
    assert not judge(Gate(margin=0.0), report(side(40.0), side(40.0))).passed
    assert judge(Gate(margin=-0.01), report(side(40.0), side(40.0))).passed


@pytest.mark.parametrize(
    ("metric", "worse", "better"), [("r2", 0.80, 0.90), ("accuracy", 0.7, 0.75), ("r2", -2.0, -1.0)]
)
def test_of_some_metrics_more_is_better(metric, worse, better):
    gate = Gate(metric=metric)
    one = {**side(1.0), "metrics": {metric: worse}}
    other = {**side(1.0), "metrics": {metric: better}}
    assert judge(gate, report(other, one)).passed
    assert not judge(gate, report(one, other)).passed


def test_without_a_champion_only_sanity_is_asked():
    verdict = judge(GATE, report(side(10**6, slices={"workingday=0": {"rows": 100, "rmse": 10**6}})))
    assert verdict.passed
    assert verdict.why == "rmse 1e+06"


@pytest.mark.parametrize(
    ("challenger", "why"),
    [
        ({"lowest": -0.5}, "predictions from -0.5 to 900 (declared: 0 to 1000)"),
        ({"highest": 1000.5}, "predictions from 1 to 1000 (declared: 0 to 1000)"),
        ({"highest": math.inf}, "predictions from 1 to not a number (declared: 0 to 1000)"),
        ({"lowest": math.nan}, "predictions from not a number to 900 (declared: 0 to 1000)"),
        ({"lowest": None}, "predictions from not a number to 900 (declared: 0 to 1000)"),
        ({"milliseconds": 51.0}, "51 ms to score 1,000 rows (declared: 50)"),
        ({"milliseconds": math.nan}, "not a number ms to score 1,000 rows (declared: 50)"),
        ({"metrics": {}}, "rmse not a number, the champion's 40"),
        ({"metrics": {"rmse": math.nan}}, "rmse not a number, the champion's 40"),
        ({"metrics": {"rmse": "10"}}, "rmse not a number, the champion's 40"),
        ({"error": "the table has no column `hum`"}, "the challenger cannot be judged: the table has no column `hum`"),
    ],
)
def test_what_is_not_sane_is_refused(challenger, why):
    verdict = judge(GATE, report({**side(10.0), **challenger}, side(40.0)))
    assert (verdict.passed, verdict.why) == (False, why)


def test_a_range_that_is_not_declared_must_still_be_of_numbers():
    assert judge(Gate(), report(side(1.0, lowest=-1e300, highest=1e300))).passed
    assert not judge(Gate(), report(side(1.0, lowest=-math.inf))).passed


def test_no_rows_judge_nothing():
    verdict = judge(GATE, report(side(10.0), side(40.0), rows=0))
    assert (verdict.passed, verdict.why) == (False, "judged on 0 rows of 2011-09-17..2011-09-30")


def test_a_champion_that_cannot_be_judged_is_not_replaced_unseen():
    verdict = judge(GATE, report(side(10.0), {"error": "the table has no column `feels`"}))
    assert (verdict.passed, verdict.why) == (False, "the champion cannot be judged: the table has no column `feels`")


def test_a_slice_that_is_much_worse_is_refused_though_the_whole_is_better():
    mine = {"workingday=0": {"rows": 96, "rmse": 60.0}, "workingday=1": {"rows": 240, "rmse": 10.0}}
    its = {"workingday=0": {"rows": 96, "rmse": 40.0}, "workingday=1": {"rows": 240, "rmse": 40.0}}
    verdict = judge(GATE, report(side(30.0, slices=mine), side(40.0, slices=its)))
    assert (verdict.passed, verdict.why) == (
        False,
        "slice workingday=0, 96 rows: rmse 60, the champion's 40 (declared: at most 1.25 times)",
    )


@pytest.mark.parametrize(
    ("mine", "its", "passed"),
    [
        ({"rows": 23, "rmse": 999.0}, {"rows": 23, "rmse": 1.0}, True),
        ({"rows": 24, "rmse": 999.0}, {"rows": 24, "rmse": 1.0}, False),
        ({"rows": 24, "rmse": 50.0}, {"rows": 24, "rmse": 40.0}, True),
        ({"rows": 24, "rmse": math.nan}, {"rows": 24, "rmse": 40.0}, False),
        ({"rows": 24, "rmse": 999.0}, None, True),
    ],
)
def test_a_slice_counts_if_it_has_rows_enough_and_both_have_it(mine, its, passed):
    champion = side(40.0, slices={"workingday=0": its} if its else {})
    assert judge(GATE, report(side(30.0, slices={"workingday=0": mine}), champion)).passed is passed


def test_in_a_slice_the_error_is_what_is_missing_to_the_best():
    gate = Gate(metric="accuracy", worst_slice=1.5)
    mine = {**side(0), "metrics": {"accuracy": 0.95}, "slices": {"a=1": {"rows": 50, "accuracy": 0.79}}}
    its = {**side(0), "metrics": {"accuracy": 0.90}, "slices": {"a=1": {"rows": 50, "accuracy": 0.90}}}
    assert judge(gate, report(mine, its)).why == (
        "slice a=1, 50 rows: 1 - accuracy 0.21, the champion's 0.1 (declared: at most 1.5 times)"
    )


finite = st.floats(min_value=0.01, max_value=1e6)


@given(new=finite, old=finite, margin=st.floats(-0.9, 0.9))
def test_never_do_two_models_each_replace_the_other_past_a_margin(new, old, margin):
    gate = Gate(metric="rmse", margin=abs(margin))
    there, back = judge(gate, report(side(new), side(old))), judge(gate, report(side(old), side(new)))
    assert not (there.passed and back.passed)
    if there.passed:
        assert new < old


anything = st.one_of(st.none(), st.booleans(), st.text(max_size=5), st.floats(), st.integers(-10, 10))
values = st.dictionaries(st.sampled_from(["rmse", "mae", "rows"]), anything)
sides = st.fixed_dictionaries(
    {},
    optional={
        "metrics": values,
        "slices": st.dictionaries(st.just("workingday=0"), values),
        **dict.fromkeys(["lowest", "highest", "milliseconds"], anything),
        "error": st.text(max_size=5),
    },
)


@given(challenger=sides, champion=st.one_of(st.none(), sides), rows=anything)
def test_a_report_that_lacks_what_is_asked_for_is_refused_not_a_crash(challenger, champion, rows):
    verdict = judge(GATE, report(challenger, champion, rows))
    assert verdict.passed is all(check.passed for check in verdict.checks)
    finite = [challenger.get(name) for name in ("lowest", "highest", "milliseconds")]
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in finite):
        assert not verdict.passed
    assert verdict.markdown()


def test_a_person_who_is_asked_sees_both_side_by_side():
    mine = side(30.0, slices={"city=<b>|x\n": {"rows": 96, "rmse": 12.5}})
    its = side(40.0, slices={"city=<b>|x\n": {"rows": 96, "rmse": 40.0}})
    assert judge(GATE, report(mine, its)).markdown() == (
        "Judged on 336 rows of 2011-09-17..2011-09-30, which neither has learnt from.\n"
        "\n"
        "- passed: judged on 336 rows of 2011-09-17..2011-09-30\n"
        "- passed: predictions from 1 to 900 (declared: 0 to 1000)\n"
        "- passed: 5 ms to score 1,000 rows (declared: 50)\n"
        "- passed: rmse 30, the champion's 40 (declared: less than 38, a margin of 0.05)\n"
        "- passed: slice city=&lt;b&gt;\\|x , 96 rows: rmse 12.5, the champion's 40 (declared: at most 1.25 times)\n"
        "\n"
        "| | challenger | champion |\n"
        "|---|---:|---:|\n"
        "| mae | 30 | 30 |\n"
        "| rmse | 30 | 40 |\n"
        "| lowest prediction | 1 | 1 |\n"
        "| highest prediction | 900 | 900 |\n"
        "| ms to score 1,000 rows | 5 | 5 |\n"
        "| city=&lt;b&gt;\\|x , 96 rows: rmse | 12.5 | 40 |\n"
    )
