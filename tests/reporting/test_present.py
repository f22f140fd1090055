"""Where a pipeline stands: what is worked out of a report, and the tiles that tell it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.reporting import present
from landfall.reporting.facts import FeedFacts
from landfall.reporting.tiles import tiles
from landfall.spec import Gate

FORECAST, ACTUALS = BIKE_DEMAND.feed("forecast"), BIKE_DEMAND.feed("actuals")
MARCH = datetime(2014, 3, 1, tzinfo=UTC)


def with_gate(pipeline, metric):
    freshness = replace(pipeline.training.freshness, gate=Gate(metric=metric))
    return replace(pipeline, training=replace(pipeline.training, freshness=freshness))


def test_the_error_is_pooled_over_the_newest_partitions_of_the_version_that_serves(make):
    errors = [make.error("2014-03-01", 1000.0)]
    errors += [
        make.error(f"2014-04-0{day}", rmse, rows=rows) for day, rmse, rows in ((1, 30, 24), (2, 40, 24), (3, 90, 8))
    ]
    errors += [make.error("2014-04-03", 500.0, version="1-other")]
    report = make.report(errors=errors, promotions=(make.promoted("1", MARCH, figures={"challenger rmse": 20.0}),))

    now = present.error_now(report)

    assert (now.partitions, now.wanted, now.gate, now.bound) == (3, 3, 20.0, 40.0)
    assert now.value == pytest.approx(sqrt((24 * 30**2 + 24 * 40**2 + 8 * 90**2) / 56))
    assert now.over


def test_an_error_over_too_few_partitions_is_not_over_its_bound(make):
    report = make.report(
        errors=(make.error("2014-04-03", 900.0),),
        promotions=(make.promoted("1", MARCH, figures={"challenger rmse": 20.0}),),
    )

    assert not present.error_now(report).over


def test_the_metric_is_the_gates_where_partitions_are_measured_by_it(make):
    pipelines = [with_gate(BIKE_DEMAND, metric) for metric in ("mae", "rmse", "r2")]

    assert [make.report(pipeline=each).metric for each in pipelines] == ["mae", "rmse", "rmse"]
    report = make.report(
        pipeline=pipelines[0],
        errors=(make.error("2014-04-03", 9.0, mae=5.0, rows=2), make.error("2014-04-02", 9.0, mae=2.0, rows=1)),
        promotions=(make.promoted("1", MARCH),),
    )
    assert present.error_now(report).value == 4.0


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1e300)), min_size=1, max_size=5))
def test_no_error_is_too_large_to_be_pooled(make, rows_and_errors):
    errors = [make.error("2014-04-01", value, rows=rows) for rows, value in rows_and_errors]
    values = [value for _, value in rows_and_errors]

    pooled = present.pooled(errors, "rmse")

    assert min(values) * (1 - 1e-9) <= pooled <= max(values) * (1 + 1e-9)


def test_without_a_history_the_version_of_the_newest_predictions_serves(make):
    lives = [make.life(FORECAST, f"2014-04-0{day}", published_at=at, version=str(day)) for day, at in ((1, 60), (2, 1))]
    other = make.life(ACTUALS, "2014-04-01", published_at=99, version="9")
    report = make.report(feeds=(FeedFacts(feed=FORECAST, lives=tuple(lives)), FeedFacts(feed=ACTUALS, lives=(other,))))

    assert present.serving_version(report) == "1"
    assert present.serving_version(make.report()) is None


def test_what_the_gate_measured_is_known_from_the_promotion_else_from_a_decision(make):
    promoted = make.promoted("2", MARCH, figures={"challenger rmse": 47.5})
    decisions = (make.decided(MARCH, champion="2", gate_error=1.0), make.decided(MARCH, champion="1", gate_error=51.0))
    report = make.report(promotions=(promoted,), decisions=decisions)

    assert [present.gate_error(report, version) for version in ("2", "1", "3")] == [47.5, 51.0, None]


def test_the_newest_window_is_told_with_what_is_nearest_to_its_bound_first(make):
    drift = (
        make.drift("temp", "2014-03-20", 9.0, 1.0),
        make.drift("hum", "2014-03-27", 0.9, 1.0),
        make.drift("wind", "2014-03-27", 3.0),
        make.drift("temp", "2014-03-27", 1.0, 2.5),
    )

    assert [each.feature for each in present.drift_now(make.report(drift=drift))] == ["hum", "temp", "wind"]


def test_a_feed_is_overdue_when_the_partition_after_its_newest_should_be_there(make):
    newest = make.life(FORECAST, "2014-04-03", landed_at=-6, first_published_at=-5.9, published_at=-5.9, version="1")
    facts = FeedFacts(feed=FORECAST, lives=(newest,))

    now = present.feed_now(make.report(), facts)

    assert (now.name, now.newest, now.unpublished) == ("bike_demand/forecast", newest, 0)
    assert now.next
    assert (str(now.next[0]), now.next[1], now.overdue) == ("2014-04-04", datetime(2014, 4, 4, tzinfo=UTC), True)
    earlier = make.report(made_at=datetime(2014, 4, 3, 23, tzinfo=UTC))
    assert not present.feed_now(earlier, facts).overdue


def told(report):
    return {tile.title: (tile.value, tile.detail, tile.state) for tile in tiles(report)}


def test_the_tiles_of_a_pipeline_that_has_not_begun_say_so(make):
    assert told(make.report()) == {
        "Model": ("none", "train one: landfall train bike_demand", "unknown"),
        "Error (rmse)": ("–", "nothing it published has met its actuals yet", "unknown"),
        "Drift": ("–", "not measured yet", "unknown"),
        "Newest actuals": ("–", "none yet", "unknown"),
        "Newest forecast": ("–", "none yet", "unknown"),
        "Quarantined": ("–", "no rows judged yet", "unknown"),
    }


def test_the_tiles_of_a_pipeline_in_order(make):
    actuals = make.life(
        ACTUALS, "2014-04-03", landed_at=30, first_published_at=30.1, published_at=31, rows=199, quarantined=1
    )
    report = make.report(
        errors=[make.error(f"2014-04-0{day}", 50.0) for day in (1, 2, 3)],
        drift=(make.drift("temp", "2014-04-03", 0.5, 2.5),),
        promotions=(make.promoted("1", make.now - timedelta(days=3), figures={"challenger rmse": 40.0}),),
        feeds=(FeedFacts(feed=ACTUALS, lives=(actuals,)),),
    )

    assert told(report) == {
        "Model": ("version 1", "promoted 3 d ago", "good"),
        "Error (rmse)": ("50", "newest 3 partitions, 1.25 × its gate's 40; bound 80", "good"),
        "Drift": ("none", "nearest: temp (psi) 0.5 of 2.5", "good"),
        "Newest actuals": ("2014-04-03", "published 8 h ago", "good"),
        "Quarantined": ("0.5 %", "1 of 200 rows of the newest 14 partitions", "good"),
    }


def test_the_tiles_of_a_pipeline_in_trouble(make):
    lives = (
        make.life(ACTUALS, "2014-03-30", landed_at=30, first_published_at=31, published_at=31, rows=8, quarantined=2),
        make.life(ACTUALS, "2014-03-31", landed_at=30),
    )
    forecasts = (
        make.life(FORECAST, "2014-04-05", published_at=-30, first_published_at=-30),
        make.life(FORECAST, "2014-04-06", landed_at=-60),
    )
    report = make.report(
        errors=[make.error(f"2014-04-0{day}", 90.0) for day in (1, 2, 3)],
        drift=(make.drift("temp", "2014-04-03", 3.5, 2.5), make.drift("hum", "2014-04-03", None, 1.0)),
        promotions=(make.promoted("1", make.now, kind="rolled back", figures={"challenger rmse": 40.0}),),
        feeds=(FeedFacts(feed=ACTUALS, lives=lives), FeedFacts(feed=FORECAST, lives=forecasts)),
    )  # fmt: skip

    assert told(report) == {
        "Model": ("version 1", "rolled back 0 s ago", "good"),
        "Error (rmse)": ("90", "newest 3 partitions, 2.25 × its gate's 40; bound 80", "attention"),
        "Drift": ("2 over", "hum (psi) – of 1", "attention"),
        "Newest actuals": ("2014-03-30", "published 4 d ago; 2014-04-01 was due 2 d ago", "attention"),
        "Newest forecast": ("2014-04-05", "published 21 h ago; 1 landed, not published", "attention"),
        "Quarantined": ("20 %", "2 of 10 rows of the newest 14 partitions; 1 partition over what the contract allows",
                        "attention"),
    }  # fmt: skip
