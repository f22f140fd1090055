"""A model through its life, on real servers: trained for the declared reasons and no others, judged, promoted, rolled back.

The steps of `bike_training` run as a worker runs them, on a pipeline of the test's own: hours of the sample land day by
day, and after a while somebody upstream changes the unit of the temperatures.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from landfall import pipelines
from landfall.alerts.stored import alerts
from landfall.database import connect as connect_database
from landfall.freshness import champion
from landfall.freshness.history import served_at
from landfall.freshness.rollback import roll_back_model
from landfall.ledger.current import current_in
from landfall.ledger.gather import gather
from landfall.ledger.landed import list_feed
from landfall.ledger.standing import Standing, judged
from landfall.models.registry import champion_version, registry, version
from landfall.objects.client import connect
from landfall.orchestration import collect_features, decide, judge, promote, train
from landfall.partitions import Bulk, Trip
from landfall.pipelines.bike_demand import ACTUALS, BIKE_DEMAND, ERRORS, FORECAST, PREDICTIONS, TRAINING
from landfall.samples.bike_demand import actual_hours, forecast_hours
from landfall.spec import (
    Drift,
    ErrorBound,
    Estimator,
    Feed,
    Freshness,
    Gate,
    Partition,
    Partitions,
    Pipeline,
    PredictionTable,
    Retraining,
)

FIRST = date(2013, 1, 7)
LEARNT = 35
"""Days that the first version learns from."""
WEAK = Estimator(kind="decision_tree", task="regression", parameters={"maxDepth": 3})
STRONG = Estimator(kind="random_forest", task="regression", parameters={"numTrees": 10, "maxDepth": 10, "maxBins": 64})
WORST = Estimator(kind="decision_tree", task="regression", parameters={"maxDepth": 1})
Json = dict[str, Any]


def day(number: int) -> Partition:
    """The day `number` days after the first."""
    return Partition(FIRST + timedelta(days=number))


def own(name: str) -> Pipeline:
    """Bike demand once more, with landings, tables and a model of its own."""

    def feed(one: Feed, kind: str, table: str, against: PredictionTable | None = None) -> Feed:
        prefix = f"{name}_landed/{kind}"
        return replace(
            one,
            pipeline=name,
            dag_id=f"{name}_{kind}",
            landing=replace(one.landing, prefix=prefix),
            features_table=f"{name}.{kind}",
            quarantine_table=f"{name}.q_{kind}",
            table=replace(one.table, name=f"{name}.{table}"),
            held_against=against,
            model=name if one.model else "",
        )

    predictions = replace(PREDICTIONS, name=f"{name}.predictions")
    actuals = feed(ACTUALS, "actuals", "errors", predictions)
    forecast = feed(FORECAST, "forecast", "predictions")
    assert ERRORS.name.endswith("_errors")
    training = replace(
        TRAINING,
        dag_id=f"{name}_training",
        model=name,
        feed=actuals,
        learner=replace(TRAINING.learner, estimator=WEAK, holdout=7),
        freshness=Freshness(
            retraining=Retraining(
                schedule="@weekly",
                new_partitions=10,
                drift=(Drift(feature="temp", above=4.0), Drift(feature="hr", above=0.5, statistic="ks")),
                error=ErrorBound(above=1.3, partitions=3),
                window=3,
            ),
            gate=Gate(metric="rmse", slices=("workingday",), worst_slice=1.5, lowest=0, highest=3000),
        ),
    )
    return replace(BIKE_DEMAND, name=name, feeds=(actuals, forecast), training=training, table=predictions)


@dataclass
class Life:
    """The pipeline's servers and its days."""

    stack: Any
    pipeline: Pipeline
    store: Any = field(init=False)

    def __post_init__(self) -> None:
        self.store = connect(self.stack.settings.s3)

    @property
    def name(self) -> str:
        return self.pipeline.name

    def land(self, kind: str, days: range, *, celsius: bool = False, more: int = 0) -> None:
        """Land some days of one feed; in another unit, temperatures are a fifth of what they were; with `more` riders an hour."""
        feed = self.pipeline.feed(kind)
        hours = actual_hours if kind == "actuals" else forecast_hours
        at = [feed.contract.names.index(column) for column in ("temp", "atemp")]
        for number in days:
            rows = [list(row) for row in hours(day(number).day)]
            for row in rows if celsius else ():
                for column in at:
                    row[column] = f"{float(row[column]) / 5:.4f}"
            for row in rows if more else ():
                row[feed.contract.names.index("cnt")] = str(int(row[feed.contract.names.index("cnt")]) + more)
            body = "\n".join([",".join(feed.contract.names), *(",".join(row) for row in rows)]) + "\n"
            key = f"{feed.landing.folder(day(number))}hours.csv"
            self.store.put_object(Bucket=self.stack.settings.s3.bucket, Key=key, Body=body.encode())

    def run(self, kind: str, days: range) -> dict[str, tuple[str, str]]:
        """Run some days of one feed in one go; what became of each."""
        run_id = f"test_{uuid.uuid4().hex[:8]}"
        bulk = Bulk(Trip(self.stack.settings, self.pipeline, self.pipeline.feed(kind), run_id), tell=lambda _: None)
        done = bulk.run(Partitions.of(day(number) for number in days))
        return {str(each.partition): (each.state, each.why) for each in done}

    def live(self, days: range, *, celsius: bool = False) -> None:
        """Forecasts land and are published, then the days happen and are measured."""
        for kind in ("forecast", "actuals"):
            self.land(kind, days, celsius=celsius)
            assert {state for state, _ in self.run(kind, days).values()} == {"published"}

    def training(
        self, run_type: str = "asset_triggered", estimator: Estimator | None = None, **params: Any
    ) -> "Training":
        """A run of the training DAG, not begun."""
        declared = self.pipeline.trained
        if estimator:
            declared = replace(declared, learner=replace(declared.learner, estimator=estimator))
        return Training(declared, run_type, params)

    def rows(self, number: int) -> list[tuple[Any, ...]]:
        """What readers see of one day."""
        with psycopg.connect(self.stack.settings.database_url) as conn:
            query = f"SELECT * FROM {self.pipeline.table.name} WHERE partition = %s ORDER BY time"
            return conn.execute(query, [day(number).day]).fetchall()

    def one(self, query: str, *parameters: Any) -> Any:
        with psycopg.connect(self.stack.settings.database_url) as conn:
            return conn.execute(query, parameters).fetchone()


class Training(dict[str, Any]):
    """A run of the training DAG: the part of Airflow's context that its steps read, and what they have reported."""

    def __init__(self, declared: Any, run_type: str, params: Json) -> None:
        self.declared, self.reports = declared, dict[str, Any]()
        super().__init__(
            params={"until": None, "approval": False, **params},
            run_id=f"test_{uuid.uuid4().hex[:8]}",
            dag_run=SimpleNamespace(run_type=run_type, logical_date=None),
            ti=SimpleNamespace(xcom_pull=lambda task_ids: self.reports.get(task_ids)),
            outlet_events=_Events(),
        )

    def step(self, verb: Any) -> Any:
        """Run one step as a worker does: templates first."""
        made = verb(self.declared)
        made.render_template_fields(self)
        self.reports[made.task_id] = made.execute(self)
        return self.reports[made.task_id]

    def all(self) -> Json:
        """Every step up to the promotion; the report of the decision."""
        decided: Json = self.step(decide)
        for verb in (collect_features, train, judge, promote):
            self.step(verb)
        return decided


class _Events(dict[Any, Any]):
    def __missing__(self, asset: Any) -> Any:
        self[asset] = SimpleNamespace(extra={})
        return self[asset]


@pytest.fixture(scope="module")
def life(stack: Any) -> Iterator[Life]:
    """The pipeline with its first version, which learnt from 35 days."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.env.items():
            if name.startswith(("AWS_", "MLFLOW_", "LANDFALL_")):
                patch.setenv(name, value)
        one = Life(stack, own(f"life_{uuid.uuid4().hex[:6]}"))
        patch.setitem(pipelines.PIPELINES.named, one.name, one.pipeline)
        one.land("actuals", range(LEARNT))
        one.training("manual").all()
        yield one
        with registry(stack.settings) as client:
            client.delete_registered_model(one.name)


@pytest.fixture(scope="module")
def lived(life: Life) -> Life:
    """Three ordinary days after that."""
    life.live(range(LEARNT, LEARNT + 3))
    return life


@pytest.fixture(scope="module")
def better(lived: Life) -> Life:
    """A better learner, promoted on newer days; what the first version had published is scored again by it."""
    lived.training("manual", STRONG).all()
    return lived


def test_the_first_version_serves_and_says_what_it_learnt_from(life: Life) -> None:
    with connect_database(life.stack.settings) as conn:
        first = champion(life.stack.settings, conn, life.name)
    assert first is not None
    assert first.snapshot is not None
    assert (first.version, str(first.snapshot.partitions)) == ("1", f"{day(0)}..{day(LEARNT - 1)}")
    assert str(first.snapshot.judged_until) == str(day(LEARNT - 8))
    assert first.tags["landfall.reason"] == "somebody asked for it; no version serves yet"
    assert set(first.metrics) >= {"holdout_rmse", "gate_rmse", "rows"}


def test_ordinary_days_are_no_reason_to_train(lived: Life) -> None:
    with pytest.raises(AirflowSkipException) as skipped:
        lived.training().step(decide)
    assert str(skipped.value).startswith("No reason to train: ")
    query = "SELECT fired, figures FROM landfall.retraining_decisions WHERE model = %s ORDER BY id DESC LIMIT 1"
    fired, figures = lived.one(query, lived.name)
    assert fired == []
    assert (figures["new_partitions"], figures["new_rows"] >= 66, figures["error_partitions"]) == (3, True, 3)
    assert set(figures["drift"]["temp"]) == {"psi", "ks"}


def test_the_schedule_is_a_reason(lived: Life) -> None:
    decided = lived.training("scheduled").step(decide)
    assert (decided["reasons"], decided["reason"]) == (["schedule"], "the schedule @weekly is due")


def test_a_deliberately_worse_challenger_is_refused_and_says_why(lived: Life) -> None:
    before = champion_version(lived.stack.settings, lived.name)
    run = lived.training("manual", WORST)
    for verb in (decide, collect_features, train):
        run.step(verb)
    with pytest.raises(AirflowSkipException) as skipped:
        run.step(judge)
    number = run.reports["train"]["version"]
    assert str(skipped.value).startswith(f"Version {number} is refused, the champion stays: rmse ")
    refused = version(lived.stack.settings, lived.name, number)
    assert refused.tags["landfall.gate"] == "refused"
    with connect_database(lived.stack.settings) as conn:
        told = [(each.source, each.subject) for each in alerts(conn, 500) if each.kind == "refused model"]
    assert (lived.name, f"version {number}") in told
    assert refused.tags["landfall.verdict"] in str(skipped.value)
    assert champion_version(lived.stack.settings, lived.name) == before


def test_a_better_challenger_is_promoted_and_the_history_says_why(better: Life) -> None:
    settings = better.stack.settings
    with connect_database(settings) as conn:
        now = champion(settings, conn, better.name)
    assert now is not None
    with connect_database(settings) as conn:
        (present,) = conn.execute("SELECT now()").fetchone() or (None,)
        told = served_at(conn, better.name, present)  # type: ignore[arg-type]
    assert told is not None
    assert (told.version, told.replaced, told.kind) == (now.version, "1", "promoted")
    assert told.reason.startswith("somebody asked for it; rmse ")
    assert told.report is not None


def test_no_day_is_predicted_by_a_version_that_has_learnt_from_it(better: Life) -> None:
    """Tried twice: for a day that the newest version alone has learnt from, and for one that both have."""
    newer, older = range(LEARNT + 1, LEARNT + 2), range(5, 6)
    assert better.run("forecast", newer) == {str(day(LEARNT + 1)): ("published", "")}
    assert {row[4] for row in better.rows(LEARNT + 1)} == {"1"}
    better.land("forecast", older)
    why = (
        f"Every version of `{better.name}` that serves or served has learnt from {day(5)} or a later day: "
        "its prediction would be a memory."
    )
    assert better.run("forecast", older) == {str(day(5)): ("skipped", why)}
    query = "SELECT said FROM landfall.readings WHERE feed = %s AND partition = %s ORDER BY id DESC LIMIT 1"
    assert better.one(query, f"{better.pipeline.name}/forecast", str(day(5))) == (why,)


def test_a_version_trained_until_an_earlier_day_predicts_what_the_others_have_learnt_from(better: Life) -> None:
    """`landfall train --until`: it is no challenger, its run is no failure, and it makes hindcasts possible."""
    run = better.training("manual", STRONG, until=str(day(20)))
    for verb in (decide, collect_features, train):
        run.step(verb)
    assert run.reports["train"]["snapshot"]["last"] == str(day(20))
    number = run.reports["train"]["version"]
    with pytest.raises(AirflowSkipException) as skipped:
        run.step(judge)
    why = f"it has learnt up to {day(20)} only, and is kept for later days that every other version has learnt from"
    assert str(skipped.value) == f"Version {number} is not judged, the champion stays: {why}"
    before = champion_version(better.stack.settings, better.name)
    days = range(21, 23)
    better.land("forecast", days)
    assert better.run("forecast", days) == {str(day(each)): ("published", "") for each in days}
    assert {row[4] for each in days for row in better.rows(each)} == {number}
    assert champion_version(better.stack.settings, better.name) == before != number


def test_a_change_of_units_is_a_reason_by_drift_and_by_error(better: Life) -> None:
    better.live(range(LEARNT + 3, LEARNT + 6), celsius=True)
    decided = better.training().step(decide)
    assert decided["reasons"] == ["drift", "error"], decided
    assert "`temp` has drifted: PSI" in decided["reason"]
    with pytest.raises(
        AirflowSkipException, match="No reason to train"
    ):  # not again while its challenger may be refused
        better.training().step(decide)
    measured = better.one("SELECT count(*) FROM landfall.drift WHERE model = %s AND feature = 'temp'", better.name)
    assert measured[0] >= 2


def test_a_rollback_brings_the_model_and_the_exact_rows_back(better: Life) -> None:
    settings, ahead = better.stack.settings, LEARNT + 6
    before = champion_version(settings, better.name)
    with connect_database(settings) as conn:
        roll_back_model(settings, conn, better.pipeline)
        assert champion_version(settings, better.name) == "1"
        better.land("forecast", range(ahead, ahead + 1))
        better.run("forecast", range(ahead, ahead + 1))
        rows = better.rows(ahead)
        better.training("manual", STRONG).all()
        better.run("forecast", range(ahead, ahead + 1))
        assert better.rows(ahead) != rows
        done = roll_back_model(settings, conn, better.pipeline)
    assert better.rows(ahead) == rows
    assert (done.version, [str(each.partition) for each in done.restored]) == ("1", [str(day(ahead))])
    assert before not in (None, "1")


@dataclass(frozen=True)
class Measured:
    """What was measured of one day: the number of publications of its errors, and the newest RMSE, MAE and rows."""

    publications: int
    rmse: float
    mae: float
    rows: int


def measured(life: Life, number: int) -> Measured | None:
    """What the database has of the errors of a day; None if nothing was measured."""
    publications = life.one(
        "SELECT count(*) FROM landfall.publications WHERE table_name = %s AND partition = %s AND published_at IS NOT NULL",
        life.pipeline.feed("actuals").table.name, str(day(number)),
    )[0]  # fmt: skip
    query = "SELECT rmse, mae, rows FROM landfall.partition_errors WHERE model = %s AND partition = %s"
    row = life.one(query, life.name, str(day(number)))
    return None if row is None else Measured(publications, *row)


def stands(life: Life, kind: str, number: int) -> Standing:
    """Where a day of a feed stands, as `landfall status` says it without Airflow."""
    feed, settings = life.pipeline.feed(kind), life.stack.settings
    with connect_database(settings) as conn:
        landed = list_feed(conn, life.store, settings.s3.bucket, feed, only=day(number))
        current = current_in(conn, life.pipeline, feed, datetime.now(UTC))
        [facts] = gather(conn, feed, landed, lambda _: {}, only=day(number))
        return judged(facts, current)


def test_actuals_that_come_weeks_later_and_corrected_ones_are_measured_when_they_come(life: Life) -> None:
    early, other, later = (range(LEARNT + number, LEARNT + number + 1) for number in (40, 41, 60))
    for days in (early, other):
        life.land("forecast", days)
        assert set(life.run("forecast", days).values()) == {("published", "")}
    predicted = life.rows(early[0])

    # Without actuals the predictions stand, nothing is measured, and no run is due.
    [(state, why)] = life.run("actuals", early).values()
    assert (state, why) == ("failed", f"Nothing has landed for `{life.name}/actuals` on {day(early[0])}.")
    assert measured(life, early[0]) is None
    assert stands(life, "actuals", early[0]).state in ("waiting", "late")
    assert stands(life, "forecast", early[0]).state == "published"

    # Weeks later: newer days were predicted and measured before.
    life.live(later)
    assert measured(life, later[0]) is not None
    life.land("actuals", early)
    assert set(life.run("actuals", early).values()) == {("published", "")}
    first = measured(life, early[0])
    assert first is not None
    assert (first.publications, first.rows) == (1, 24)
    assert life.rows(early[0]) == predicted
    assert stands(life, "actuals", early[0]).state == "published"

    # A correction: every hour had ten riders more.
    life.land("actuals", early, more=10)
    stood = stands(life, "actuals", early[0])
    assert (stood.state, stood.reason, stood.automatic) == ("stale", "input changed", True)
    assert set(life.run("actuals", early).values()) == {("published", "")}
    second = measured(life, early[0])
    assert second is not None
    assert (second.publications, second.rows) == (2, 24)
    errors = life.pipeline.feed("actuals").table.name
    mean = f"SELECT avg(error), sqrt(avg(error * error)), avg(abs(error)) FROM {errors} WHERE partition = %s"
    assert second.rmse != first.rmse
    assert life.one(mean, day(early[0]).day)[1:] == pytest.approx((second.rmse, second.mae))
    assert life.rows(early[0]) == predicted

    # A day whose actuals never come stays as it is.
    assert measured(life, other[0]) is None
    assert stands(life, "forecast", other[0]).state == "published"
