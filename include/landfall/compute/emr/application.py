"""The emr target: one job run of EMR Serverless a job, by an Airflow connection that says how the application runs it.

The payloads are those of StartJobRun (docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html). What is
Spark's goes in as `spark-defaults`, a JSON object, where values with spaces need no quoting; a secret goes in as its name there.
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
"""The Airflow connection, of type `aws`: credentials and region; under `landfall` in its extra the fields of `Application`."""
NEEDED = ("application_id", "execution_role_arn", "entry_point", "py_files")
FILE = re.compile(r"(s3://|local://|/)[^\s,#]+")
"""A file that the release has, or that it fetches. Without spaces: these go in as words of a command line."""
DELTA = ("/usr/share/aws/delta/lib/delta-spark.jar", "/usr/share/aws/delta/lib/delta-storage.jar")
"""Where a release keeps the Delta that it comes with; on no class path unless asked for."""
REDACTED = "(?i)secret|password|token|access[.]?key"
"""Spark's own pattern of what its pages and its event log hide."""
FEW_ROWS = {
    **SMALL,
    # Two workers of 1 vCPU and 4 GB, in place of EMR's four of 4 vCPU and 16 GB. Half is left to Python, outside the heap.
    "spark.driver.cores": "1",
    "spark.driver.memory": "2g",
    "spark.driver.memoryOverhead": "2g",
    "spark.executor.cores": "1",
    "spark.executor.memory": "2g",
    "spark.executor.memoryOverhead": "2g",
    "spark.dynamicAllocation.enabled": "false",
    "spark.executor.instances": "1",
}
"""How a small job is planned, and what it runs on."""
SOON = {f"spark.{side}.extraJavaOptions": "-XX:TieredStopAtLevel=1" for side in ("driver", "executor")}
"""As on a cluster, unless `spark_conf` has options of its own. On one vCPU the JVM takes the serial collector anyway."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """How an application of EMR Serverless runs jobs.

    Args:
        application_id: The application.
        execution_role_arn: What its jobs may do.
        entry_point: S3 URL of the file that starts: `spark_jobs/__main__.py`.
        py_files: S3 URL of the zip of `make wheel`.
        venv: S3 URL of a packed Python environment; empty where the application's image has the packages.
        jars: What is on Spark's class path beside its own: S3 URLs, or paths of the release.
        spark_conf: Spark's configuration. `FEW_ROWS` wins where a job is small.
        environment: Variables of the driver and the executors, in plain sight.
        secrets: Variables of the driver, each with the name or ARN of a secret of AWS Secrets Manager.
        logs: S3 URL under which logs are kept; empty: where the application itself says.
        poll_seconds: How often a run is asked for.
        timeout_minutes: How long EMR lets a run go on.

    Raises:
        SettingsError: it does not say enough, or says what makes no sense.
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
        told = [name for name in NEEDED if getattr(self, name)]
        if len(told) < len(NEEDED):
            raise _senseless("how a job starts", f"{', '.join(NEEDED[:-1])} and {NEEDED[-1]}", told)
        files = {"entry_point": [self.entry_point], "py_files": [self.py_files], "jars": self.jars}
        files |= {"venv": [self.venv] if self.venv else [], "logs": [self.logs] if self.logs else []}
        for name, urls in files.items():
            if wrong := [url for url in urls if not FILE.fullmatch(url)]:
                raise _senseless(f"`{name}`", "s3://BUCKET/KEY, or a path of the release", wrong)
        self._check_secrets()
        if self.poll_seconds < 1:
            raise _senseless("how often a run is asked for", "`poll_seconds` of 1 or more", [str(self.poll_seconds)])
        if self.timeout_minutes < 5:  # what EMR takes at least; and without an end a run that hangs is paid for
            raise _senseless("how long a run may go on", "`timeout_minutes` of 5 or more", [str(self.timeout_minutes)])

    def _check_secrets(self) -> None:
        """No value is told again here: it may be the secret itself."""
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
            SettingsError: a field is missing, unknown or of another type, or they make no sense together.
        """
        told = extra.get("landfall", {})
        if not isinstance(told, dict):
            raise _senseless("how a job starts", "an object under `landfall`", [type(told).__name__])
        defaults = {one.name: getattr(cls, one.name, {}) for one in fields(cls)}
        for name, value in told.items():
            if name not in defaults:
                raise SettingsError.unknown(f"field of the extra of `{CONNECTION}`", name, list(defaults))
            _check_kind(name, value, defaults[name])
        return cls(**told)

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
        """The `configurationOverrides` of StartJobRun. A secret is in it by its name: EMR looks it up when the run starts."""
        names = "|".join([self.spark_conf.get("spark.redaction.regex", REDACTED), *self.secrets])
        properties = {
            **(SOON if order.small else {}),
            **self.spark_conf,
            **(FEW_ROWS if order.small else {}),
            **self._environment(order),
            "spark.redaction.regex": names,
        }
        told: Json = {"applicationConfiguration": [{"classification": "spark-defaults", "properties": properties}]}
        if self.logs:
            told["monitoringConfiguration"] = {"s3MonitoringConfiguration": {"logUri": self.logs}}
        return told

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
    if wrong := [each for each in within if not isinstance(each, str)]:
        raise _senseless(f"`{name}`", f"a {expected} of strings", [f"one of {type(wrong[0]).__name__}"])


def _senseless(what: str, expected: str, came: list[str]) -> SettingsError:
    return SettingsError(
        f"The extra of the connection `{CONNECTION}` does not say {what}.",
        looked=f"expected {expected}; came {', '.join(came) or 'none'}",
        left="nothing was started",
        next="docs/compute/emr.md has an example",
    )
