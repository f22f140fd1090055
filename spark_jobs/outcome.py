"""The outcome of a job, as a file for whoever started the job elsewhere."""

import json
import re
from collections.abc import Mapping

from landfall.errors import ComputeError, LandfallError
from spark_jobs.files import write_file

CALLING = "An error occurred while calling"
"""How an error of Py4J begins; the cause is on the next line."""

PYTHON_WORKER = "An exception was thrown from the Python worker"
"""How an error of Spark begins if Python code of its executors failed; that code's own error is the last of a traceback."""
RAISED = re.compile(r"[\w.]+(Error|Exception): ")


def write_report(url: str, report: Mapping[str, object]) -> None:
    """Writes that the job succeeded, with its report.

    Raises:
        ComputeError: the store refuses.
    """
    write_file(url, json.dumps({"report": report}).encode())


def write_error(url: str, error: LandfallError) -> None:
    """Writes that the job failed, and why.

    Raises:
        ComputeError: the store refuses.
    """
    write_file(url, json.dumps({"failed": error.to_dict()}).encode())


def job_failed(job: str, text: str, place: str, next_command: str) -> ComputeError:
    """The error of a job that Spark could not finish, in Spark's own words.

    Args:
        job: Name of the job.
        text: The message of Spark, Py4J or a Python library.
        place: What ran it.
        next_command: The command that shows more.
    """
    lines = [line.strip().removeprefix(": ") for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(CALLING)] or [text]
    cause = next((line for line in lines if "Exception" in line and "S3" in line), lines[0])
    if PYTHON_WORKER in cause:
        cause = next((line for line in reversed(lines) if RAISED.match(line)), cause)
    return ComputeError(
        f"The Spark job `{job}` failed: {cause[:400]}",
        looked=place,
        left="its partitions are as they were before, what was published stays",
        next=next_command,
    )
