"""The error of a job that Spark could not finish: the line that says why, of all that Spark says."""

import pytest

from spark_jobs.outcome import job_failed

LACKS = """
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "pyspark/worker.py", line 2028, in main
    func, profiler, deserializer, serializer = read_udfs(pickleSer, infile, eval_type)
  File "pyspark/serializers.py", line 473, in loads
    return cloudpickle.loads(obj, encoding=encoding)
ModuleNotFoundError: No module named 'numpy'

"""
BELOW = "An exception was thrown from the Python worker. Please see the stack trace below.\nand nothing is below"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "An error occurred while calling o1.save.\n: java.lang.OutOfMemoryError: heap",
            "java.lang.OutOfMemoryError: heap",
        ),
        (
            "boom\nCaused by: com.amazonaws.S3Exception: Access Denied",
            "Caused by: com.amazonaws.S3Exception: Access Denied",
        ),
        (LACKS, "ModuleNotFoundError: No module named 'numpy'"),
        (BELOW, "An exception was thrown from the Python worker. Please see the stack trace below."),
    ],
)
def test_of_all_that_spark_says_the_cause_is_told(said: str, why: str) -> None:
    error = job_failed("score", said, "here", "look there")
    assert str(error) == (
        f"The Spark job `score` failed: {why}\n"
        "  looked: here\n"
        "  left: its partitions are as they were before, what was published stays\n"
        "  next: look there"
    )
