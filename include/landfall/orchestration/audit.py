"""The audit as a DAG: hold S3 against the ledger, start the runs that are due."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from landfall.errors import LandfallError
from landfall.orchestration.start_run import NAMED, StartRun
from landfall.orchestration.step import SERVERS, Step
from landfall.pipelines import PIPELINES
from landfall.spec import Pipeline, Settings
from landfall.spec.run_form import label_of

if TYPE_CHECKING:
    from landfall.ledger import Audit, Start


Starts = list[dict[str, Any]]
"""What `start_runs` starts: the arguments of `TriggerDagRunOperator`, one a run."""
SOON = timedelta(seconds=20)
"""About what a run takes on a small machine."""


class AuditLandings(Step):
    """One audit of every feed of every pipeline. Reports the runs to start; what only a person can mend is in its log."""

    limit = timedelta(minutes=20)  # a listing of 100,000 objects takes half a minute

    def run(self, context: Context, settings: Settings) -> Starts:
        """The arguments of `start_runs`, one a run that is due."""
        looks = [_audit(settings, name) for name in PIPELINES]
        found = [each for look in looks for each in look.audits]
        for each in found:
            self._tell(each)
        trainings = [start for look in looks for start in look.trainings]
        for start in trainings:
            self.log.info("%s is started again: %s", start.dag_id, start.why)
        starts = [run_arguments(start) for start in [*(start for each in found for start in each.starts), *trainings]]
        left = sum(each.postponed for each in found)
        soon = left and (starts or any(look.working for look in looks)) and not any(each.away for each in found)
        return [*starts, _go_on(context["dag"].dag_id, left)] if soon else starts

    def _tell(self, audit: "Audit") -> None:
        self.log.info("%s: %d objects, %d new, %d gone", audit.feed, audit.objects, audit.new, audit.gone)
        for start in audit.starts:
            self.log.info("%s %s is due: %s (%s)", audit.feed, start.partition, start.reason, start.why)
        if audit.away:
            self.log.warning("%s: nothing is started while a server is away. %s", audit.feed, audit.away)
        if audit.postponed:
            self.log.info("%s: %d more are due; the audits that follow start them", audit.feed, audit.postponed)
        for gone in audit.deleted:
            self.log.warning("%s: an input of what is published was deleted. %s", audit.feed, gone)
        for key in audit.unexpected[:100]:
            self.log.warning("%s: the object %s belongs to no partition", audit.feed, key)
        if len(audit.unexpected) > 100:
            self.log.warning("%s: %d more objects belong to no partition", audit.feed, len(audit.unexpected) - 100)


@dataclass(frozen=True)
class Look:
    """One look at a pipeline: the audit of each of its feeds, its trainings to start again, and whether anything is at work."""

    audits: "list[Audit]"
    trainings: "list[Start]"
    working: bool


def _audit(settings: Settings, name: str) -> Look:
    from landfall.landing.store import connect
    from landfall.ledger import audit, ensure_ledger
    from landfall.ledger.airflow_runs import active_runs, at_work, is_urgent, newest_run
    from landfall.ledger.current import current_of
    from landfall.ledger.trainings import restart_of
    from landfall.publishing import connect as connect_database
    from landfall.runs import AirflowApi

    pipeline, api, store = PIPELINES[name], AirflowApi(settings), connect(settings.s3)
    working = at_work(api, pipeline)
    near = _near(settings, pipeline)
    away = _away(settings) if near else ""
    yielding = any(dag_id in near and is_urgent(pipeline, dag_id, run_id) for dag_id, run_id in working)
    with connect_database(settings) as database:
        ensure_ledger(database)
        audits = [
            audit(
                database,
                store,
                settings.s3.bucket,
                name,
                feed,
                current_of(settings, pipeline, feed),
                active=lambda feed: active_runs(api, feed),
                newest=lambda feed, partition: newest_run(api, feed, partition),
                of=pipeline.held_against(feed),
                yielding=yielding,
                away=away if feed.dag_id in near else "",
            )
            for feed in pipeline.feeds
        ]
        pause, training = settings.restart_after, pipeline.training
        again = None if away else restart_of(database, api, training, datetime.now(UTC), restart_after=pause)
    return Look(audits, [again] if again else [], bool(working))


def _away(settings: Settings) -> str:
    """Which server is away that a run needs beside those that the audit itself asks; empty if all are there."""
    from landfall.compute.local import WarmSpark
    from landfall.models.client import check_alive

    try:
        WarmSpark(remote=settings.spark_remote, lake=settings.lake).check_alive()
        check_alive(settings)
    except LandfallError as error:
        return f"{error.what} {error.looked}"
    return ""


def _near(settings: Settings, pipeline: Pipeline) -> set[str]:
    """The DAGs whose jobs run on this machine, where they would take one another's time."""
    from landfall.compute.choice import target_of

    jobs = {
        pipeline.training.dag_id: pipeline.training.training,
        **{each.dag_id: each.features for each in pipeline.feeds},
    }
    return {dag_id for dag_id, job in jobs.items() if target_of(settings, pipeline.name, job.name) == "local"}


def run_arguments(start: "Start") -> dict[str, Any]:
    """What `TriggerDagRunOperator` needs: a run of its own name where there is none, else the one there is, reset.

    If somebody else has made the partition's first run meanwhile, that one stays, and the task is skipped.
    """
    from landfall.ledger.airflow_runs import BY_AUDIT

    told: Mapping[str, Any] = asdict(start)
    date = start.logical_date
    return {
        "trigger_dag_id": told["dag_id"],
        "trigger_run_id": told["run_id"] or f"{BY_AUDIT}{told['logical_date']}",
        "logical_date": told["logical_date"],
        "run_after": (label_of(datetime.fromisoformat(date)) if date else datetime.now(UTC)).isoformat(),
        "reset_dag_run": told["run_id"] is not None,
        "skip_when_already_exists": told["run_id"] is None,
        "note": f"{told['reason']}: {told['why']}",
    }


def _go_on(dag_id: str, left: int) -> dict[str, Any]:
    """One more audit when what was started now should have ended: a backlog does not wait five minutes between a few."""
    moment = datetime.now(UTC).replace(microsecond=0) + SOON
    return {
        "trigger_dag_id": dag_id,
        "trigger_run_id": f"more__{moment.isoformat()}",
        "logical_date": None,
        "run_after": moment.isoformat(),
        "reset_dag_run": False,
        "skip_when_already_exists": True,
        "note": f"{left} more partitions are due",
    }


def audit_landings() -> AuditLandings:
    """The auditing step."""
    return AuditLandings(task_id="audit_landings")


def start_runs(due: Step) -> Any:
    """One task a run that the step `due` tells: it makes the run, or resets the one that its partition had."""
    start_runs = StartRun.partial(
        task_id="start_runs",
        openlineage_inject_parent_info=False,
        execution_timeout=SERVERS,
        map_index_template=NAMED,
    )
    return start_runs.expand_kwargs(due.output)
