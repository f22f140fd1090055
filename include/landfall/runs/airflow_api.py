"""The part of Airflow's REST API that the command line needs: start a partition's run, wait for it, say why it failed.

Airflow's own command line takes 5-10 s a call; the REST API answers in milliseconds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

from landfall import errors
from landfall.errors import RunError
from landfall.json_values import Json
from landfall.runs.backfills import Backfill, hold_of, is_bound
from landfall.runs.client import AirflowClient
from landfall.spec import Partition, Settings
from landfall.spec.run_form import BACKFILL, label_of, named_day

ENDED = ("success", "failed")
PAGE = 100
"""How many runs Airflow gives in one answer; its own limit, unless an operator has set another."""
FAILED = "AirflowFailException"
"""The exception that a step raises in place of an error that no retry mends."""


class AirflowApi(AirflowClient):
    """Requests to Airflow, one method for each."""

    def dag(self, dag_id: str) -> Json:
        """A DAG as Airflow knows it, with `is_paused`.

        Raises:
            RunError: there is no such DAG.
        """
        try:
            return self._call("GET", f"/api/v2/dags/{dag_id}")
        except RunError as error:
            if error.status != 404:
                raise
            raise RunError(
                f"Airflow has no DAG `{dag_id}`.",
                looked=error.looked,
                left="nothing was started",
                next=f"write dags/{dag_id}.py; Airflow finds it by itself",
            ) from None

    def set_paused(self, dag_id: str, paused: bool) -> None:
        """Turns the switch of a DAG off (paused) or on.

        Raises:
            RunError: there is no such DAG, or Airflow is away.
        """
        self.dag(dag_id)
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": paused})

    def check_runnable(self, dag_id: str) -> None:
        """Refuses a DAG that Airflow does not know, cannot parse, or has paused: its runs would wait for ever.

        Raises:
            RunError: with the import error, if there is one.
        """
        broken = self._call("GET", "/api/v2/importErrors", params={"limit": 20})["import_errors"]
        for error in broken:
            if PurePosixPath(error["filename"]).name == f"{dag_id}.py":
                last = error["stack_trace"].strip().splitlines()[-1]
                raise RunError(
                    f"Airflow cannot parse the DAG `{dag_id}`: {last}",
                    looked=error["filename"],
                    left="nothing was started",
                    next="mend the file, then landfall down && landfall up",
                )
        if self.dag(dag_id).get("is_paused"):
            raise RunError(
                f"The DAG `{dag_id}` is paused: no run of it goes on.",
                looked=f"{self.settings.airflow_url}/dags/{dag_id}",
                left="nothing was started",
                next=unpause(self.settings, dag_id),
            )

    def trigger(
        self,
        dag_id: str,
        *,
        partition: Partition | None = None,
        moment: datetime | None = None,
        conf: Json | None = None,
    ) -> str:
        """Starts a run, and gives its run id.

        Args:
            dag_id: Its DAG.
            partition: Its partition, if it has one.
            moment: A moment of that day, as the logical date, if another run has the partition's own: see `Partition.also_at`.
            conf: The values for the form of a run that is started by hand.
        """
        self.check_runnable(dag_id)
        date = moment or (partition.start if partition else None)
        dates = {"logical_date": None} if date is None else _dates(date)
        created = self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={**dates, "conf": conf or {}})
        return str(created["dag_run_id"])

    def runs(self, dag_id: str, first: Partition, last: Partition) -> list[Json]:
        """The runs whose logical dates are in these partitions, whatever started them."""
        return self.list_runs(dag_id, logical_date_gte=first.start.isoformat(), logical_date_lt=last.end.isoformat())

    def list_runs(self, dag_id: str, **filters: str | list[str]) -> list[Json]:
        """The runs that pass Airflow's own filters (`state`, `logical_date_gte`, ...), oldest first."""
        runs: list[Json] = []
        while True:
            page = {**filters, "limit": PAGE, "offset": len(runs), "order_by": "id"}
            answer = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=page)
            runs += answer["dag_runs"]
            if len(runs) >= answer["total_entries"] or not answer["dag_runs"]:
                return runs

    def newest_run(self, dag_id: str) -> Json | None:
        """The run of a DAG that was created last; None if there is none."""
        runs = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"limit": 1, "order_by": "-id"})["dag_runs"]
        return dict(runs[0]) if runs else None

    def run_partition(self, dag_id: str, partition: Partition, *, instead: bool = False) -> str:
        """Makes sure that a partition has a run: the one that waits or runs, else an old one run again, else a new one.

        A run that its backfill holds is left alone, and so is an ended run that could not start again: a new run is created
        beside it.

        Args:
            dag_id: The DAG.
            partition: The partition.
            instead: True if queued runs shall not be waited for, because they are known to be held up.

        Returns:
            The run id.
        """
        runs = [run for run in self.runs(dag_id, partition, partition) if _is_of(run, partition)]
        backfills = self.backfills(dag_id) if any(run["run_type"] == BACKFILL for run in runs) else []
        for run in reversed(runs):
            held = run["state"] == "queued" and (instead or hold_of(run, backfills, datetime.now(UTC)))
            if run["state"] not in ENDED and not held:
                return str(run["dag_run_id"])
        for run in reversed(runs):
            if run["state"] in ENDED and not is_bound(run, backfills):
                self.check_runnable(dag_id)
                path = f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}/clear"
                self._call("POST", path, json={"dry_run": False, "only_failed": False})
                return str(run["dag_run_id"])
        return self.trigger(dag_id, partition=partition, moment=partition.also_at(datetime.now(UTC)) if runs else None)

    def wait(self, dag_id: str, run_id: str, tell: Callable[[str], None], *, patience: float = 3600) -> None:
        """Waits for a run to succeed; `tell` is called with the task that it is at.

        Raises:
            RunError: the run failed, with the reason of the task that failed; or it took longer than `patience` seconds.
        """
        until = time.monotonic() + patience
        while time.monotonic() < until:
            run = self.run(dag_id, run_id)
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
        """The first hundred task instances of a run (`~`: of every run); with `state`, only those in one of these states."""
        path, filters = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", {"limit": 100, "state": list(state)}
        instances: list[Json] = self._call("GET", path, params=filters)["task_instances"]
        return instances

    def why(self, dag_id: str, run_id: str) -> RunError:
        """Why a run failed: the error of its failed task, from the task's log."""
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

    def backfill(self, dag_id: str, first: Partition, last: Partition) -> Backfill:
        """Starts Airflow's own backfill of these partitions, including those that ran before.

        Raises:
            RunError: another backfill of the DAG is not over (Airflow then answers 409), or Airflow is away.
        """
        body = {
            "dag_id": dag_id,
            "from_date": first.start.isoformat(),
            "to_date": last.start.isoformat(),
            "reprocess_behavior": "completed",
            "max_active_runs": 4,
            "run_backwards": False,
            "dag_run_conf": {},
        }
        return Backfill.of(self._call("POST", "/api/v2/backfills", json=body))

    def backfills(self, dag_id: str) -> list[Backfill]:
        """The backfills of a DAG, newest first. Airflow runs one at a time."""
        backfills: list[Backfill] = []
        while True:
            page = {"dag_id": dag_id, "limit": 100, "offset": len(backfills), "order_by": "-id"}
            answer = self._call("GET", "/api/v2/backfills", params=page)
            backfills += map(Backfill.of, answer["backfills"])
            if len(backfills) >= answer["total_entries"] or not answer["backfills"]:
                return backfills

    def give_up(self, dag_id: str, run_id: str, note: str) -> None:
        """Ends a run that was never started, or can no longer be started, as failed, with a note on its page.

        If the run was cleared, what it did before stays in its history.
        """
        self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed", "note": note[:1000]})

    def finish_runs(self, dag_id: str, note: str) -> None:
        """Ends the runs of a DAG that go on, as successful, with a note. Airflow itself ends no run of a DAG that is paused."""
        for run in self.list_runs(dag_id, state=["running", "queued"]):
            body = {"state": "success", "note": note[:1000]}
            self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}", json=body)

    def run(self, dag_id: str, run_id: str) -> Json:
        """A run. A server that restarts meanwhile gets a minute to answer."""
        return self._patiently(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        return str(self.run(dag_id, run_id)["state"])

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """The report of a task of a run: its XCom `return_value`."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        value: Json = self._call("GET", path, params={"deserialize": True})["value"]
        return value


def _dates(moment: datetime) -> dict[str, str]:
    return {"logical_date": moment.isoformat(), "run_after": label_of(moment).isoformat()}


def unpause(settings: Settings, dag_id: str) -> str:
    """What a person does so that the runs of a paused DAG go on."""
    return f"airflow dags unpause {dag_id}    (or the switch on {settings.airflow_url}/dags/{dag_id})"


def _is_of(run: Json, partition: Partition) -> bool:
    """True if the form of the run names this partition, or names none."""
    return named_day(run["run_type"], run.get("conf") or {}) in ("", str(partition))


def _errors(content: list[Json]) -> Iterator[Json]:
    for line in content:
        if isinstance(line, dict):
            yield from line.get("error_detail") or []
