"""Waiting for partitions without a worker: one sweep of a prefix answers all who wait there."""
