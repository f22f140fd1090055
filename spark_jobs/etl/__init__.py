"""Spark jobs: from landed objects to features. `features.py` is the job; the other files have pipelines' own functions."""
