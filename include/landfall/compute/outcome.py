"""What a job that ran elsewhere has told: its report, or its error as the type it was raised with."""

import json
from collections.abc import Mapping
from typing import Any

from landfall.compute.target import Report
from landfall.errors import ComputeError, from_dict


def report_of(job: str, told: bytes) -> Report:
    """The report in the file that the job wrote.

    Raises:
        LandfallError: the file tells of a failure: the same error, of the same type, that the job raised.
        ComputeError: the file is not what a job writes.
    """
    try:
        found: Mapping[str, Any] = json.loads(told)
        if "failed" in found:
            raise from_dict(found["failed"], ComputeError)
        return dict(found["report"])
    except (ValueError, KeyError, TypeError) as error:
        raise ComputeError(
            f"The Spark job `{job}` told nothing that can be read.",
            looked=repr(told[:100]),
            left="what it wrote stays, nothing was published",
            next="run the task again",
        ) from error
