"""Spark jobs: scoring."""
