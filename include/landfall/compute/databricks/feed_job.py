"""The ETL job of a landed partition, for a service that an event starts without Airflow: `landfall-feed feed=... partition=...`.

The words are the job parameters of a Databricks `run-now` as `docs/lambda.md` sends them. What the job is told to do follows
from the declared pipeline, not from the event: the words choose a feed and a partition that exist, and nothing else.
"""

import os
import sys

from landfall.errors import LandfallError, SpecError
from landfall.pipelines import find_feed
from landfall.spec import Partition
from spark_jobs.__main__ import main as run_job

WORDS = ("feed", "partition", "key")
"""What may be told. `key` names the object that landed, in a stranger's words: it is not used."""


def argv_of(words: list[str], bucket: str) -> list[str]:
    """The command line of the ETL job that `words` ask for.

    Args:
        words: `feed=PIPELINE/FEED`, `partition=YYYY-MM-DD`, and perhaps `key=...`.
        bucket: Where the feed lands and its tables are.

    Raises:
        SpecError: a word is missing or unknown, or there is no such feed or partition.
    """
    told = dict(word.partition("=")[::2] for word in words)
    for name in told:
        if name not in WORDS:
            raise SpecError.unknown("parameter", name, list(WORDS))
    for name in ("feed", "partition"):
        if not told.get(name):
            raise SpecError(f"The parameter `{name}` is missing.", looked=" ".join(words) or "no parameters")
    partition = str(Partition.parse(told["partition"]))
    return [*find_feed(told["feed"]).features.argv(partition=partition), "--lake", f"s3a://{bucket}"]


def main() -> None:
    """Run the job that this process's command line asks for, with the bucket of LANDFALL_S3_BUCKET."""
    try:
        argv = argv_of(sys.argv[1:], os.environ.get("LANDFALL_S3_BUCKET") or "landfall")
    except LandfallError as error:
        sys.exit(str(error))
    run_job(argv)


if __name__ == "__main__":
    main()
