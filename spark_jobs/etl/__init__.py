"""Spark jobs: etl."""
