"""Spark jobs: pure DataFrame -> DataFrame functions behind one door, `python -m spark_jobs NAME ...`."""
