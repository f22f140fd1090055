"""Waiting for partitions without a worker: one sweep of a prefix answers everybody who waits there."""
