"""Airflow's REST API, as much of it as the command line needs: start a partition's run, wait, say why it failed.

Airflow's own command line costs 5-10 s a call; this answers in milliseconds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
from tenacity import RetryCallState, RetryError, Retrying, stop_after_delay, wait_exponential_jitter

from landfall import errors
from landfall.errors import RunError
from landfall.spec import Partition, Settings
from landfall.spec.run_form import label_of

Json = dict[str, Any]
ENDED = ("success", "failed")
FAILED = "AirflowFailException"
"""What a step raises in place of an error that no retry mends."""
SIGN_IN = "/auth/token"
BUSY = (429, 502, 503, 504)
"""Answers of a server that is overloaded, or of a proxy before one that is away."""
REFUSED = 3.0
"""Seconds for which a port that nothing listens on is tried: a stack that is down is to be told as that, and soon."""


def _worth_another_try(state: RetryCallState) -> bool:
    outcome = state.outcome
    if outcome is None:
        return True
    if (error := outcome.exception()) is None:
        return outcome.result().status_code in BUSY
    if isinstance(error, httpx.ConnectError):
        return (state.seconds_since_start or 0) < REFUSED
    return isinstance(error, httpx.TransportError)


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: what the server asks for, ten at most, else longer each time."""
    outcome = state.outcome
    asked = "" if outcome is None or outcome.failed else outcome.result().headers.get("Retry-After", "")
    return min(float(asked), 10.0) if asked.isdecimal() else _LONGER(state)


_LONGER = wait_exponential_jitter(multiplier=0.3, max=5)
AGAIN = Retrying(
    retry=_worth_another_try,
    wait=_pause,
    stop=stop_after_delay(100),
    reraise=False,
)
"""Three answers that do not come within 30 s each, or many that come at once."""


class AirflowApi:
    """A signed-in client. Every call raises RunError when Airflow is away or refuses.

    What may be asked twice, signing in and reading, is asked again for a while when it is not answered: Airflow's API server
    answers nothing for some seconds after its start, and on a busy machine for a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.http = httpx.Client(base_url=settings.airflow_url, timeout=httpx.Timeout(30, connect=5))
        credentials = {"username": settings.airflow_user, "password": settings.airflow_password}
        token = self._call("POST", SIGN_IN, json=credentials)["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def _call(self, method: str, path: str, **more: Any) -> Json:
        where = f"{self.settings.airflow_url}{path}"
        try:
            answer = self._ask(method, path, **more)
        except httpx.HTTPError as error:
            raise RunError(
                "Airflow does not answer.", looked=f"{where} ({error})", next="landfall ps", fault="server"
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        try:
            detail = answer.json().get("detail", answer.text)
        except ValueError:
            detail = answer.text
        raise RunError(
            f"Airflow refused: {str(detail)[:500]}",
            looked=f"{method} {where}: {answer.status_code}",
            next="landfall ps",
        )

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        if method != "GET" and path != SIGN_IN:  # a POST that was not answered may have been carried out
            return self.http.request(method, path, **more)
        try:
            answer: httpx.Response = AGAIN(self.http.request, method, path, **more)
        except RetryError as error:  # the last answer was an overloaded server's
            answer = error.last_attempt.result()
        return answer

    def _patiently(self, path: str) -> Json:
        """GET while waiting: a server that restarts meanwhile is given a minute."""
        until = time.monotonic() + 60
        while True:
            try:
                return self._call("GET", path)
            except RunError as error:
                if time.monotonic() > until or "does not answer" not in error.what:
                    raise RunError(
                        error.what, looked=error.looked, left="it goes on in Airflow", next=error.next
                    ) from error
                time.sleep(2)

    def check_runnable(self, dag_id: str) -> None:
        """Refuse a DAG that Airflow does not know or could not parse: its runs would wait for ever.

        Raises:
            RunError: with the import error, where there is one.
        """
        broken = self._call("GET", "/api/v2/importErrors", params={"limit": 20})["import_errors"]
        for error in broken:
            if error["filename"].endswith(f"{dag_id}.py"):
                last = error["stack_trace"].strip().splitlines()[-1]
                raise RunError(
                    f"Airflow cannot parse the DAG `{dag_id}`: {last}",
                    looked=error["filename"],
                    left="nothing was started",
                    next="mend the file, then landfall down && landfall up",
                )
        self._call("GET", f"/api/v2/dags/{dag_id}")

    def trigger(self, dag_id: str, *, partition: Partition | None = None, conf: Json | None = None) -> str:
        """Start a run, of one partition where there is one; gives its run id."""
        self.check_runnable(dag_id)
        dates = {"logical_date": None} if partition is None else _dates(partition)
        made = self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={**dates, "conf": conf or {}})
        return str(made["dag_run_id"])

    def runs(self, dag_id: str, first: Partition, last: Partition) -> list[Json]:
        """The runs whose logical dates lie in these partitions, whatever started them."""
        return self.list_runs(dag_id, logical_date_gte=first.start.isoformat(), logical_date_lt=last.end.isoformat())

    def list_runs(self, dag_id: str, **which: str | list[str]) -> list[Json]:
        """The runs that Airflow's own filters (`state`, `logical_date_gte`, ...) leave, oldest first."""
        found: list[Json] = []
        while True:
            page = {**which, "limit": 100, "offset": len(found), "order_by": "id"}
            answer = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=page)
            found += answer["dag_runs"]
            if len(found) >= answer["total_entries"] or not answer["dag_runs"]:
                return found

    def newest_run(self, dag_id: str) -> Json | None:
        """The run of a DAG that was made last; None before the first."""
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"limit": 1, "order_by": "-id"})["dag_runs"]
        return dict(found[0]) if found else None

    def run_partition(self, dag_id: str, partition: Partition) -> str:
        """The run of one partition: the one that is waiting or running, else a new one, or the old one again."""
        found = [run for run in self.runs(dag_id, partition, partition) if run["logical_date"] == _iso(partition)]
        if not found:
            return self.trigger(dag_id, partition=partition)
        run_id = str(found[-1]["dag_run_id"])
        if found[-1]["state"] in ENDED:
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear"
            self._call("POST", path, json={"dry_run": False, "only_failed": False})
        return run_id

    def wait(self, dag_id: str, run_id: str, tell: Callable[[str], None], *, patience: float = 3600) -> None:
        """Wait for a run to succeed, telling the task it is at.

        Raises:
            RunError: it failed; with the reason of the task that failed. Or it took longer than `patience` seconds.
        """
        until = time.monotonic() + patience
        while time.monotonic() < until:
            run = self._patiently(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
            if run["state"] == "success":
                return
            if run["state"] == "failed":
                raise self.why(dag_id, run_id)
            active = [task for task in self.tasks(dag_id, run_id) if task["state"] in ("running", "deferred", "queued")]
            if active:
                tell(f"{active[0]['task_id']} ({active[0]['state']})")
            time.sleep(0.5)
        raise RunError(
            f"The run `{run_id}` of `{dag_id}` has not ended after {patience:.0f} s.",
            looked=f"{self.settings.airflow_url}/dags/{dag_id}/runs/{run_id}",
            left="it goes on",
        )

    def tasks(self, dag_id: str, run_id: str, state: Sequence[str] = ()) -> list[Json]:
        """The task instances of a run, or of every run if it is `~`; the first hundred in one of the states, if any is named."""
        path, which = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", {"limit": 100, "state": list(state)}
        found: list[Json] = self._call("GET", path, params=which)["task_instances"]
        return found

    def why(self, dag_id: str, run_id: str) -> RunError:
        """Why a run failed: the error of its failed task, as its log has it."""
        page = f"{self.settings.airflow_url}/dags/{dag_id}/runs/{run_id}"
        for task in self.tasks(dag_id, run_id):
            if task["state"] == "failed":
                reason = self._reason(dag_id, run_id, task)
                return RunError(f"`{dag_id}` failed in `{task['task_id']}`: {reason}", looked=page)
        return RunError(f"The run `{run_id}` of `{dag_id}` failed.", looked=page)

    def _reason(self, dag_id: str, run_id: str, task: Json) -> str:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        content = self._call("GET", path, headers={"Accept": "application/json"})["content"]
        raised = list(_errors(content))
        ours = [error for error in raised if hasattr(errors, error["exc_type"]) or error["exc_type"] == FAILED]
        first = (ours or raised[-1:] or [{"exc_value": "see its log"}])[0]
        lines = str(first["exc_value"]).splitlines()
        return "\n".join(lines[:12] + (["..."] if len(lines) > 12 else []))

    def backfill(self, dag_id: str, first: Partition, last: Partition) -> int:
        """Start Airflow's own backfill of these partitions, those that ran before included; gives its id."""
        self.check_runnable(dag_id)
        body = {
            "dag_id": dag_id,
            "from_date": first.start.isoformat(),
            "to_date": last.start.isoformat(),
            "reprocess_behavior": "completed",
            "max_active_runs": 4,
            "run_backwards": False,
            "dag_run_conf": {},
        }
        return int(self._call("POST", "/api/v2/backfills", json=body)["id"])

    def until_backfilled(self, dag_id: str, number: int, *, patience: float = 6 * 3600) -> None:
        """Wait until every run of a backfill has ended, and see to it that the DAG can have another.

        Airflow makes one backfill of a DAG at a time, and looks every 30 s whether one has ended. It is told so: there is
        nothing left that this could cancel.
        """
        until = time.monotonic() + patience
        while not self.is_backfilled(dag_id, number):
            if time.monotonic() > until:
                raise RunError(f"The backfill {number} has not ended after {patience:.0f} s.", left="it goes on")
            time.sleep(1)
        if number in self.active_backfills(dag_id):
            self.cancel_backfill(number)

    def is_backfilled(self, dag_id: str, number: int) -> bool:
        """True once every run of a backfill has ended: Airflow makes them all at once, and says so up to 30 s later."""
        told = self._patiently(f"/api/v2/backfills/{number}")
        which = {"logical_date_gte": told["from_date"], "logical_date_lte": told["to_date"], "run_type": "backfill"}
        left = told["completed_at"] is None and self.list_runs(dag_id, **which, state=["queued", "running"])
        return not left

    def active_backfills(self, dag_id: str) -> list[int]:
        """The backfills of a DAG that have not ended: Airflow makes one at a time."""
        found = self._call("GET", "/api/v2/backfills", params={"dag_id": dag_id, "limit": 100})["backfills"]
        return [int(each["id"]) for each in found if each["completed_at"] is None]

    def cancel_backfill(self, number: int) -> None:
        """Start no more of its runs; nothing where it has ended."""
        try:
            self._call("PUT", f"/api/v2/backfills/{number}/cancel")
        except RunError as error:
            if "already completed" not in error.what:
                raise

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        return str(self._patiently(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """What a task of a run reported."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        value: Json = self._call("GET", path, params={"deserialize": True})["value"]
        return value


def _dates(partition: Partition) -> dict[str, str]:
    return {"logical_date": partition.start.isoformat(), "run_after": label_of(partition.start).isoformat()}


def _iso(partition: Partition) -> str:
    return partition.start.isoformat().replace("+00:00", "Z")


def _errors(content: list[Json]) -> Iterator[Json]:
    for line in content:
        if isinstance(line, dict):
            yield from line.get("error_detail") or []
