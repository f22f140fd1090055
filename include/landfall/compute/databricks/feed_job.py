"""The ETL job of a landed partition, for a service that an event starts without Airflow: `landfall-feed feed=... partition=...`.

The words are the job parameters of a Databricks `run-now`, as `docs/lambda.md` sends them. They only choose a feed that is
declared, and a partition. All else that the job does follows from the declared pipeline, not from the event.
"""

import os
import sys

from landfall.errors import LandfallError, SpecError
from landfall.pipelines import find_feed
from landfall.spec import Partition
from spark_jobs.__main__ import main as run_job

WORDS = ("feed", "partition", "key")
"""The parameters that are allowed. `key` names the object that landed. A stranger chose that name, so it is not used."""


def argv_of(words: list[str], bucket: str) -> list[str]:
    """The command line of the ETL job for these parameters.

    Args:
        words: `feed=PIPELINE/FEED`, `partition=YYYY-MM-DD`, and optionally `key=...`.
        bucket: The bucket where the feed lands and its tables are.

    Raises:
        SpecError: a parameter is missing or unknown, or there is no such feed or partition.
    """
    parameters = dict(word.partition("=")[::2] for word in words)
    for name in parameters:
        if name not in WORDS:
            raise SpecError.unknown("parameter", name, list(WORDS))
    for name in ("feed", "partition"):
        if not parameters.get(name):
            raise SpecError(f"The parameter `{name}` is missing.", looked=" ".join(words) or "no parameters")
    partition = str(Partition.parse(parameters["partition"]))
    return [*find_feed(parameters["feed"]).features.argv(partition=partition), "--lake", f"s3a://{bucket}"]


def main() -> None:
    """Runs the job that this process's command line names, with the bucket in LANDFALL_S3_BUCKET."""
    try:
        argv = argv_of(sys.argv[1:], os.environ.get("LANDFALL_S3_BUCKET") or "landfall")
    except LandfallError as error:
        sys.exit(str(error))
    run_job(argv)


if __name__ == "__main__":
    main()
