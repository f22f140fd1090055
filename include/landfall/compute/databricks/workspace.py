"""The databricks target: each job is a run of the Jobs API. An Airflow connection says how the workspace runs it.

The payloads are those of Jobs API 2.2 (docs.databricks.com/api/workspace/jobs/submit and .../runnow).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from landfall.compute.target import Order
from landfall.errors import SettingsError
from landfall.json_values import Json

CONNECTION = "landfall_databricks"
"""The Airflow connection: host, token or service principal. Under `landfall`, its extra holds the fields of `Workspace`."""
TASK = "job"
"""The key of a run's only task."""
ENVIRONMENT = "landfall"
"""The key of the environment of a serverless run."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """How a workspace runs jobs.

    Args:
        wheel: The place of the wheel of `make wheel`: a path in a volume or in the workspace, or an S3 URL.
        python_file: A file of the workspace that starts a job, instead of the wheel's entry point.
        job_id: A job of the workspace that takes the command line as its parameters. It is run instead of a job of our own.
        new_cluster: The cluster that each run starts. Without it and `existing_cluster_id` runs are serverless.
        existing_cluster_id: The id of a cluster that exists.
        environment_version: The version of the serverless environment.
        secret_scope: A scope whose secrets a job reads itself. Serverless runs need it, because they have no other environment.
        catalog: A catalog of Unity Catalog that holds the tables. Without it they are Delta folders of the bucket.
        requirements: The packages that are installed beside the wheel, such as `adbc-driver-postgresql==1.7.0`.
        access_control_list: Who may see and stop a run.
        timeout_seconds: The seconds after which a run is given up; 0 means never.
        poll_seconds: The seconds between two requests for the state of a run.
        repair: True if a run of `job_id` that failed is repaired once.

    Raises:
        SettingsError: fields contradict each other, or one is missing.
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
        clusters = [name for name in ("new_cluster", "existing_cluster_id") if getattr(self, name)]
        if len(clusters) > 1:
            raise _senseless("where a job runs", "`new_cluster`, `existing_cluster_id` or neither", clusters)
        if self.job_id and clusters:
            raise _senseless("where a job runs", "that the job `job_id` says it", clusters)
        if self.repair and not self.job_id:
            raise _senseless("what is repaired", "`repair` with a `job_id`: only runs of a job can be", ["repair"])
        if self.poll_seconds < 1:
            raise _senseless("how often a run is asked for", "`poll_seconds` of 1 or more", [str(self.poll_seconds)])

    @classmethod
    def read(cls, extra: Mapping[str, Any]) -> Self:
        """The fields under `landfall` in the extra of the connection.

        Raises:
            SettingsError: a field is unknown or has the wrong type, or the fields make no sense together.
        """
        values = extra.get("landfall", {})
        known = {attribute.name: type(attribute.default) for attribute in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise SettingsError.unknown(f"field of the extra of `{CONNECTION}`", name, list(known))
            if known[name] in (str, int, bool) and not isinstance(value, known[name]):
                raise _senseless(f"`{name}`", known[name].__name__, [repr(value)])
        return cls(**values)

    def submitted(self, order: Order) -> Json:
        """The body of `runs/submit`: a run of one task, on a new cluster, on an existing one, or serverless."""
        task: Json = {"task_key": TASK, **self._start(order), **self._place()}
        body: Json = {"run_name": order.name, "idempotency_token": order.token, "tasks": [task]}
        if self.timeout_seconds:
            task["timeout_seconds"] = self.timeout_seconds
        if self.serverless:
            needs = [*([self.wheel] if self.wheel else []), *self.requirements]
            spec = {"environment_version": self.environment_version, "dependencies": needs}
            body["environments"] = [{"environment_key": ENVIRONMENT, "spec": spec}]
        if self.access_control_list:
            body["access_control_list"] = [dict(entry) for entry in self.access_control_list]
        return body

    def run_now(self, order: Order) -> Json:
        """The body of `run-now`: the workspace's own job, with the order's command line."""
        return {"job_id": self.job_id, "idempotency_token": order.token, "python_params": self._arguments(order)}

    @property
    def serverless(self) -> bool:
        """True if a submitted job has no cluster, so that Databricks decides what it runs on."""
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
        libraries += [{"pypi": {"package": requirement}} for requirement in self.requirements]
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
