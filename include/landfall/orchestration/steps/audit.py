"""The audit as a DAG: hold S3 against the ledger, start the runs that are due."""

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
    from landfall.landing.store.listing import ObjectStore
    from landfall.ledger import Audit, Start
    from landfall.runs import AirflowApi


Starts = list[dict[str, Any]]
"""What `start_runs` starts: the arguments of `TriggerDagRunOperator`, one a run."""
SOON = timedelta(seconds=20)
"""About what a run takes on a small machine."""
LATER = timedelta(minutes=5)
"""When to look at what goes on now, and for a server that was away."""


class AuditLandings(Step):
    """One audit of every feed of every pipeline. Reports the runs to start; what only a person can mend is in its log."""

    limit = timedelta(minutes=20)  # a listing of 100,000 objects takes half a minute

    def run(self, context: Context, settings: Settings) -> Starts:
        """The arguments of `start_runs`, one a run that is due.

        What cannot be judged holds up nothing else: a feed whose DAG is not there yet, a pipeline that is declared wrongly.

        Raises:
            LandfallError: a server is away, and nothing that is due is known; the task is tried again.
        """
        looks = [look_at(settings, name) for name in PIPELINES]
        found = [each for look in looks for each in look.audits]
        for each in found:
            self._tell(each)
        trainings = [start for look in looks for start in look.trainings]
        for start in trainings:
            self.log.info("%s is started again: %s", start.dag_id, start.why)
        starts = [run_arguments(start) for start in [*(start for each in found for start in each.starts), *trainings]]
        away = self._unjudged(looks)
        if away and not starts:
            raise away
        later = _look_again(context["dag"].dag_id, looks, bool(starts), bool(away), datetime.now(UTC))
        return [*starts, later] if later else starts

    def _unjudged(self, looks: "list[Look]") -> Exception | None:
        """Tell what could not be judged; gives the first error that another try may mend, or that is nobody's declaration."""
        errors = [(name, error) for look in looks for name, error in look.unjudged.items()]
        for name, error in errors:
            level, known = logging.WARNING if _is_declared(error) else logging.ERROR, isinstance(error, LandfallError)
            self.log.log(level, "%s is not audited. %s", name, error, exc_info=None if known else error)
        return next(
            (error for _, error in errors if isinstance(error, LandfallError) and error.fault == "server"), None
        )

    def _tell(self, audit: "Audit") -> None:
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
    """True if what was declared or configured is at fault, which a person mends: such as a DAG that is not there yet."""
    return isinstance(error, LandfallError) and error.fault == "request"


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at a pipeline.

    Args:
        audits: The audit of each of its feeds.
        trainings: Its trainings to start again.
        working: Whether anything of it is at work.
        unjudged: What could not be audited, by name: the pipeline, or a feed of it.
    """

    audits: "list[Audit]" = field(default_factory=list)
    trainings: "list[Start]" = field(default_factory=list)
    working: bool = False
    unjudged: Mapping[str, Exception] = field(default_factory=dict)


def look_at(settings: Settings, name: str) -> Look:
    """Look at one pipeline. Never raises: what went wrong is in what it gives."""
    try:
        return _look_at(settings, name)
    except Exception as error:
        return Look(unjudged={name: error})


def _look_at(settings: Settings, name: str) -> Look:
    from landfall.database import connect as connect_database
    from landfall.landing.store.feeds import connect
    from landfall.ledger.airflow_runs import at_work, is_urgent
    from landfall.ledger.trainings import restart_of
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
            pause, training = settings.restart_after, pipeline.training
            again = None if away else restart_of(database, api, training, datetime.now(UTC), restart_after=pause)
            trainings = [again] if again else []
        except Exception as error:
            unjudged[f"{name}'s training"] = error
    return Look(audits=audits, trainings=trainings, working=bool(working), unjudged=unjudged)


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
    """The audit of one feed. The runs that it replaces are ended."""
    from landfall.ledger import audit
    from landfall.ledger.airflow_runs import active_runs, is_paused, newest_run
    from landfall.ledger.current import current_of

    done = audit(
        database,
        store,
        settings.s3.bucket,
        pipeline.name,
        feed,
        current_of(settings, pipeline, feed),
        active=lambda feed: active_runs(api, feed),
        newest=lambda feed, partition: newest_run(api, feed, partition),
        of=feed.held_against,
        paused=is_paused(api, feed),
        yielding=yielding,
        away=away,
    )
    for start in done.starts:
        if start.dead:
            with suppress(RunError):  # then it stays queued, and counts for nothing
                api.give_up(start.dag_id, start.dead, f"{start.why}. {new_run_id(start)} runs in its place.")
    return done


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


def new_run_id(start: "Start") -> str:
    """What the run is called that an audit makes."""
    from landfall.ledger.airflow_runs import BY_AUDIT

    return f"{BY_AUDIT}{start.logical_date}"


def run_arguments(start: "Start") -> dict[str, Any]:
    """What `TriggerDagRunOperator` needs: a run of its own name where there is none, else the one there is, reset.

    If somebody else has made the partition's first run meanwhile, that one stays, and the task is skipped.
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


def _look_again(dag_id: str, looks: Sequence[Look], starting: bool, away: bool, now: datetime) -> dict[str, Any] | None:
    """The next audit, where it is known that there will be something to do before the schedule makes one.

    A backlog does not wait for the schedule between a few; a run that a server made fail is started again when its pause is
    over; a run that goes on may fail.
    """
    audits = [each for look in looks for each in look.audits]
    left = sum(each.postponed for each in audits if not each.paused)
    moments: dict[datetime, str] = {}
    if left and (starting or any(look.working for look in looks)) and not any(each.away for each in audits):
        moments[_next(now + SOON / 2, SOON)] = f"{left} more partitions are due"
    if away or any(each.away for each in audits):
        moments[_next(now, LATER)] = "a server was away"
    if starting or any(each.running for each in audits):
        moments[_next(now, LATER)] = "what goes on now may fail"
    pauses = [each.again_at for each in audits if each.again_at and each.again_at > now and not each.paused]
    if pauses:
        moments[min(pauses) + timedelta(seconds=1)] = "a run that a server made fail is due then"
    return _one_more(dag_id, *min(moments.items())) if moments else None


def _next(moment: datetime, step: timedelta) -> datetime:
    """The next moment of a clock that ticks in steps: so that audits which follow one another closely ask for the same one."""
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return begin + ((moment - begin) // step + 1) * step


def _one_more(dag_id: str, moment: datetime, why: str) -> dict[str, Any]:
    """One more audit at a moment; the same one, whoever asks for it."""
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
    """One task a run that the step `due` tells: it makes the run, or resets the one that its partition had."""
    start_runs = StartRun.partial(
        task_id="start_runs",
        openlineage_inject_parent_info=False,
        execution_timeout=SERVERS,
        map_index_template=NAMED,
    )
    return start_runs.expand_kwargs(due.output)
