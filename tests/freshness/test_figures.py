"""The figures of the decision, from real tables; and that they and the decisions are written down."""

import math
from dataclasses import replace

import pytest

from landfall.freshness import (
    Figures,
    Reason,
    collect,
    judge,
    measured_drift,
    newest_window,
    note_age,
    note_decision,
    note_drift,
    note_errors,
    note_refusal,
    note_verdict,
)
from landfall.ledger import judge_reading, open_reading
from landfall.ledger.lives import rows_read
from landfall.models.registry import registry, version
from landfall.spec import Drift, ErrorBound, Gate, Partition, Partitions, Retraining
from landfall.spec.training_reports import DriftReport, JudgedReport

pytestmark = pytest.mark.stack


@pytest.fixture
def read(conn):
    """Notes that a run read a day and kept so many rows."""

    def note(pipeline, day, rows):
        feed = f"{pipeline.name}/{pipeline.training.feed.name}"
        number = open_reading(conn, feed, Partition.parse(day), "run")
        if rows is not None:
            judge_reading(conn, number, rows=rows, quarantined=0)

    return note


def bounded(pipeline, partitions=3, metric="rmse"):
    """The pipeline with a bound on its error."""
    fresh = pipeline.training.freshness
    retraining = Retraining(error=ErrorBound(above=2.0, partitions=partitions))
    fresh = replace(fresh, retraining=retraining, gate=Gate(metric=metric))
    return replace(pipeline, training=replace(pipeline.training, freshness=fresh))


def test_new_is_what_the_newest_readings_have_and_the_snapshot_has_not(settings, conn, models, hours, read):
    name = models.new("2012-01-31")
    pipeline = hours(name).pipeline
    for day, rows in (
        ("2012-01-31", 24),
        ("2012-02-01", 10),
        ("2012-02-02", 24),
        ("2012-02-03", 0),
        ("2012-02-04", None),
    ):
        read(pipeline, day, rows)
    read(pipeline, "2012-02-01", 20)
    figures = collect(conn, pipeline, version(settings, name, "1"), rows_read(conn, pipeline.training.feed.full_name))
    assert (figures.champion, figures.until) == ("1", "2012-01-31")
    assert (figures.new_partitions, figures.new_rows) == (2, 44)


def test_a_day_within_the_snapshot_that_was_not_learnt_from_is_new(settings, conn, models, hours, read, new_snapshot):
    name = models.new("2012-01-31")
    pipeline = hours(name).pipeline
    champion = version(settings, name, "1")
    assert champion.snapshot
    gap = Partitions.of(day for day in champion.snapshot.partitions if str(day) != "2012-01-10")
    read(pipeline, "2012-01-10", 24)
    read(pipeline, "2012-01-11", 24)
    champion = replace(champion, snapshot=replace(champion.snapshot, partitions=gap))
    assert collect(conn, pipeline, champion, rows_read(conn, pipeline.training.feed.full_name)).new_partitions == 1


def test_without_a_champion_everything_is_new(conn, hours, read):
    pipeline = hours("nobody").pipeline
    read(pipeline, "2012-01-10", 24)
    read_rows = rows_read(conn, pipeline.training.feed.full_name)
    told = collect(conn, pipeline, None, read_rows, drift={"temp": {"psi": 0.5}}, scheduled=True, by_hand=True)
    assert told == Figures(
        champion=None,
        new_rows=24,
        new_partitions=1,
        drift={("temp", "psi"): 0.5},
        scheduled=True,
        by_hand=True,
    )


def test_the_error_is_over_the_rows_of_the_newest_partitions_of_the_champion(settings, conn, models, hours):
    name = models.new("2012-01-31", metrics={"holdout_rmse": 30.0, "gate_rmse": 40.0, "holdout_mae": 20.0})
    models.add(name, "2012-02-29")
    pipeline = bounded(hours(name).pipeline, partitions=2)
    for day, errors in (
        ("2012-02-01", {"1": {"rows": 24, "published_rmse": 999.0, "published_mae": 999.0}}),
        ("2012-02-02", {"1": {"rows": 10, "published_rmse": 50.0, "published_mae": 40.0}}),
        (
            "2012-02-03",
            {
                "1": {"rows": 30, "published_rmse": 90.0, "published_mae": 80.0},
                "2": {"rows": 24, "published_rmse": 7.0, "published_mae": 7.0},
            },
        ),
    ):
        note_errors(settings, conn, name, Partition.parse(day), errors)
    champion = version(settings, name, "1")
    figures = collect(conn, pipeline, champion, {})
    assert figures.error_partitions == 2
    assert figures.published_error == pytest.approx(math.sqrt((10 * 50**2 + 30 * 90**2) / 40))
    assert figures.gate_error == 40.0
    figures = collect(conn, bounded(pipeline, 2, "mae"), champion, {})
    assert figures.published_error == pytest.approx((10 * 40 + 30 * 80) / 40)
    assert figures.gate_error == 20.0
    assert collect(conn, bounded(pipeline, 2, "r2"), champion, {}).gate_error == 40.0


def test_nothing_published_is_no_error(settings, conn, models, hours):
    name = models.new("2012-01-31")
    figures = collect(conn, bounded(hours(name).pipeline), version(settings, name, "1"), {})
    assert (figures.published_error, figures.gate_error, figures.error_partitions) == (None, None, 0)


def test_errors_of_a_rerun_replace_those_before_and_are_metrics_of_the_run(settings, conn, models):
    name = models.new("2012-01-31")
    day = Partition.parse("2012-02-01")
    for rmse in (50.0, 60.0):
        errors = {
            "1": {"rows": 24, "published_rmse": rmse, "published_mae": 40.0},
            "99": {"rows": 0, "published_rmse": 0, "published_mae": 0.0},
        }
        note_errors(settings, conn, name, day, errors)
    query = "SELECT version, partition::text, rows, rmse, mae FROM landfall.partition_errors WHERE model = %s"
    assert conn.execute(query, [name]).fetchall() == [("1", "2012-02-01", 24, 60.0, 40.0)]
    with registry(settings) as client:
        run_id = version(settings, name, "1").run_id
        told = client.get_metric_history(run_id, "published_rmse")
        assert {(each.value, each.step) for each in told} == {(50.0, 15371), (60.0, 15371)}
        assert "rows" not in client.get_run(run_id).data.metrics


def test_drift_is_written_down_with_its_bounds(settings, conn, models):
    name = models.new("2012-01-31")
    champion = version(settings, name, "1")
    window = Partitions.parse("2012-02-01..2012-02-14")
    drift = {"temp": {"psi": 0.4, "ks": 0.2}, "hum": {"psi": float("nan")}}
    report = DriftReport(rows=336, drift=drift, missing=[])
    for _ in range(2):
        note_drift(settings, conn, champion, window, report, (Drift(feature="temp", above=0.25),))
    query = (
        "SELECT version, window_first::text, window_last::text, feature, statistic, value, above, rows"
        " FROM landfall.drift WHERE model = %s ORDER BY statistic DESC"
    )
    assert conn.execute(query, [name]).fetchall() == [
        ("1", "2012-02-01", "2012-02-14", "temp", "psi", 0.4, 0.25, 336),
        ("1", "2012-02-01", "2012-02-14", "temp", "ks", 0.2, None, 336),
    ]
    with registry(settings) as client:
        metrics = client.get_run(champion.run_id).data.metrics
    assert metrics == {"drift_psi_temp": 0.4, "drift_ks_temp": 0.2}


def test_what_was_measured_before_is_read_back(settings, conn, models):
    champion = version(settings, models.new("2012-01-31"), "1")
    window, later = Partitions.parse("2012-02-01..2012-02-14"), Partitions.parse("2012-02-02..2012-02-15")
    report = DriftReport(rows=1, drift={"temp": {"psi": 0.4, "ks": 0.2}}, missing=[])
    note_drift(settings, conn, champion, window, report)
    assert measured_drift(conn, champion, window) == {"temp": {"psi": 0.4, "ks": 0.2}}
    assert measured_drift(conn, champion, later) == {}


def test_drift_is_measured_over_the_newest_partitions_once_there_are_new_ones(settings, conn, models, hours, read):
    name = models.new("2012-01-31")
    pipeline, champion = hours(name).pipeline, version(settings, name, "1")
    read(pipeline, "2012-01-31", 24)
    assert len(newest_window(pipeline.training, champion, rows_read(conn, pipeline.training.feed.full_name))) == 0
    read(pipeline, "2012-02-02", 24)
    read(pipeline, "2012-02-03", 0)
    window = newest_window(pipeline.training, champion, rows_read(conn, pipeline.training.feed.full_name))
    assert str(window) == "2012-01-19..2012-01-31,2012-02-02"
    assert len(window) == pipeline.training.freshness.retraining.window


def test_what_the_gate_saw_and_said_is_kept_with_the_challenger(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    side = {
        "metrics": {"rmse": 30.0, "mae": float("nan")},
        "slices": {},
        "lowest": 0.0,
        "highest": 9.0,
        "milliseconds": 1.0,
    }
    report = {"days": "2012-02-01", "rows": 24, "challenger": side, "champion": {**side, "metrics": {"rmse": 20.0}}}
    challenger = version(settings, name, "2")
    note_verdict(settings, challenger, judge(Gate(), JudgedReport.of(report)))
    told = version(settings, name, "2")
    assert (told.tags["landfall.gate"], told.metrics) == ("refused", {"gate_rmse": 30.0})
    assert told.tags["landfall.verdict"] == "rmse 30, the champion's 20 (declared: less than 20)"
    with registry(settings) as client:
        assert {each.path for each in client.list_artifacts(told.run_id)} == {"gate.json", "gate.md"}
    note_verdict(settings, challenger, judge(Gate(), JudgedReport.of({**report, "champion": None})))
    assert version(settings, name, "2").tags["landfall.gate"] == "passed"
    note_refusal(settings, challenger, "rejected by ann")
    told = version(settings, name, "2")
    assert (told.tags["landfall.gate"], told.tags["landfall.verdict"]) == ("refused", "rejected by ann")


def test_how_far_the_data_has_gone_on_is_a_metric_of_the_champion(settings, models):
    name = models.new("2012-01-31")
    champion = version(settings, name, "1")
    for rows in (24, 48):
        note_age(
            settings,
            champion,
            Figures(champion="1", new_rows=rows, new_partitions=rows // 24),
            Partition.parse("1970-01-11"),
        )
    assert version(settings, name, "1").metrics == {"new_partitions": 2.0, "new_rows": 48.0}
    with registry(settings) as client:
        assert [each.step for each in client.get_metric_history(champion.run_id, "new_rows")] == [10, 10]


def test_a_decision_is_written_down_once_a_run_with_its_figures(conn, models):
    name = models.new("2012-01-31")
    figures = Figures(champion="1", new_rows=7, drift={("temp", "psi"): math.inf}, published_error=math.nan)
    note_decision(conn, name, "run 7", figures, [Reason(kind="rows", text="7 new rows")])
    note_decision(conn, name, "run 7", figures, [])
    note_decision(conn, name, "run 8", figures, [Reason(kind="rows", text="7 new rows")])
    query = "SELECT run_id, champion, fired, figures FROM landfall.retraining_decisions WHERE model = %s ORDER BY id"
    first, second = conn.execute(query, [name]).fetchall()
    assert first[:3] == ("run 7", "1", [])
    assert second[:3] == ("run 8", "1", [{"kind": "rows", "text": "7 new rows"}])
    assert (second[3]["new_rows"], second[3]["drift"], second[3]["published_error"]) == (
        7,
        {"temp": {"psi": "inf"}},
        "nan",
    )
