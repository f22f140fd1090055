"""Starts the run of a partition from outside of Airflow's machines, with the standard library only.

There are two ways, chosen by `LANDFALL_START`: `airflow` (the default) uses Airflow's REST API (`/auth/token`, `/api/v2/dags`),
`databricks` uses Databricks Jobs (`/api/2.2/jobs/run-now`). Starting something again that was started already does no harm.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote

from landfall.errors import RunError, SettingsError
from landfall.landing.events.json_api import JsonApi, RefusedError
from landfall.landing.events.s3_events import CreatedObject
from landfall.pipelines import find_feed
from landfall.spec import Landing, Partition
from landfall.spec.run_form import label_of

LOOKS = 3
"""How often Airflow is asked for a run that other events make, and that ends, meanwhile; then we give up."""
_ENDED = ("success", "failed")
_CONFLICT = 409


@dataclass(frozen=True)
class WantedRun:
    """A run that an object leads to: of `dag_id`, or of the Databricks job of `feed`; `moment` is the partition's start."""

    dag_id: str
    feed: str
    landing: Landing
    partition: Partition
    moment: datetime
    object: CreatedObject

    def __str__(self) -> str:
        return f"{self.dag_id} {self.partition}"


@dataclass(frozen=True)
class StartOutcome:
    """What became of a wanted run (`started`, `left_alone` or `not_started`), and the run or the reason."""

    kind: str
    why: str


class Starter(Protocol):
    """A way to start runs."""

    def start(self, wanted: WantedRun) -> StartOutcome:
        """Starts the run, unless there is one already that will see the object.

        Raises:
            RunError: it could not be started; another try may help.
        """
        ...


def starter(env: Mapping[str, str]) -> Starter:
    """The way that `env` chooses, signed in.

    Raises:
        SettingsError: a variable is missing or malformed.
        SpecError: a variable names a feed that does not exist.
        RunError: signing in to Airflow failed.
    """
    ways: dict[str, type[AirflowStarter | DatabricksStarter]] = {
        "airflow": AirflowStarter,
        "databricks": DatabricksStarter,
    }
    name = env.get("LANDFALL_START") or "airflow"
    if name not in ways:
        raise SettingsError.unknown("way to start runs (LANDFALL_START)", name, list(ways))
    return ways[name](env)


class AirflowStarter:
    """Starts runs of DAGs: one for each logical date, which is the start of the partition.

    A run that waits or runs is left alone, because its wait lists the objects. A run that has read its objects already will
    not see the new one: the landing audit runs that partition again. The run's wait also judges readiness.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._api = JsonApi("Airflow", _need(env, "LANDFALL_AIRFLOW_URL"), setting="LANDFALL_AIRFLOW_URL")
        user, password = env.get("LANDFALL_AIRFLOW_USER", "admin"), env.get("LANDFALL_AIRFLOW_PASSWORD", "")
        match self._api.call("POST", "/auth/token", body={"username": user, "password": password}):
            case {"access_token": str(token)}:
                self._api.sign(token)
            case _:
                raise self._api.surprise("a token")

    def start(self, wanted: WantedRun) -> StartOutcome:
        """Triggers the run; clears it, so that it runs again, if it has ended; leaves it alone otherwise."""
        runs = f"/api/v2/dags/{quote(wanted.dag_id, safe='')}/dagRuns"
        for _ in range(LOOKS):
            match self._run_at(runs, wanted.moment):
                case None:
                    if new_run := self._trigger(runs, wanted.moment):
                        return StartOutcome("started", f"run {new_run!r}")
                case run_id, state if state in _ENDED:
                    path = f"{runs}/{quote(run_id, safe='')}/clear"
                    self._api.call("POST", path, body={"dry_run": False, "only_failed": False})
                    return StartOutcome("started", f"run {run_id!r} again, it had ended in {state}")
                case run_id, state:
                    return StartOutcome("left_alone", f"run {run_id!r} is {state}")
        raise RunError(f"Airflow says that the run of {wanted} exists, and does not list it.", looked=self._api.url)

    def _run_at(self, runs: str, moment: datetime) -> tuple[str, str] | None:
        """Id and state of the run whose logical date is `moment`; a DAG has at most one."""
        logical_date = moment.isoformat()
        query = {"logical_date_gte": logical_date, "logical_date_lte": logical_date, "limit": "1"}
        match self._api.call("GET", runs, query=query):
            case {"dag_runs": []}:
                return None
            case {"dag_runs": [{"dag_run_id": str(run_id), "state": str(state)}, *_]}:
                return run_id, state
        raise self._api.surprise("runs")

    def _trigger(self, runs: str, moment: datetime) -> str | None:
        """The id of a new run; None if another event has made the run since we looked."""
        note = "Started by an object that landed in S3."
        try:
            dates = {"logical_date": moment.isoformat(), "run_after": label_of(moment).isoformat()}
            answer = self._api.call("POST", runs, body={**dates, "conf": {}, "note": note})
        except RefusedError as refused:
            if refused.status == _CONFLICT:
                return None
            raise
        match answer:
            case {"dag_run_id": str(run_id)}:
                return run_id
        raise self._api.surprise("a run")


class DatabricksStarter:
    """Starts runs of Databricks jobs: one for each time an object is written. A repeated event gives the existing run.

    A Databricks job cannot wait. So a run is started only for a feed whose partitions are ready with one object, or by the
    marker itself if the feed declares one; any other partition gives `not_started`.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        host = _need(env, "DATABRICKS_HOST")
        url = host if "://" in host else f"https://{host}"
        self._api = JsonApi("Databricks", url, setting="DATABRICKS_HOST")
        self._api.sign(_need(env, "DATABRICKS_TOKEN").strip())
        self._jobs, self._job = _job_ids(env)

    def start(self, wanted: WantedRun) -> StartOutcome:
        """Runs the job of the feed, with the job parameters `partition`, `feed` and `key`."""
        job = self._jobs.get(wanted.feed, self._job)
        if job is None:
            return StartOutcome("not_started", f"LANDFALL_DATABRICKS_JOB_IDS names no job for {wanted.feed}")
        if reason := _unready(wanted):
            return StartOutcome("not_started", reason)
        landed, partition = wanted.object, str(wanted.partition)
        writing = [job, wanted.feed, partition, landed.bucket, landed.key, landed.version]
        body = {
            "job_id": job,
            "job_parameters": {"partition": partition, "feed": wanted.feed, "key": landed.key},
            # Databricks allows 64 characters, the length of a SHA-256.
            "idempotency_token": sha256(json.dumps(writing).encode()).hexdigest(),
        }
        match self._api.call("POST", "/api/2.2/jobs/run-now", body=body):
            case {"run_id": int(run_id)}:
                return StartOutcome("started", f"run {run_id} of job {job}")
        raise self._api.surprise("a run")


def _unready(wanted: WantedRun) -> str:
    """Why the object alone does not make its partition ready; empty if it does."""
    _, _, name = wanted.object.key.rpartition(wanted.landing.folder(wanted.partition))
    reason = wanted.landing.ready.lacks_beside(name)
    return f"{reason}, and a Databricks job has no wait" if reason else ""


def _job_ids(env: Mapping[str, str]) -> tuple[dict[str, int], int | None]:
    """The job id of each feed, and the job id for all other feeds."""
    default, by_feed = env.get("LANDFALL_DATABRICKS_JOB_ID", ""), env.get("LANDFALL_DATABRICKS_JOB_IDS", "")
    if not default and not by_feed:
        _need(env, "LANDFALL_DATABRICKS_JOB_ID")
    try:
        jobs = {str(feed): int(str(job)) for feed, job in json.loads(by_feed or "{}").items()}
        default_job = int(default) if default else None
    except (ValueError, AttributeError, RecursionError):
        raise SettingsError(
            "LANDFALL_DATABRICKS_JOB_ID or LANDFALL_DATABRICKS_JOB_IDS is malformed.",
            looked='expected a number, and a JSON object such as {"bike_demand/forecast": 123}',
            next="correct it in the configuration of the function (docs/lambda.md)",
        ) from None
    for feed in jobs:
        find_feed(feed)
    return jobs, default_job


def _need(env: Mapping[str, str], name: str) -> str:
    if value := env.get(name, "").strip():
        return value
    raise SettingsError(
        f"The setting `{name}` is missing.",
        looked="the environment of the function",
        next="set it in the configuration of the function (docs/lambda.md)",
    )
