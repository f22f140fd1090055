"""Where Spark jobs run: one Protocol, one verb, a file a target."""

from landfall.compute.target import ComputeTarget, Report

__all__ = ["ComputeTarget", "Report"]
