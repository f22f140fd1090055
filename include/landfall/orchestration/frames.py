"""The frames of DAGs: one run per partition, a training, an audit, a run on demand."""

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable, Param
from airflow.utils.types import DagRunType

from landfall.orchestration.assets import features_asset, landing_asset, table_asset
from landfall.orchestration.timetable import PartitionTimetable
from landfall.pipelines import PIPELINES, TABLE_MODELS, find_table_model
from landfall.spec import Calendar, Feed, Training
from landfall.spec.partition import FIRST_DAY
from landfall.spec.run_form import DAY
from landfall.spec.settings import RETRY_SECONDS, seconds

OWNER = "landfall"
OLDEST = pendulum.datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tz="UTC")
"""A run before the start date ends without running a task, so this is before every partition (and catchup is off)."""
PARTITION_FIELD = (
    "The partition to run. Empty: the {grain} of the logical date. A backfill ignores this and makes the {grain}s of its "
    "range."
)
ACTIVE_RUNS = {"day": 64, "hour": 256}
"""How many runs go on at once, waiting ones among them. More than wait at a time if nothing lands for seven days: then a wait
ends, and until then the data that lands next must not queue behind it."""
PAUSE = timedelta(seconds=seconds(os.environ, RETRY_SECONDS, 10))
RETRY = {
    "owner": OWNER,
    "retries": 4,
    "retry_delay": PAUSE,
    "retry_exponential_backoff": True,
    "max_retry_delay": 12 * PAUSE,
}
"""Two and a half minutes in all: by then a crashed server is back. After longer outages the audit starts runs again."""


def partitioned_dag(feed: Feed, *, doc_md: str) -> DAG:
    """A DAG with one run per partition of `feed`; the form of a run that is started by hand has a field for the partition."""
    return DAG(
        feed.dag_id,
        schedule=PartitionTimetable(feed.ahead, feed.landing.calendar.grain, feed.landing.timezone),
        start_date=OLDEST,
        catchup=False,
        max_active_runs=ACTIVE_RUNS[feed.landing.calendar.grain],
        dagrun_timeout=timedelta(days=14),
        # If there are few workers, tomorrow's data goes before yesterday's.
        default_args={**RETRY, "priority_weight": 10 if feed.ahead > 0 else 1, "weight_rule": "absolute"},
        params={DAY: _partition(feed.landing.calendar)},
        tags=["landfall", feed.landing.prefix.partition("/")[0], feed.name],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def training_dag(training: Training, *, doc_md: str) -> DAG:
    """A DAG that trains one model: on demand, on its schedule, and when its data has changed, if there is a reason to.

    It has no start date: with one, Airflow would train as soon as it first sees the DAG, for the week that has passed.
    """
    changed, schedule = AssetAny(features_asset(training.feed), table_asset(training.feed.table)), _timetable(training)
    return DAG(
        training.dag_id,
        schedule=AssetOrTimeSchedule(timetable=schedule, assets=changed) if schedule else changed,
        start_date=None,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(days=14) if training.freshness.promotion.approval else timedelta(hours=6),
        default_args=RETRY,
        params={
            "until": _until(training.feed.landing.calendar),
            "approval": Param(
                training.freshness.promotion.approval,
                type="boolean",
                title="Ask a person",
                description="Wait for an approval in the UI before the new version serves.",
            ),
        },
        tags=["landfall", training.model, "training"],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def on_demand_dag(
    dag_id: str,
    *,
    params: Mapping[str, Param],
    tags: Sequence[str],
    doc_md: str,
    macros: Mapping[str, Any] | None = None,
) -> DAG:
    """A DAG that only a person starts, by its form."""
    return DAG(
        dag_id,
        schedule=None,
        start_date=None,
        catchup=False,
        max_active_runs=4,
        dagrun_timeout=timedelta(hours=12),
        default_args=RETRY,
        params=dict(params),
        user_defined_macros=dict(macros or {}),
        tags=["landfall", *tags],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def table_model_dag(dag_id: str, *, doc_md: str) -> DAG:
    """A DAG that trains one of the table models on demand; the form of a run says which."""
    form = {"model": Param(type="string", enum=list(TABLE_MODELS), title="Model", description="What is trained.")}
    return on_demand_dag(
        dag_id,
        params=form,
        tags=["table models", "training"],
        doc_md=doc_md,
        macros={"table_model": find_table_model},
    )


def _timetable(training: Training) -> CronTriggerTimetable | None:
    schedule = training.freshness.retraining.schedule
    return CronTriggerTimetable(schedule, timezone="UTC") if schedule else None


def audit_dag(dag_id: str, *, doc_md: str) -> DAG:
    """A DAG that audits every feed: on demand, when something lands that no run waits for, and every quarter of an hour.

    It also runs when a table is published that a feed joins. An audit that knows of something to do before then requests the
    next audit itself.
    """
    feeds = [feed for pipeline in PIPELINES.values() for feed in pipeline.feeds]
    landings = [landing_asset(feed) for feed in feeds]
    joined = [table_asset(joined.table) for feed in feeds for joined in feed.joined.values()]
    return DAG(
        dag_id,
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=AssetAny(*landings, *joined)
        ),
        allowed_run_types=[
            run_type for run_type in DagRunType if run_type is not DagRunType.BACKFILL_JOB
        ],  # an audit has no past
        start_date=None,
        catchup=False,
        # Requested audits that are still to come count too: they must not keep an audit from starting when something lands.
        max_active_runs=8,
        dagrun_timeout=timedelta(minutes=40),
        default_args={**RETRY, "retry_delay": PAUSE / 2},
        tags=["landfall", "audit"],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def title_of(doc_md: str) -> str:
    """The heading of a DAG's page, which the list of DAGs shows beside its name."""
    return doc_md.strip().partition("\n")[0].lstrip("# ")


def _partition(calendar: Calendar) -> Param:
    """The partition in the form of a run that is started by hand; it may be left empty."""
    description = PARTITION_FIELD.format(grain=calendar.grain)
    if not calendar.hourly:
        return _day("Day", description)
    hour = r"^\d{4}-\d{2}-\d{2}T\d{2}$"
    return Param(
        None,
        type=["null", "string"],
        pattern=hour,
        title="Hour",
        description=f"{description} Such as {calendar.example}.",
    )


def _until(calendar: Calendar) -> Param:
    """The last partition to learn from, in the form of a training."""
    description = f"The last {calendar.grain} to learn from. Empty: every {calendar.grain} that has landed."
    if not calendar.hourly:
        return _day("Until", description)
    written = r"^\d{4}-\d{2}-\d{2}(T\d{2})?$"
    return Param(None, type=["null", "string"], pattern=written, title="Until", description=description)


def _day(title: str, description: str) -> Param:
    """A day in the form of a run that is started by hand; it may be left empty."""
    return Param(None, type=["null", "string"], format="date", title=title, description=description)
