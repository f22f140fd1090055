"""Jobs that run elsewhere: a file each target, and what they share."""

from landfall.orchestration.elsewhere.job import RemoteJob

__all__ = ["RemoteJob"]
