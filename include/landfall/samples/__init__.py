"""Samples: made-up data with real structure, to try a pipeline with."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from landfall.errors import LandingError
from landfall.samples.bike_demand import SampleFile, write_bike_sample

SAMPLES: dict[str, Callable[[Path, int, date], tuple[SampleFile, ...]]] = {"bike_demand": write_bike_sample}


def write_sample(pipeline: str, folder: Path, days: int, until: date) -> tuple[SampleFile, ...]:
    """Writes the sample of `pipeline` into `folder`: one file per feed; the actuals cover `days` days that end with `until`.

    Raises:
        LandingError: there is no sample of that pipeline, `days` is out of reach, or the folder cannot be written.
    """
    if pipeline not in SAMPLES:
        raise LandingError.unknown("sample", pipeline, list(SAMPLES), next="landfall sample bike_demand --out data")
    return SAMPLES[pipeline](folder, days, until)


__all__ = ["SAMPLES", "SampleFile", "write_bike_sample", "write_sample"]
