"""What the tests of runs share: sample data of 2014, and Airflow's API."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

import pytest

from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Settings

LAST = date(2014, 4, 3)
DAYS = 34


class Stack(Protocol):
    """The suite's stack, as far as these tests ask it."""

    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True)
class Sample:
    """Files of 1 March to 3 April 2014 (forecasts: to 5 April), and the command line to land parts of them with."""

    files: dict[str, Path]
    landfall: Callable[..., "CompletedProcess[str]"]

    def land(self, feed: str, first: str, last: str) -> None:
        """Lands the days `first` to `last` of one feed."""
        done = self.landfall("land", f"bike_demand/{feed}", str(self.files[feed]), "--from", first, "--until", last)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def sample(landfall: Callable[..., "CompletedProcess[str]"], tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Made-up hours of 2014, not landed yet."""
    files = write_sample("bike_demand", tmp_path_factory.mktemp("sample"), DAYS, LAST)
    return Sample({each.feed: each.path for each in files}, landfall)


@pytest.fixture(scope="session")
def api(stack: Stack) -> AirflowApi:
    """Airflow's REST API, signed in."""
    return AirflowApi(stack.settings)
