"""The drawings: what is in them, what is not, and that they hold in a page beside others."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import altair
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.pipelines import find_stream
from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.reporting import charts
from landfall.reporting.delay_chart import delay_charts
from landfall.reporting.drift_chart import PANELS, drift_chart
from landfall.reporting.error_chart import error_chart, promotion_marks
from landfall.reporting.facts import FeedFacts
from landfall.reporting.page import HERE
from landfall.reporting.rows_chart import bars, rows_chart
from landfall.reporting.series import MOST, OLDER, Point, rows, thinned, version_names
from landfall.reporting.stream_chart import share_chart
from landfall.spec import Partition
from landfall.streams.standing import Windows

FORECAST, ACTUALS = BIKE_DEMAND.feed("forecast"), BIKE_DEMAND.feed("actuals")
MARCH = datetime(2014, 3, 1, tzinfo=UTC)


def texts(svg):
    """The words in a drawing."""
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter("text")]


def inside(spec, mark):
    """The layers of a specification that have this mark."""
    parts = [part for name in ("layer", "vconcat", "hconcat") for part in spec.get(name, ())]
    found = [layer for part in parts for layer in inside(part, mark)]
    return found + ([spec] if spec.get("mark", {}).get("type") == mark else [])


def data(spec, mark):
    """The rows of the first layer with this mark, as the specification holds them."""
    root, [layer, *_] = spec, inside(spec, mark)
    return root.get("datasets", {}).get(layer["data"].get("name")) or layer["data"]["values"]


def legend(spec):
    """The names in the legend of a chart; none if it has no legend."""
    colour = inside(spec, "line")[0]["encoding"]["color"]
    return colour["scale"]["domain"] if colour["legend"] is not None else []


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
    return [error_chart(report), drift_chart(report), *delay_charts(report), rows_chart(report.feeds[0])]


def test_every_drawing_is_plain_svg_in_the_colours_of_the_page(drawn):
    for picture in [each.svg(size) for each in drawn for size in ("wide", "narrow")]:
        assert not re.search(
            r"#[0-9a-f]{3}|<style|<script|<!--|xmlns|href|url\(| id=|font-family|https?:|\bon\w+=", picture
        )
        used = set(re.findall(r"var\((--[\w-]+)\)", picture))
        assert used <= set(re.findall(r"(--[\w-]+):", (HERE / "page.css").read_text()))
        assert used
        root = ElementTree.fromstring(picture)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 20


def test_every_specification_is_of_vega_lite_s_schema_and_holds_its_data(drawn):
    for spec in [spec for each in drawn for spec in (each.wide, each.narrow)]:
        altair.Chart.from_dict(spec)
        assert "url" not in re.findall(r"'(\w+)':", str(spec))


def test_the_same_report_gives_the_same_drawing(report):
    assert error_chart(report).svg("wide") == error_chart(report).svg("wide")


def test_importing_the_page_loads_no_library_for_charts():
    code = "import sys, landfall.reporting.page, landfall.reporting.stream_page; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"altair", "vl_convert"} & set(done.stdout.split())


@pytest.mark.parametrize("library", ["altair", "vl_convert"])
def test_a_library_that_is_missing_is_named_with_what_installs_it(report, monkeypatch, library):
    chart = error_chart(report)
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(charts.ChartError) as raised:
        chart.svg("wide") if library == "vl_convert" else error_chart(report)

    assert str(raised.value) == (
        "The charts cannot be drawn: a library is missing.\n"
        f"  looked: for the Python package `{library}`\n"
        "  left: nothing was written\n"
        "  next: uv pip install 'landfall[report]'"
    )


def test_the_error_has_a_line_a_version_the_bound_and_labelled_promotions(report):
    chart = error_chart(report)

    assert legend(chart.wide) == ["version 2", "version 1"]
    assert {"v2", "version 1", "version 2"} <= set(texts(chart.svg("wide")))
    assert "v2" in texts(chart.svg("narrow"))
    assert [bound["value"] for bound in data(chart.wide, "rule")] == [100.0, 90.0]
    assert chart.says == (
        "rmse of 30 partitions, 2014-03-01 to 2014-03-30: from 40 to 69, the newest 69 by version 2. "
        "Promotions: v2 at 2014-03-16."
    )


def test_a_rollback_is_labelled_as_one(make, errors):
    report = make.report(errors=errors, promotions=[make.promoted("1", MARCH + timedelta(days=20), kind="rolled back")])

    assert [row["label"] for row in data(error_chart(report).wide, "text")] == ["back to v1"]


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


def test_labels_of_promotions_that_have_no_room_are_left_out_the_newest_stays(make, errors):
    history = [make.promoted(str(100 - n), MARCH + timedelta(hours=360 - n)) for n in range(30)]
    chart = error_chart(make.report(errors=errors, promotions=history))

    assert [row["label"] for row in data(chart.narrow, "text")] == ["v100"]
    assert len(inside(chart.narrow, "rule")) == 1
    assert len(data(chart.narrow, "rule")) == 30


def test_only_the_newest_versions_have_colours_of_their_own(make):
    errors = [make.error(day(n), 50.0, version=str(n + 1)) for n in range(12)]
    colour = inside(error_chart(make.report(errors=errors)).wide, "line")[0]["encoding"]["color"]

    assert colour["scale"]["domain"] == [*(f"version {n}" for n in (12, 11, 10, 9, 8)), OLDER]
    assert colour["scale"]["range"] == [*charts.COLOURS, charts.PLAIN]
    assert list(version_names(["9", "10", "x"])) == ["10", "9", "x"]


def test_a_drift_panel_names_its_bound_and_the_bounded_come_first(make):
    drift = [make.drift(f"f{n}", day(9), 0.1 * n) for n in range(20)]
    drift += [make.drift("temp", day(9), 0.01, 2.5), make.drift("hum", day(9), None, 1.0)]

    chart = drift_chart(make.report(drift=drift))
    panels = [panel["title"]["text"] for pair in chart.wide["vconcat"] for panel in pair["hconcat"]]

    assert panels[:2] == ["temp (psi)", "f19 (psi)"]
    assert len(panels) == PANELS
    assert len(inside(chart.narrow, "line")) == len(inside(chart.wide, "line")) == PANELS
    assert "bound 2.5" in texts(chart.svg("wide"))
    assert chart.says.startswith(
        "temp (psi) over 1 window: 0.01 in the newest, which ends on 2014-03-10; the declared bound is 2.5. f19 (psi)"
    )


def test_delays_are_told_for_each_feed(report):
    landing, publishing = delay_charts(report)

    assert landing.says == "Landed, against the deadline: actuals 5 h (median), 19 h at most."
    assert publishing.says == "From landing to published: actuals 6 min (median), 6 min at most."
    assert {"due", "10 h"} <= set(texts(landing.svg("wide")))


def test_rows_are_drawn_with_the_quarantined_ones_below_only_if_there_are_any(report, make):
    with_bad, life = rows_chart(report.feeds[0]), make.life(FORECAST, day(1), rows=24, quarantined=0)
    without = rows_chart(FeedFacts(feed=FORECAST, lives=(life,)))

    assert {"kept", "quarantined"} <= set(texts(with_bad.svg("wide")))
    assert (
        with_bad.says == "actuals: 720 rows kept and 15 quarantined in 30 partitions, most of them (1) of 2014-03-02."
    )
    assert "quarantined" not in texts(without.svg("wide"))
    assert without.says == "forecast: 24 rows kept and 0 quarantined in 1 partition."


def test_a_chart_that_would_be_empty_is_not_drawn(make):
    report = make.report(errors=(make.error(day(1), None),), drift=(make.drift("temp", day(1), None, 1.0),))

    assert error_chart(report) is None
    assert drift_chart(report) is None
    assert delay_charts(report) == []
    assert rows_chart(report.feeds[0]) is None


@pytest.mark.parametrize("days", [1, 5000])
def test_one_day_and_many_years_are_drawn(make, days):
    start = datetime(2000, 1, 1, tzinfo=UTC)
    errors = [make.error(str(Partition((start + timedelta(days=n)).date())), 50.0 + n % 7) for n in range(days)]

    drawn = error_chart(make.report(errors=errors)).svg("narrow")

    assert not {"NaN", "undefined", "null"} & set(re.findall(r"\w+", drawn))
    assert len(drawn) < 90_000
    assert {"2000", "2010"} & set(texts(drawn)) or "Jan" in " ".join(texts(drawn))


def test_the_accuracy_of_a_stream_is_a_line_for_each_label_with_its_new_versions():
    stream = find_stream("libsvm_stream")
    starts = [MARCH + timedelta(seconds=10 * n) for n in range(6)]
    share = next(iter(stream.window.shares))
    windows = [
        Windows(by={"label": label}, starts=starts, rows=[5] * 6, late=[0] * 6, shares={share: [0.5, None, 1, 1, 1, 1]},
                versions=[["1"]] * 3 + [["2"]] * 3) for label in (0, 1)
    ]  # fmt: skip

    chart = share_chart(stream, share, windows)

    assert legend(chart.wide) == ["label 0", "label 1"]
    assert [row["label"] for row in data(chart.wide, "text")] == ["v2"]
    assert "v2" in texts(chart.svg("wide"))
    altair.Chart.from_dict(chart.wide)


def test_a_line_breaks_where_days_are_missing():
    points = [Point(Partition.parse(day(n)), 1.0) for n in (0, 1, 9, 10)]

    assert [row["value"] for row in rows(points, timedelta(days=3))] == [1.0, 1.0, None, 1.0, 1.0]
    assert None not in [row["value"] for row in rows(points, timedelta(days=30))]


def test_many_points_are_thinned_to_the_largest_of_their_neighbours():
    points = [Point(Partition.parse(day(n)), float(n % 7)) for n in range(900)]

    thin, group = thinned(points)

    assert (len(thin), group) == (300, 3)
    assert max(point.value for point in thin) == 6.0
    assert thinned(points[:MOST]) == (points[:MOST], 1)


@pytest.mark.parametrize("letter", ["\U0001f6b2", "\U0009828f"])
def test_a_name_of_letters_that_javascript_halves_is_drawn(make, letter):
    """Cut between the halves, as Vega does with what is too long, it stopped the whole report."""
    for before in ("", "x"):
        chart = drift_chart(make.report(drift=[make.drift(before + letter * 110, day(9), 0.5)]))

        assert "\ufffd" in chart.svg("wide")
        assert letter in chart.says


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60), st.integers(1, 9))
def test_bars_of_several_partitions_have_all_their_rows(make, values, group):
    lives = [make.life(ACTUALS, day(n)) for n in range(len(values))]

    steps = bars(lives, values, group)
    at = [int(str(step["t"])) for step in steps]

    assert sum(int(str(step["value"])) for step in steps) == sum(values)
    assert at == sorted(set(at))
    assert steps[-1]["value"] == 0
