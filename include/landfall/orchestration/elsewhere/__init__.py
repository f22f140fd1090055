"""Jobs that run elsewhere: one file per target, and what they share."""

from landfall.orchestration.elsewhere.job import RemoteJob

__all__ = ["RemoteJob"]
