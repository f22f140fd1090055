"""The one entry point to the Spark jobs: `python -m spark_jobs NAME --option value ...`.

The same command line runs through Spark Connect (`run`, with a session of the caller), under spark-submit, and as a task of a
service. The last line printed is the job's report as JSON. With `--report`, the report or the error is also written to a file.
"""

import argparse
import importlib
import json
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Protocol, cast

from landfall.errors import ComputeError, LandfallError
from landfall.spec.jobs import JOBS
from spark_jobs.lake import Lake
from spark_jobs.outcome import job_failed, write_error, write_report
from spark_jobs.session import open_session, session_name, take_secrets

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ReportFields = dict[str, object]
"""What a job did: counts and versions, small enough to travel as JSON."""


class JobModule(Protocol):
    """The interface of every job file."""

    def main(self, spark: "SparkSession", options: argparse.Namespace) -> ReportFields:
        """Runs the job."""


def parse(argv: list[str]) -> tuple[JobModule, argparse.Namespace]:
    """The job that `argv` names and its options.

    Raises:
        ComputeError: no job has that name.
        SystemExit: an option is missing or unknown (argparse's own message).
    """
    name = argv[0] if argv else ""
    if name not in JOBS:
        raise ComputeError.unknown("Spark job", name, list(JOBS))
    job = cast(JobModule, importlib.import_module(JOBS[name].module))
    parser = argparse.ArgumentParser(prog=f"python -m spark_jobs {name}", description=job.__doc__)
    parser.add_argument("--lake", required=True, help="root of the landed objects and the Delta tables: s3a://BUCKET")
    parser.add_argument(
        "--catalog", default="", help="the catalog that holds the tables instead, such as Unity Catalog's"
    )
    parser.add_argument(
        "--report", default="", metavar="URL", help="a file to write the report to, or why the job failed"
    )
    parser.add_argument(
        "--secrets", default="", metavar="SCOPE", help="a Databricks scope whose secrets are to be in the environment"
    )
    for option in JOBS[name].options:
        parser.add_argument(
            f"--{option.name}",
            type=option.read,
            required=option.required,
            default=None if option.required else option.default,
            choices=option.choices or None,
            help=option.help,
        )
    options = parser.parse_args(argv[1:])
    options.lake = Lake(options.lake, options.catalog)
    return job, options


def run(argv: list[str], spark: "SparkSession") -> ReportFields:
    """Runs one job on a session that the caller owns, and gives its report."""
    job, options = parse(argv)
    _activate(spark)
    return job.main(spark, options)


def _activate(spark: "SparkSession") -> None:
    """Makes a Connect session the active one of the thread: Spark ML uses only that one to read, write and run models."""
    active = getattr(type(spark), "_active_session", None)
    if isinstance(active, threading.local):
        active.session = spark


def main(argv: list[str] | None = None) -> None:
    """Runs the job named by `argv` (default: this process's command line) in a session of its own."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__, "\nJobs:", *JOBS, sep="\n  ")
        return
    try:
        job, options = parse(argv)
    except LandfallError as error:
        sys.exit(str(error))
    try:
        if options.secrets:
            take_secrets(options.secrets)
        report = job.main(open_session(argv[0]), options)
    except Exception as error:
        failed = error if isinstance(error, LandfallError) else _failed(argv[0], error)
        if options.report:
            write_error(options.report, failed)
        sys.exit(str(failed))
    if options.report:
        write_report(options.report, report)
    print(json.dumps(report))


def _failed(job: str, error: Exception) -> LandfallError:
    traceback.print_exception(error)
    text = str(error) or type(error).__name__
    return job_failed(job, text, f"Spark, as the application {session_name(job)}", "see the log of the application")


if __name__ == "__main__":
    main()
