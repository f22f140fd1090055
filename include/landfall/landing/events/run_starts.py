"""Start the run of a partition from outside of Airflow's machines, with the standard library only.

Two ways, chosen by `LANDFALL_START`: `airflow` (the default) through Airflow's REST API (`/auth/token`, `/api/v2/dags`),
`databricks` through Databricks Jobs (`/api/2.2/jobs/run-now`). Starting again what is started already is harmless.
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
"""How often Airflow is asked for the run before a run that another event makes and ends meanwhile is given up."""
_ENDED = ("success", "failed")
_CONFLICT = 409


@dataclass(frozen=True)
class Wanted:
    """A run that an object asks for: of `dag_id`, or of the Databricks job of `feed`, at `moment`, the partition's start."""

    dag_id: str
    feed: str
    landing: Landing
    partition: Partition
    moment: datetime
    object: CreatedObject

    def __str__(self) -> str:
        return f"{self.dag_id} {self.partition}"


@dataclass(frozen=True)
class Outcome:
    """What became of a wanted run: `started`, `left_alone` or `not_started`, and the run or the reason."""

    kind: str
    why: str


class Starter(Protocol):
    """A way to start runs."""

    def start(self, wanted: Wanted) -> Outcome:
        """Start the run, unless there is one that will see the object.

        Raises:
            RunError: it could not be started; asking again may help.
        """
        ...


def starter(env: Mapping[str, str]) -> Starter:
    """The way that `env` chooses, signed in.

    Raises:
        SettingsError: a variable is missing or malformed.
        SpecError: it names a feed that there is not.
        RunError: Airflow cannot be signed in to.
    """
    ways: dict[str, type[Airflow | Databricks]] = {"airflow": Airflow, "databricks": Databricks}
    name = env.get("LANDFALL_START") or "airflow"
    if name not in ways:
        raise SettingsError.unknown("way to start runs (LANDFALL_START)", name, list(ways))
    return ways[name](env)


class Airflow:
    """Runs of DAGs: one for each logical date, which is the partition's start.

    A run that waits or runs is left alone, for its wait lists the objects. A run that has read its objects already does
    not see the new one: the landing audit runs that partition again. Readiness is judged by the run's wait, too.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._api = JsonApi("Airflow", _need(env, "LANDFALL_AIRFLOW_URL"), setting="LANDFALL_AIRFLOW_URL")
        user, password = env.get("LANDFALL_AIRFLOW_USER", "admin"), env.get("LANDFALL_AIRFLOW_PASSWORD", "")
        match self._api.call("POST", "/auth/token", body={"username": user, "password": password}):
            case {"access_token": str(token)}:
                self._api.sign(token)
            case _:
                raise self._api.surprise("a token")

    def start(self, wanted: Wanted) -> Outcome:
        """Trigger the run; clear it, so that it runs again, if it has ended; leave it alone otherwise."""
        runs = f"/api/v2/dags/{quote(wanted.dag_id, safe='')}/dagRuns"
        for _ in range(LOOKS):
            match self._run_at(runs, wanted.moment):
                case None:
                    if made := self._trigger(runs, wanted.moment):
                        return Outcome("started", f"run {made!r}")
                case run_id, state if state in _ENDED:
                    path = f"{runs}/{quote(run_id, safe='')}/clear"
                    self._api.call("POST", path, body={"dry_run": False, "only_failed": False})
                    return Outcome("started", f"run {run_id!r} again, it had ended in {state}")
                case run_id, state:
                    return Outcome("left_alone", f"run {run_id!r} is {state}")
        raise RunError(f"Airflow says that the run of {wanted} exists, and does not list it.", looked=self._api.url)

    def _run_at(self, runs: str, moment: datetime) -> tuple[str, str] | None:
        """Id and state of the run whose logical date is `moment`: a DAG has one at most."""
        logical_date = moment.isoformat()
        query = {"logical_date_gte": logical_date, "logical_date_lte": logical_date, "limit": "1"}
        match self._api.call("GET", runs, query=query):
            case {"dag_runs": []}:
                return None
            case {"dag_runs": [{"dag_run_id": str(run_id), "state": str(state)}, *_]}:
                return run_id, state
        raise self._api.surprise("runs")

    def _trigger(self, runs: str, moment: datetime) -> str | None:
        """The id of a new run; None if another event has made it since we looked."""
        note = "Started by an object that landed in S3."
        try:
            dates = {"logical_date": moment.isoformat(), "run_after": label_of(moment).isoformat()}
            made = self._api.call("POST", runs, body={**dates, "conf": {}, "note": note})
        except RefusedError as refused:
            if refused.status == _CONFLICT:
                return None
            raise
        match made:
            case {"dag_run_id": str(run_id)}:
                return run_id
        raise self._api.surprise("a run")


class Databricks:
    """Runs of Databricks jobs, one for each writing of an object: a duplicated event gives the run that there is.

    A Databricks job has no wait. So a run is started only for a feed whose partitions are ready with one object, or by
    the marker itself where the feed declares one; any other partition is answered with `not_started`.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        host = _need(env, "DATABRICKS_HOST")
        url = host if "://" in host else f"https://{host}"
        self._api = JsonApi("Databricks", url, setting="DATABRICKS_HOST")
        self._api.sign(_need(env, "DATABRICKS_TOKEN").strip())
        self._jobs, self._job = _job_ids(env)

    def start(self, wanted: Wanted) -> Outcome:
        """Run the job of the feed with the job parameters `partition`, `feed` and `key`."""
        job = self._jobs.get(wanted.feed, self._job)
        if job is None:
            return Outcome("not_started", f"LANDFALL_DATABRICKS_JOB_IDS names no job for {wanted.feed}")
        if reason := _unready(wanted):
            return Outcome("not_started", reason)
        landed, partition = wanted.object, str(wanted.partition)
        writing = [job, wanted.feed, partition, landed.bucket, landed.key, landed.version]
        body = {
            "job_id": job,
            "job_parameters": {"partition": partition, "feed": wanted.feed, "key": landed.key},
            # Databricks allows 64 characters, which is what SHA-256 has.
            "idempotency_token": sha256(json.dumps(writing).encode()).hexdigest(),
        }
        match self._api.call("POST", "/api/2.2/jobs/run-now", body=body):
            case {"run_id": int(run_id)}:
                return Outcome("started", f"run {run_id} of job {job}")
        raise self._api.surprise("a run")


def _unready(wanted: Wanted) -> str:
    """Why the object alone does not make its partition ready; empty if it does."""
    _, _, name = wanted.object.key.rpartition(wanted.landing.folder(wanted.partition))
    reason = wanted.landing.ready.lacks_beside(name)
    return f"{reason}, and a Databricks job has no wait" if reason else ""


def _job_ids(env: Mapping[str, str]) -> tuple[dict[str, int], int | None]:
    """Job id by feed, and the one for all other feeds."""
    one, many = env.get("LANDFALL_DATABRICKS_JOB_ID", ""), env.get("LANDFALL_DATABRICKS_JOB_IDS", "")
    if not one and not many:
        _need(env, "LANDFALL_DATABRICKS_JOB_ID")
    try:
        jobs = {str(feed): int(str(job)) for feed, job in json.loads(many or "{}").items()}
        other = int(one) if one else None
    except (ValueError, AttributeError, RecursionError):
        raise SettingsError(
            "LANDFALL_DATABRICKS_JOB_ID or LANDFALL_DATABRICKS_JOB_IDS is malformed.",
            looked='expected a number, and a JSON object such as {"bike_demand/forecast": 123}',
            next="correct it in the configuration of the function (docs/lambda.md)",
        ) from None
    for feed in jobs:
        find_feed(feed)
    return jobs, other


def _need(env: Mapping[str, str], name: str) -> str:
    if value := env.get(name, "").strip():
        return value
    raise SettingsError(
        f"The setting `{name}` is missing.",
        looked="the environment of the function",
        next="set it in the configuration of the function (docs/lambda.md)",
    )
