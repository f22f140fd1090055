"""Writes down what was decided and measured: in the tables of this room, for SQL and reports, and with MLflow's runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite

from psycopg import sql

from landfall.database import Database, explained
from landfall.database.statements import plain
from landfall.freshness.decide import Figures, Reason
from landfall.freshness.verdict import GateVerdict, number
from landfall.models import watching as runs
from landfall.models.own import find_own, note_own
from landfall.models.registry import ModelVersion
from landfall.spec import Drift, Partition, Partitions, Settings
from landfall.spec.training_reports import DriftReport

_DECIDED = sql.SQL("""
INSERT INTO landfall.retraining_decisions (model, run_id, champion, fired, figures)
VALUES (%s, %s, %s, %s::jsonb, %s::jsonb)
ON CONFLICT (model, run_id) DO UPDATE
SET champion = excluded.champion, fired = excluded.fired, figures = excluded.figures, at = clock_timestamp()""")
_DRIFT = sql.SQL("""
INSERT INTO landfall.drift (model, version, window_first, window_last, feature, statistic, value, above, rows)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (model, version, window_last, feature, statistic) DO UPDATE
SET window_first = excluded.window_first, value = excluded.value, above = excluded.above, rows = excluded.rows,
    at = clock_timestamp()""")
_ERRORS = sql.SQL("""
INSERT INTO landfall.partition_errors (model, version, partition, rows, rmse, mae) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (model, version, partition) DO UPDATE
SET rows = excluded.rows, rmse = excluded.rmse, mae = excluded.mae, at = clock_timestamp()""")
GATE, HINDCAST = "landfall.gate", "hindcast"
"""The tag that holds what the gate said about a version, and its value for a version that was trained for days that are over."""


def note_decision(conn: Database, name: str, run_id: str, figures: Figures, fired: Sequence[Reason]) -> None:
    """Writes down a decision with its figures. A run that decides again replaces what it wrote.

    Raises:
        PublishingError: the database refuses.
    """
    reasons, known = [asdict(reason) for reason in fired], plain(figures.as_dict())
    with explained(conn, f"Whether to train `{name}` again could not be written down."):
        conn.cursor().execute(_DECIDED, [name, run_id, figures.champion, json.dumps(reasons), json.dumps(known)])


def note_age(settings: Settings, champion: ModelVersion, figures: Figures, day: Partition) -> None:
    """Logs how much data has come since the champion was trained, as metrics of its run: `new_partitions`, `new_rows`.

    Args:
        settings: Where the registry is.
        champion: The version that serves.
        figures: The figures as they are now.
        day: The day that gives the metrics their step. Another look on the same day adds one more value at that step.

    Raises:
        ModelError: the registry refuses.
    """
    if champion.run_id:
        metrics = {"new_partitions": float(figures.new_partitions), "new_rows": float(figures.new_rows)}
        runs.log_metrics(settings, champion.run_id, metrics, step=day.ordinal)


def note_drift(
    settings: Settings,
    conn: Database,
    champion: ModelVersion,
    window: Partitions,
    report: DriftReport,
    declared: Sequence[Drift] = (),
) -> None:
    """Writes down the drift that `measure_drift` reports, in our table and as metrics of the champion's run.

    A statistic that is not finite is left out. Measuring a window again replaces what was written.

    Args:
        settings: Where the registry is.
        conn: The predictions database.
        champion: The version against which drift was measured.
        window: The partitions over which drift was measured, at least one.
        report: The job's report.
        declared: The declared bounds.

    Raises:
        PublishingError, ModelError: the database or the registry refuses.
    """
    bounds: dict[tuple[str, str], float] = {(bound.feature, bound.statistic): bound.above for bound in declared}
    measured = [
        (feature, statistic, value)
        for feature, values in report.drift.items()
        for statistic, value in values.items()
        if number(value) is not None
    ]
    first, last = window.days[0], window.days[-1]
    lines = [
        (
            champion.name,
            champion.version,
            str(first),
            str(last),
            feature,
            statistic,
            value,
            bounds.get((feature, statistic)),
            report.rows,
        )
        for feature, statistic, value in measured
    ]
    with (
        explained(conn, f"The drift since `{champion.name}` was trained could not be written down."),
        conn.transaction(),
    ):
        conn.cursor().executemany(_DRIFT, lines)
    metrics = {f"drift_{statistic}_{feature}": value for feature, statistic, value in measured}
    if metrics and champion.run_id:
        runs.log_metrics(settings, champion.run_id, metrics, step=last.ordinal)


def note_errors(
    settings: Settings, conn: Database, name: str, day: Partition, errors: Mapping[str, Mapping[str, float]]
) -> None:
    """Writes down the errors of what was published for `day`, in our table and as metrics of the versions' runs.

    Args:
        settings: Where the registry is.
        conn: The predictions database.
        name: The registered model.
        day: The partition.
        errors: Version -> `rows`, `published_rmse` and `published_mae`.

    Raises:
        PublishingError, ModelError: the database or the registry refuses.
    """
    lines = [
        (name, version, str(day), int(figures["rows"]), figures["published_rmse"], figures["published_mae"])
        for version, figures in errors.items()
        if figures["rows"] and isfinite(figures["published_rmse"])
    ]
    with explained(conn, f"The errors of `{name}` {day} could not be written down."), conn.transaction():
        conn.cursor().executemany(_ERRORS, lines)
    metrics = {version: {k: v for k, v in figures.items() if k != "rows"} for version, figures in errors.items()}
    runs.log_published_errors(settings, name, metrics, day.ordinal)


def note_verdict(settings: Settings, challenger: ModelVersion, verdict: GateVerdict) -> None:
    """Stores what the gate saw and said with the challenger: metrics `gate_...`, `gate.json`, `gate.md`, and two tags.

    The tag `landfall.gate` is `passed` or `refused`; the tag `landfall.verdict` says why.

    Raises:
        ModelError: the registry refuses.
    """
    finite = {
        f"gate_{name}": value
        for name, measured in verdict.report.challenger.metrics.items()
        if (value := number(measured)) is not None
    }
    if finite:
        runs.log_metrics(settings, challenger.run_id, finite)
    runs.log_verdict(settings, challenger, verdict.report.as_dict(), verdict.markdown())
    tags = {GATE: "passed" if verdict.passed else "refused", "landfall.verdict": verdict.why}
    runs.annotate(settings, challenger, tags)


def note_refusal(settings: Settings, challenger: ModelVersion, why: str) -> None:
    """Tags a challenger that is not promoted though the gate let it pass, such as one that a person rejected."""
    runs.annotate(settings, challenger, {GATE: "refused", "landfall.verdict": why})


def note_hindcast(settings: Settings, challenger: ModelVersion) -> str:
    """Notes that a version was trained on demand up to an earlier day, and serves no day ahead. Says what it is good for.

    Raises:
        ModelError: the registry or the predictions database refuses.
    """
    until = challenger.learnt_until
    why = f"it has learnt up to {until} only, and is kept for later days that every other version has learnt from"
    if made := find_own(settings, challenger):
        note_own(
            settings,
            challenger,
            how="for hindcasts",
            by_run=challenger.run_id,
            sha256=made.sha256,
            judged_sha256=made.judged_sha256,
        )
    runs.annotate(settings, challenger, {GATE: HINDCAST, "landfall.verdict": why})
    return why
