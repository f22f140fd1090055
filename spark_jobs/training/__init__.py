"""Spark jobs: training."""
