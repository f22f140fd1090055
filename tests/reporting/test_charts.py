"""The drawings: what is in them, what is not, and that they hold in a page beside others."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.reporting.axis import Delays, time_ticks
from landfall.reporting.canvas import VARIABLES
from landfall.reporting.delay_charts import delay_charts
from landfall.reporting.drift_charts import PANELS, drift_charts, drift_legend
from landfall.reporting.error_chart import error_chart, promotion_marks
from landfall.reporting.facts import FeedFacts
from landfall.reporting.rows_chart import bars, rows_chart
from landfall.reporting.series import OLDER, Point, thinned, version_styles
from landfall.spec import Partition

FORECAST, ACTUALS = BIKE_DEMAND.feed("forecast"), BIKE_DEMAND.feed("actuals")
MARCH = datetime(2014, 3, 1, tzinfo=UTC)


def texts(svg):
    """The words in a drawing."""
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter("text")]


def day(number):
    return str(Partition((MARCH + timedelta(days=number)).date()))


@pytest.fixture
def errors(make):
    """Thirty days, half by version 1, half by version 2."""
    return tuple(make.error(day(n), 40.0 + n, version="1" if n < 15 else "2") for n in range(30))


@pytest.fixture
def report(make, errors):
    history = [
        make.promoted("2", MARCH + timedelta(days=15), figures={"challenger rmse": 45.0}, replaced="1"),
        make.promoted("1", MARCH - timedelta(days=2), figures={"challenger rmse": 50.0}),
    ]
    drift = [make.drift("temp", day(n), 0.1 * n, 2.5) for n in range(14, 30, 7)]
    lives = tuple(
        make.life(ACTUALS, day(n), landed_at=26 + n, first_published_at=26.1 + n, published_at=26.1 + n, rows=24,
                  quarantined=n % 2) for n in range(30)
    )  # fmt: skip
    return make.report(errors=errors, promotions=history, drift=drift, feeds=(FeedFacts(feed=ACTUALS, lives=lives),))


@pytest.fixture
def drawn(report):
    """Every chart of the report."""
    return [error_chart(report), *drift_charts(report), *delay_charts(report), rows_chart(report.feeds[0], 0)]


def test_every_drawing_is_plain_svg_in_the_colours_of_the_page(drawn):
    for picture in [picture for each in drawn for picture in (each.wide, each.narrow)]:
        assert not re.search(r"#[0-9a-f]{6}|<style|<script|<!--|xmlns|metadata|font-family|https?:|\bon\w+=", picture)
        assert set(re.findall(r"var\((--[\w-]+)\)", picture)) <= set(VARIABLES.values())
        root = ElementTree.fromstring(picture)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 20


def test_ids_are_unique_in_the_page_and_only_where_they_are_referred_to(drawn, report):
    pictures = [picture for each in drawn for picture in (each.wide, each.narrow, *(key.sample for key in each.keys))]
    pictures += [key.sample for key in drift_legend(report)]
    names = Counter(name for picture in pictures for name in re.findall(r' id="([^"]+)"', picture))

    assert set(names.values()) == {1}
    for picture in pictures:
        used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', picture))
        assert {first or second for first, second in used} == set(re.findall(r' id="([^"]+)"', picture))


def test_the_same_report_gives_the_same_drawing(report):
    assert error_chart(report) == error_chart(report)


def test_the_error_has_a_line_a_version_the_bound_and_labelled_promotions(report):
    chart = error_chart(report)

    assert [key.text for key in chart.keys] == ["version 2", "version 1", "bound", "promotion"]
    assert "v2" in texts(chart.wide)
    assert "v2" in texts(chart.narrow)
    assert chart.says == (
        "rmse of 30 partitions, 2014-03-01 to 2014-03-30: from 40 to 69, the newest 69 by version 2. "
        "Promotions: v2 at 2014-03-16."
    )


def test_a_rollback_is_labelled_as_one(make, errors):
    report = make.report(errors=errors, promotions=[make.promoted("1", MARCH + timedelta(days=20), kind="rolled back")])

    assert "back to v1" in texts(error_chart(report).wide)


def test_promotions_of_a_history_that_landed_later_stand_at_the_first_partition_they_published(make, errors):
    today = datetime(2026, 1, 1, tzinfo=UTC)
    history = [
        make.promoted("3", today, first="2015-01-01"),
        make.promoted("2", today, first="2014-03-16"),
        make.promoted("1", today, first="2014-02-01"),
        make.promoted("0", today),
    ]

    marks = promotion_marks(make.report(promotions=history), errors)

    assert [(mark.label, f"{mark.at:%m-%d}") for mark in marks] == [("v1", "03-01"), ("v2", "03-16")]


def test_labels_of_promotions_that_have_no_room_are_left_out_the_newest_stay(make, errors):
    history = [make.promoted(str(100 - n), MARCH + timedelta(hours=360 - n)) for n in range(30)]

    labels = [
        text for text in texts(error_chart(make.report(errors=errors, promotions=history)).narrow) if text[0] == "v"
    ]

    assert labels[:2] == ["v100", "v99"]
    assert len(labels) < 5


def test_only_the_newest_versions_have_colours_of_their_own(make):
    errors = [make.error(day(n), 50.0, version=str(n + 1)) for n in range(12)]

    keys = [key.text for key in error_chart(make.report(errors=errors)).keys]

    assert keys == [*(f"version {n}" for n in (12, 11, 10, 9, 8)), "older versions"]
    assert list(version_styles(["9", "10", "x"])) == ["10", "9", "x"]
    assert OLDER["color"] not in [each["color"] for each in version_styles(map(str, range(9))).values()]


def test_a_drift_chart_names_its_bound_and_the_bounded_come_first(make):
    drift = [make.drift(f"f{n}", day(9), 0.1 * n) for n in range(20)]
    drift += [make.drift("temp", day(9), 0.01, 2.5), make.drift("hum", day(9), None, 1.0)]
    report = make.report(drift=drift)

    charts = drift_charts(report)

    assert [chart.title for chart in charts[:2]] == ["temp (psi)", "f19 (psi)"]
    assert len(charts) == PANELS
    assert "bound 2.5" in texts(charts[0].wide)
    assert (
        charts[0].says
        == "temp (psi) over 1 window: 0.01 in the newest, which ends on 2014-03-10; the declared bound is 2.5."
    )
    assert [key.text for key in drift_legend(report)] == ["version 1", "bound"]


def test_delays_are_told_for_each_feed(report):
    landing, publishing = delay_charts(report)

    assert landing.says == "Landed, against the deadline: actuals 5 h (median), 19 h at most."
    assert publishing.says == "From landing to published: actuals 6 min (median), 6 min at most."
    assert "due" in texts(landing.wide)
    assert "10 h" in texts(landing.wide)


def test_rows_are_drawn_with_the_quarantined_ones_below_only_if_there_are_any(report, make):
    with_bad, life = rows_chart(report.feeds[0], 0), make.life(FORECAST, day(1), rows=24, quarantined=0)
    without = rows_chart(FeedFacts(feed=FORECAST, lives=(life,)), 1)

    assert {"kept", "quarantined"} <= set(texts(with_bad.wide))
    assert (
        with_bad.says == "actuals: 720 rows kept and 15 quarantined in 30 partitions, most of them (1) of 2014-03-02."
    )
    assert "quarantined" not in texts(without.wide)
    assert without.says == "forecast: 24 rows kept and 0 quarantined in 1 partition."


def test_a_chart_that_would_be_empty_is_not_drawn(make):
    report = make.report(errors=(make.error(day(1), None),), drift=(make.drift("temp", day(1), None, 1.0),))

    assert error_chart(report) is None
    assert drift_charts(report) == []
    assert delay_charts(report) == []
    assert rows_chart(report.feeds[0], 0) is None


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_delays_of_any_size_have_a_few_ticks_with_0_among_them(values):
    ticks = Delays(values, "due").ticks()

    assert [label for at, label in ticks if at == 0] == ["due"]
    assert len({label for _, label in ticks}) == len(ticks) <= 13


moments = st.datetimes(datetime(2, 1, 1), datetime(9997, 1, 1)).map(
    lambda at: at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
)


@settings(max_examples=200, deadline=None)
@given(moments, st.one_of(st.integers(0, 1000), st.integers(0, 3_000_000)), st.integers(3, 9), st.booleans())
def test_an_axis_of_time_has_a_few_round_moments(low, days, most, hourly):
    high = min(
        low + timedelta(days=min(days, (datetime(9997, 1, 2, tzinfo=UTC) - low).days)), datetime(9997, 1, 2, tzinfo=UTC)
    )

    ticks = time_ticks(low, high, most, hourly=hourly)

    assert 1 <= len(ticks) <= most
    assert all(low <= at <= high for at, _ in ticks)
    assert [at for at, _ in ticks] == sorted({at for at, _ in ticks})


def test_ticks_say_the_year_once():
    low = datetime(2013, 11, 1, tzinfo=UTC)

    labels = [label for _, label in time_ticks(low, low + timedelta(days=150), 9)]

    assert labels == ["Nov\n2013", "Dec", "Jan\n2014", "Feb", "Mar"]
    assert [label for _, label in time_ticks(low, low, 9)] == ["1 Nov\n2013"]
    assert [label for _, label in time_ticks(low, low + timedelta(hours=20), 4, hourly=True)] == [
        "00:00\n2013-11-01", "06:00", "12:00", "18:00",
    ]  # fmt: skip


def test_many_points_are_thinned_to_the_largest_of_their_neighbours():
    points = [Point(Partition.parse(day(n)), float(n % 7)) for n in range(900)]

    thin, group = thinned(points)

    assert (len(thin), group) == (300, 3)
    assert max(point.value for point in thin) == 6.0
    assert thinned(points[:366]) == (tuple(points[:366]), 1)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60), st.integers(1, 9))
def test_bars_of_several_partitions_have_all_their_rows(make, values, group):
    lives = [make.life(ACTUALS, day(n)) for n in range(len(values))]

    found = bars(lives, values, group)

    assert sum(value for *_, value in found) == sum(values)
    assert all(before[1] == after[0] for before, after in pairwise(found))
