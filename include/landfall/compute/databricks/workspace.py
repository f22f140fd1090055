"""The databricks target: one run of the Jobs API a job, by an Airflow connection that says how the workspace runs it.

The payloads are those of Jobs API 2.2 (docs.databricks.com/api/workspace/jobs/submit and .../runnow).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from landfall.compute.target import Order
from landfall.errors import SettingsError
from landfall.json_values import Json

CONNECTION = "landfall_databricks"
"""The Airflow connection: host, token or service principal; under `landfall` in its extra the fields of `Workspace`."""
TASK = "job"
"""Key of the one task of a run."""
ENVIRONMENT = "landfall"
"""Key of the environment of a serverless run."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """How a workspace runs jobs.

    Args:
        wheel: Where the wheel of `make wheel` is: a path in a volume or in the workspace, or an S3 URL.
        python_file: A file of the workspace that starts a job, in place of the wheel's entry point.
        job_id: A job of the workspace that takes the command line as its parameters, run in place of one of our own making.
        new_cluster: The cluster that each run starts. Without it and `existing_cluster_id` runs are serverless.
        existing_cluster_id: A cluster that is there.
        environment_version: Of the serverless environment.
        secret_scope: A scope whose secrets a job reads itself, for serverless runs, which have no other environment.
        catalog: A catalog of Unity Catalog that holds the tables; without it they are Delta folders of the bucket.
        requirements: What is installed beside the wheel, such as `adbc-driver-postgresql==1.7.0`.
        access_control_list: Who may see and stop a run.
        timeout_seconds: When a run is given up; 0 is never.
        poll_seconds: How often a run is asked for.
        repair: A run of `job_id` that failed is repaired once.

    Raises:
        SettingsError: it says two things at once, or not enough.
    """

    wheel: str = ""
    python_file: str = ""
    job_id: int = 0
    new_cluster: Mapping[str, Any] = field(default_factory=dict)
    existing_cluster_id: str = ""
    environment_version: str = "4"
    secret_scope: str = ""
    catalog: str = ""
    requirements: Sequence[str] = ()
    access_control_list: Sequence[Mapping[str, str]] = ()
    timeout_seconds: int = 0
    poll_seconds: int = 10
    repair: bool = False

    def __post_init__(self) -> None:
        starts = [name for name in ("wheel", "python_file", "job_id") if getattr(self, name)]
        if len(starts) != 1:
            raise _senseless("what starts a job", "one of `wheel`, `python_file` and `job_id`", starts)
        where = [name for name in ("new_cluster", "existing_cluster_id") if getattr(self, name)]
        if len(where) > 1:
            raise _senseless("where a job runs", "`new_cluster`, `existing_cluster_id` or neither", where)
        if self.job_id and where:
            raise _senseless("where a job runs", "that the job `job_id` says it", where)
        if self.repair and not self.job_id:
            raise _senseless("what is repaired", "`repair` with a `job_id`: only runs of a job can be", ["repair"])
        if self.poll_seconds < 1:
            raise _senseless("how often a run is asked for", "`poll_seconds` of 1 or more", [str(self.poll_seconds)])

    @classmethod
    def read(cls, extra: Mapping[str, Any]) -> Self:
        """The fields under `landfall` in the extra of the connection.

        Raises:
            SettingsError: a field is unknown or of another type, or they make no sense together.
        """
        told = extra.get("landfall", {})
        known = {one.name: type(one.default) for one in fields(cls)}
        for name, value in told.items():
            if name not in known:
                raise SettingsError.unknown(f"field of the extra of `{CONNECTION}`", name, list(known))
            if known[name] in (str, int, bool) and not isinstance(value, known[name]):
                raise _senseless(f"`{name}`", known[name].__name__, [repr(value)])
        return cls(**told)

    def submitted(self, order: Order) -> Json:
        """The body of `runs/submit`: one run of one task, on a cluster of its own, one that is there, or serverless."""
        task: Json = {"task_key": TASK, **self._start(order), **self._place()}
        body: Json = {"run_name": order.name, "idempotency_token": order.token, "tasks": [task]}
        if self.timeout_seconds:
            task["timeout_seconds"] = self.timeout_seconds
        if self.serverless:
            needs = [*([self.wheel] if self.wheel else []), *self.requirements]
            spec = {"environment_version": self.environment_version, "dependencies": needs}
            body["environments"] = [{"environment_key": ENVIRONMENT, "spec": spec}]
        if self.access_control_list:
            body["access_control_list"] = [dict(each) for each in self.access_control_list]
        return body

    def run_now(self, order: Order) -> Json:
        """The body of `run-now`: the job of the workspace with another command line."""
        return {"job_id": self.job_id, "idempotency_token": order.token, "python_params": self._arguments(order)}

    @property
    def serverless(self) -> bool:
        """Whether Databricks decides what a submitted job runs on."""
        return not (self.new_cluster or self.existing_cluster_id)

    def _arguments(self, order: Order) -> list[str]:
        options = {"--catalog": self.catalog, "--secrets": self.secret_scope}
        return [*order.arguments, *(word for option in options.items() if option[1] for word in option)]

    def _start(self, order: Order) -> Json:
        words = self._arguments(order)
        if self.python_file:
            return {"spark_python_task": {"python_file": self.python_file, "parameters": words}}
        entry = {"package_name": "landfall", "entry_point": "landfall-job", "parameters": words}
        return {"python_wheel_task": entry}

    def _place(self) -> Json:
        if self.serverless:
            return {"environment_key": ENVIRONMENT}
        libraries: list[Json] = [{"whl": self.wheel}] if self.wheel else []
        libraries += [{"pypi": {"package": each}} for each in self.requirements]
        place: Json = {"existing_cluster_id": self.existing_cluster_id} if self.existing_cluster_id else {}
        if self.new_cluster:
            place["new_cluster"] = dict(self.new_cluster)
        return {**place, **({"libraries": libraries} if libraries else {})}


def _senseless(what: str, expected: str, came: list[str]) -> SettingsError:
    return SettingsError(
        f"The extra of the connection `{CONNECTION}` does not say {what}.",
        looked=f"expected {expected}; came {', '.join(came) or 'none'}",
        left="nothing was started",
        next="docs/compute/databricks.md has an example of each",
    )
