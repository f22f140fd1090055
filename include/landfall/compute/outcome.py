"""Reads the file of a job that ran elsewhere: its report, or its error with the type that the job raised."""

import json
from collections.abc import Mapping
from typing import Any

from landfall.compute.target import ReportFields
from landfall.errors import ComputeError, from_dict


def report_of(job: str, content: bytes) -> ReportFields:
    """The report in the file that the job wrote.

    Raises:
        LandfallError: the file holds an error. The same error is raised, with the type that the job raised.
        ComputeError: the file does not have the form that a job writes.
    """
    try:
        outcome: Mapping[str, Any] = json.loads(content)
        if "failed" in outcome:
            raise from_dict(outcome["failed"], ComputeError)
        return dict(outcome["report"])
    except (ValueError, KeyError, TypeError) as error:
        raise ComputeError(
            f"The Spark job `{job}` told nothing that can be read.",
            looked=repr(content[:100]),
            left="what it wrote stays, nothing was published",
            next="run the task again",
        ) from error
