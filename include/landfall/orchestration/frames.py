"""The frames of DAGs: one run a partition, a training, an audit."""

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
from landfall.spec import Feed, Training
from landfall.spec.partition import FIRST_DAY
from landfall.spec.run_form import DAY
from landfall.spec.settings import RETRY_SECONDS, seconds

OWNER = "landfall"
OLDEST = pendulum.datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tz="UTC")
"""Runs before the start date end without a task, so it reaches back past every partition (with catchup off)."""
ASKED = (
    "The partition to run. Empty: the day of the logical date. A backfill makes the days of its range whatever is here."
)
PAUSE = timedelta(seconds=seconds(os.environ, RETRY_SECONDS, 10))
RETRY = {
    "owner": OWNER,
    "retries": 4,
    "retry_delay": PAUSE,
    "retry_exponential_backoff": True,
    "max_retry_delay": 12 * PAUSE,
}
"""Two and a half minutes in all: a server that crashed is back by then. After longer outages the audit starts runs again."""


def partitioned_dag(feed: Feed, *, doc_md: str) -> DAG:
    """A DAG with one run a partition of `feed`; the form of a run started by hand asks for the day."""
    return DAG(
        feed.dag_id,
        schedule=PartitionTimetable(feed.ahead),
        start_date=OLDEST,
        catchup=False,
        max_active_runs=64,
        dagrun_timeout=timedelta(days=14),
        # What is about tomorrow goes before what is about yesterday, where workers are few.
        default_args={**RETRY, "priority_weight": 10 if feed.ahead > 0 else 1, "weight_rule": "absolute"},
        params={DAY: _day("Day", ASKED)},
        tags=["landfall", feed.landing.prefix.partition("/")[0], feed.name],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def training_dag(training: Training, *, doc_md: str) -> DAG:
    """A DAG that trains one model: on demand, on its schedule, and looking at whether to when its data has changed.

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
            "until": _day("Until", "The last day to learn from. Empty: every day that has landed."),
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
    """A DAG that nothing starts but a person, by its form."""
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
    """A DAG that trains one of the table models, on demand: the form of a run asks which."""
    asked = {"model": Param(type="string", enum=list(TABLE_MODELS), title="Model", description="What is trained.")}
    return on_demand_dag(
        dag_id,
        params=asked,
        tags=["table models", "training"],
        doc_md=doc_md,
        macros={"table_model": find_table_model},
    )


def _timetable(training: Training) -> CronTriggerTimetable | None:
    schedule = training.freshness.retraining.schedule
    return CronTriggerTimetable(schedule, timezone="UTC") if schedule else None


def audit_dag(dag_id: str, *, doc_md: str) -> DAG:
    """A DAG that audits every feed: on demand, when something lands that no run waits for, and every quarter of an hour.

    An audit that knows of something to do before asks for the next one itself.
    """
    landings = [landing_asset(feed) for pipeline in PIPELINES.values() for feed in pipeline.feeds]
    return DAG(
        dag_id,
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=AssetAny(*landings)
        ),
        allowed_run_types=[each for each in DagRunType if each is not DagRunType.BACKFILL_JOB],  # an audit has no past
        start_date=None,
        catchup=False,
        # The audits that were asked for and are still to come count: they must not keep one from starting when something lands.
        max_active_runs=8,
        dagrun_timeout=timedelta(minutes=30),
        default_args={**RETRY, "retry_delay": PAUSE / 2},
        tags=["landfall", "audit"],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def title_of(doc_md: str) -> str:
    """The heading of a DAG's page, which the list of DAGs shows beside its name."""
    return doc_md.strip().partition("\n")[0].lstrip("# ")


def _day(title: str, description: str) -> Param:
    """A day in the form of a run started by hand; may be left empty."""
    return Param(None, type=["null", "string"], format="date", title=title, description=description)
