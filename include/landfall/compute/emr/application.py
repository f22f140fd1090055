"""The emr target: each job is a job run of EMR Serverless. An Airflow connection says how the application runs it.

The payloads are those of StartJobRun (docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html). Spark's
configuration is passed as `spark-defaults`, a JSON object, in which values with spaces need no quoting. It holds the name of a
secret, never the secret.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from landfall.compute.local.warm import SMALL
from landfall.compute.target import Order
from landfall.errors import SettingsError
from landfall.json_values import Json
from landfall.spec.settings import PLAIN, SECRET

CONNECTION = "landfall_emr"
"""The Airflow connection, of type `aws`: credentials and region. Its extra holds the fields of `Application` under `landfall`."""
NEEDED = ("application_id", "execution_role_arn", "entry_point", "py_files")
FILE = re.compile(r"(s3://|local://|/)[^\s,#]+")
"""A file that the release has or fetches. It has no spaces, because it becomes a word of a command line."""
DELTA = ("/usr/share/aws/delta/lib/delta-spark.jar", "/usr/share/aws/delta/lib/delta-storage.jar")
"""The jars of the Delta that a release brings. They are on no class path unless a job names them."""
REDACTED = "(?i)secret|password|token|access[.]?key"
"""Spark's default pattern for the settings whose values its pages and its event log hide."""
FEW_ROWS = {
    **SMALL,
    # Two workers of 1 vCPU and 4 GB, instead of EMR's four of 4 vCPU and 16 GB. Half of the memory is for Python, off the heap.
    "spark.driver.cores": "1",
    "spark.driver.memory": "2g",
    "spark.driver.memoryOverhead": "2g",
    "spark.executor.cores": "1",
    "spark.executor.memory": "2g",
    "spark.executor.memoryOverhead": "2g",
    "spark.dynamicAllocation.enabled": "false",
    "spark.executor.instances": "1",
}
"""The Spark configuration of a small job: how it is planned, and what it runs on."""
SOON = {f"spark.{side}.extraJavaOptions": "-XX:TieredStopAtLevel=1" for side in ("driver", "executor")}
"""Java options for a small job, as on a cluster, unless `spark_conf` sets its own. On one vCPU the JVM takes the serial collector
anyway."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """How an application of EMR Serverless runs jobs.

    Args:
        application_id: The application.
        execution_role_arn: The role that says what its jobs may do.
        entry_point: The S3 URL of the file that is started: `spark_jobs/__main__.py`.
        py_files: The S3 URL of the zip of `make wheel`.
        venv: The S3 URL of a packed Python environment; empty if the application's image has the packages.
        jars: The jars on Spark's class path beside its own: S3 URLs, or paths of the release.
        spark_conf: The Spark configuration. For a small job `FEW_ROWS` overrides it.
        environment: Variables of the driver and the executors, in plain sight.
        secrets: Variable of the driver -> the name or ARN of a secret in AWS Secrets Manager.
        logs: The S3 URL under which logs are kept; empty: the application's own setting.
        poll_seconds: The seconds between two requests for the state of a run.
        timeout_minutes: The minutes after which EMR ends a run.

    Raises:
        SettingsError: a field is missing, or makes no sense.
    """

    application_id: str = ""
    execution_role_arn: str = ""
    entry_point: str = ""
    py_files: str = ""
    venv: str = ""
    jars: Sequence[str] = DELTA
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    logs: str = ""
    poll_seconds: int = 15
    timeout_minutes: int = 720

    def __post_init__(self) -> None:
        given = [name for name in NEEDED if getattr(self, name)]
        if len(given) < len(NEEDED):
            raise _senseless("how a job starts", f"{', '.join(NEEDED[:-1])} and {NEEDED[-1]}", given)
        files = {"entry_point": [self.entry_point], "py_files": [self.py_files], "jars": self.jars}
        files |= {"venv": [self.venv] if self.venv else [], "logs": [self.logs] if self.logs else []}
        for name, urls in files.items():
            if wrong := [url for url in urls if not FILE.fullmatch(url)]:
                raise _senseless(f"`{name}`", "s3://BUCKET/KEY, or a path of the release", wrong)
        self._check_secrets()
        if self.poll_seconds < 1:
            raise _senseless("how often a run is asked for", "`poll_seconds` of 1 or more", [str(self.poll_seconds)])
        if self.timeout_minutes < 5:  # EMR's own minimum; and somebody pays for a run that hangs, until it is ended
            raise _senseless("how long a run may go on", "`timeout_minutes` of 5 or more", [str(self.timeout_minutes)])

    def _check_secrets(self) -> None:
        """Raises an error if a secret is given as a value instead of by name. The error shows no value: it may be the secret."""
        if plain := [name for name in self.environment if name in SECRET]:
            raise _senseless(
                "where its secrets are", "them under `secrets`, by name", [f"`environment` with {plain[0]}"]
            )
        if bare := [name for name, secret in self.secrets.items() if not secret or "://" in secret]:
            raise _senseless(f"the secret of {bare[0]}", "the name or ARN of a secret", ["another text, or none"])

    @classmethod
    def read(cls, extra: Mapping[str, Any]) -> Self:
        """The fields under `landfall` in the extra of the connection.

        Raises:
            SettingsError: a field is missing, unknown or of the wrong type, or the fields make no sense together.
        """
        values = extra.get("landfall", {})
        if not isinstance(values, dict):
            raise _senseless("how a job starts", "an object under `landfall`", [type(values).__name__])
        defaults = {attribute.name: getattr(cls, attribute.name, {}) for attribute in fields(cls)}
        for name, value in values.items():
            if name not in defaults:
                raise SettingsError.unknown(f"field of the extra of `{CONNECTION}`", name, list(defaults))
            _check_kind(name, value, defaults[name])
        return cls(**values)

    def job_driver(self, order: Order) -> Json:
        """The `jobDriver` of StartJobRun. Nothing in it is secret."""
        words = ["--py-files", self.py_files]
        if self.jars:
            words += ["--jars", ",".join(self.jars)]
        if self.venv:
            words += ["--archives", f"{self.venv}#environment"]
        start = {"entryPoint": self.entry_point, "entryPointArguments": order.arguments}
        return {"sparkSubmit": {**start, "sparkSubmitParameters": " ".join(words)}}

    def configuration_overrides(self, order: Order) -> Json:
        """The `configurationOverrides` of StartJobRun. It holds the names of secrets; EMR looks them up when the run starts."""
        names = "|".join([self.spark_conf.get("spark.redaction.regex", REDACTED), *self.secrets])
        properties = {
            **(SOON if order.small else {}),
            **self.spark_conf,
            **(FEW_ROWS if order.small else {}),
            **self._environment(order),
            "spark.redaction.regex": names,
        }
        overrides: Json = {"applicationConfiguration": [{"classification": "spark-defaults", "properties": properties}]}
        if self.logs:
            overrides["monitoringConfiguration"] = {"s3MonitoringConfiguration": {"logUri": self.logs}}
        return overrides

    def _environment(self, order: Order) -> dict[str, str]:
        plain = {name: value for name, value in order.settings.of_jobs.items() if value and name in PLAIN}
        python = {"PYSPARK_PYTHON": "./environment/bin/python"} if self.venv else {}
        both = {**plain, **python, **self.environment}
        driver = {**both, "LANDFALL_JOB": order.name}
        if self.venv:
            driver["PYSPARK_DRIVER_PYTHON"] = "./environment/bin/python"
        driver |= {name: f"EMR.secret@{secret}" for name, secret in self.secrets.items()}
        return {
            **{f"spark.emr-serverless.driverEnv.{name}": value for name, value in driver.items()},
            **{f"spark.executorEnv.{name}": value for name, value in both.items()},
        }


def _check_kind(name: str, value: Any, default: Any) -> None:
    if isinstance(default, (str, int)):
        if type(value) is not type(default):
            raise _senseless(f"`{name}`", type(default).__name__, [repr(value)])
        return
    expected, within = ("list", value) if isinstance(default, tuple) else ("dict", getattr(value, "values", list)())
    if type(value).__name__ != expected:
        raise _senseless(f"`{name}`", f"a {expected} of strings", [f"a {type(value).__name__}"])
    if wrong := [item for item in within if not isinstance(item, str)]:
        raise _senseless(f"`{name}`", f"a {expected} of strings", [f"one of {type(wrong[0]).__name__}"])


def _senseless(what: str, expected: str, came: list[str]) -> SettingsError:
    return SettingsError(
        f"The extra of the connection `{CONNECTION}` does not say {what}.",
        looked=f"expected {expected}; came {', '.join(came) or 'none'}",
        left="nothing was started",
        next="docs/compute/emr.md has an example",
    )
