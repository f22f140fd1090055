"""The audit as a DAG: compares S3 with the ledger, and starts the runs that are due."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from landfall.errors import LandfallError, RunError
from landfall.orchestration.steps.start_run import NAMED, StartRun
from landfall.orchestration.steps.step import SERVERS, Step
from landfall.pipelines import PIPELINES
from landfall.spec import Feed, Pipeline, Settings
from landfall.spec.run_form import label_of

if TYPE_CHECKING:
    from landfall.database import Database
    from landfall.ledger import Audit, Start
    from landfall.objects.listing import ObjectStore
    from landfall.runs import AirflowApi


Starts = list[dict[str, Any]]
"""The runs to start: the arguments of `TriggerDagRunOperator`, one for each run."""
SOON = timedelta(seconds=20)
"""About how long a run takes on a small machine."""
LATER = timedelta(minutes=5)
"""When to look again at what is running now, and at a server that was away."""


class AuditLandings(Step):
    """One audit of every feed of every pipeline. It reports the runs to start, and logs what only a person can mend."""

    limit = timedelta(minutes=20)  # a listing of 100,000 objects takes half a minute

    def run(self, context: Context, settings: Settings) -> Starts:
        """The arguments of `start_runs`, one for each run that is due.

        What cannot be audited does not hold up the rest: a feed whose DAG does not exist yet, a pipeline declared wrongly.

        Raises:
            LandfallError: a server is away, and nothing is known to be due; the task is tried again.
        """
        looks = [look_at(settings, name) for name in PIPELINES]
        audits = [audit for look in looks for audit in look.audits]
        for audit in audits:
            self._log_audit(audit)
        trainings = [start for look in looks for start in look.trainings]
        for start in trainings:
            self.log.info("%s is started again: %s", start.dag_id, start.why)
        starts = [
            run_arguments(start) for start in [*(start for audit in audits for start in audit.starts), *trainings]
        ]
        away = self._unjudged(looks)
        if away and not starts:
            raise away
        later = _look_again(context["dag"].dag_id, looks, bool(starts), bool(away), datetime.now(UTC))
        return [*starts, later] if later else starts

    def _unjudged(self, looks: "list[PipelineLook]") -> Exception | None:
        """Logs what could not be audited, and gives the first error that is a server's fault, which another try may mend."""
        errors = [(name, error) for look in looks for name, error in look.unjudged.items()]
        for name, error in errors:
            level, expected = (
                logging.WARNING if _is_declared(error) else logging.ERROR,
                isinstance(error, LandfallError),
            )
            self.log.log(level, "%s is not audited. %s", name, error, exc_info=None if expected else error)
        return next(
            (error for _, error in errors if isinstance(error, LandfallError) and error.fault == "server"), None
        )

    def _log_audit(self, audit: "Audit") -> None:
        self.log.info("%s: %d objects, %d new, %d gone", audit.feed, audit.objects, audit.new, audit.gone)
        if audit.paused:
            self.log.warning("%s: nothing is started, its DAG is paused", audit.feed)
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


def _is_declared(error: Exception) -> bool:
    """True if the declaration or configuration is at fault, such as a DAG that does not exist yet: a person has to mend it."""
    return isinstance(error, LandfallError) and error.fault == "request"


@dataclass(frozen=True, kw_only=True)
class PipelineLook:
    """What one look at a pipeline has found.

    Args:
        audits: The audit of each of its feeds.
        trainings: Its trainings to start again.
        working: True if any of its runs is at work.
        unjudged: What could not be audited, by name (the pipeline or a feed), with the error.
    """

    audits: "list[Audit]" = field(default_factory=list)
    trainings: "list[Start]" = field(default_factory=list)
    working: bool = False
    unjudged: Mapping[str, Exception] = field(default_factory=dict)


def look_at(settings: Settings, name: str) -> PipelineLook:
    """Looks at one pipeline. It never raises: an error is part of the result."""
    try:
        return _look_at(settings, name)
    except Exception as error:
        return PipelineLook(unjudged={name: error})


def _look_at(settings: Settings, name: str) -> PipelineLook:
    from landfall.database import connect as connect_database
    from landfall.ledger.airflow_runs import at_work, is_urgent
    from landfall.ledger.trainings import restart_of
    from landfall.objects.client import connect
    from landfall.runs import AirflowApi

    pipeline, api, store = PIPELINES[name], AirflowApi(settings), connect(settings.s3)
    working = at_work(api, pipeline)
    near = _near(settings, pipeline)
    away = _away(settings) if near else ""
    yielding = any(dag_id in near and is_urgent(pipeline, dag_id, run_id) for dag_id, run_id in working)
    audits, trainings, unjudged = list["Audit"](), list["Start"](), dict[str, Exception]()
    with connect_database(settings) as database:
        for feed in pipeline.feeds:
            server = away if feed.dag_id in near else ""
            try:
                audits.append(_audit(settings, api, store, database, pipeline, feed, yielding=yielding, away=server))
            except Exception as error:
                unjudged[f"{name}/{feed.name}"] = error
        try:
            if pipeline.training and not away:
                pause, now = settings.restart_after, datetime.now(UTC)
                again = restart_of(database, api, pipeline.training, now, restart_after=pause)
                trainings = [again] if again else []
        except Exception as error:
            unjudged[f"{name}'s training"] = error
    return PipelineLook(audits=audits, trainings=trainings, working=bool(working), unjudged=unjudged)


def _audit(
    settings: Settings,
    api: "AirflowApi",
    store: "ObjectStore",
    database: "Database",
    pipeline: Pipeline,
    feed: Feed,
    *,
    yielding: bool,
    away: str,
) -> "Audit":
    """The audit of one feed. It also ends the runs that the due runs replace."""
    from landfall.ledger import audit
    from landfall.ledger.airflow_runs import active_runs, is_paused, newest_run
    from landfall.ledger.current import current_of

    result = audit(
        database,
        store,
        settings.s3.bucket,
        feed,
        current_of(settings, pipeline, feed),
        active=lambda feed: active_runs(api, feed),
        newest=lambda feed, partition: newest_run(api, feed, partition),
        paused=is_paused(api, feed),
        yielding=yielding,
        away=away,
    )
    for start in result.starts:
        if start.dead:
            with suppress(RunError):  # then it stays queued, which does no harm
                api.give_up(start.dag_id, start.dead, f"{start.why}. {new_run_id(start)} runs in its place.")
    return result


def _away(settings: Settings) -> str:
    """The server that is away, of those that a run needs besides the ones that the audit itself uses; empty if all are there."""
    from landfall.compute.local.warm import WarmSpark
    from landfall.models.client import check_alive

    try:
        WarmSpark(remote=settings.spark_remote, lake=settings.lake).check_alive()
        check_alive(settings)
    except LandfallError as error:
        return f"{error.what} {error.looked}"
    return ""


def _near(settings: Settings, pipeline: Pipeline) -> set[str]:
    """The DAGs whose jobs run on this machine, where they compete with one another."""
    from landfall.compute.choice import target_of

    jobs = {feed.dag_id: feed.features for feed in pipeline.feeds}
    if pipeline.training:
        jobs[pipeline.training.dag_id] = pipeline.training.training
    return {dag_id for dag_id, job in jobs.items() if target_of(settings, pipeline.name, job.name) == "local"}


def new_run_id(start: "Start") -> str:
    """The id of the run that an audit makes."""
    from landfall.ledger.airflow_runs import BY_AUDIT

    return f"{BY_AUDIT}{start.logical_date}"


def run_arguments(start: "Start") -> dict[str, Any]:
    """The arguments of `TriggerDagRunOperator`: a new run with a name of its own, or the existing run, reset.

    If somebody else has made the partition's first run meanwhile, that run stays, and the task is skipped.
    """
    date = start.logical_date
    return {
        "trigger_dag_id": start.dag_id,
        "trigger_run_id": start.run_id or new_run_id(start),
        "logical_date": date,
        "run_after": (label_of(datetime.fromisoformat(date)) if date else datetime.now(UTC)).isoformat(),
        "reset_dag_run": start.run_id is not None,
        "skip_when_already_exists": start.run_id is None,
        "note": f"{start.reason}: {start.why}",
    }


def _look_again(
    dag_id: str, looks: Sequence[PipelineLook], starting: bool, away: bool, now: datetime
) -> dict[str, Any] | None:
    """The next audit, if it is known that there will be something to do before the schedule makes one.

    A backlog does not have to wait for the schedule after each few runs. A run that a server made fail is started again when
    its pause is over. And a run that is active now may fail.
    """
    audits = [audit for look in looks for audit in look.audits]
    left = sum(audit.postponed for audit in audits if not audit.paused)
    moments: dict[datetime, str] = {}
    if left and (starting or any(look.working for look in looks)) and not any(audit.away for audit in audits):
        moments[_next(now + SOON / 2, SOON)] = f"{left} more partitions are due"
    if away or any(audit.away for audit in audits):
        moments[_next(now, LATER)] = "a server was away"
    if starting or any(audit.running for audit in audits):
        moments[_next(now, LATER)] = "what goes on now may fail"
    pauses = [audit.again_at for audit in audits if audit.again_at and audit.again_at > now and not audit.paused]
    if pauses:
        moments[min(pauses) + timedelta(seconds=1)] = "a run that a server made fail is due then"
    return _one_more(dag_id, *min(moments.items())) if moments else None


def _next(moment: datetime, step: timedelta) -> datetime:
    """The next tick of a clock with this step: audits that closely follow one another thus request the same next audit."""
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return begin + ((moment - begin) // step + 1) * step


def _one_more(dag_id: str, moment: datetime, why: str) -> dict[str, Any]:
    """One more audit at this moment. It is the same audit, whoever requests it."""
    moment = moment.replace(microsecond=0)
    return {
        "trigger_dag_id": dag_id,
        "trigger_run_id": f"more__{moment.isoformat()}",
        "logical_date": None,
        "run_after": moment.isoformat(),
        "reset_dag_run": False,
        "skip_when_already_exists": True,
        "note": why,
    }


def audit_landings() -> AuditLandings:
    """The auditing step."""
    return AuditLandings(task_id="audit_landings")


def start_runs(due: Step) -> Any:
    """One task per run that the step `due` reports: it makes the run, or resets the run that its partition had."""
    start_runs = StartRun.partial(
        task_id="start_runs",
        openlineage_inject_parent_info=False,
        execution_timeout=SERVERS,
        map_index_template=NAMED,
    )
    return start_runs.expand_kwargs(due.output)
