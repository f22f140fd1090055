"""What a command that waits for runs says of the one that it waits for."""

import io
from typing import Any

import pytest
from rich.console import Console

from landfall.cli.output import Output
from landfall.cli.waiting import bar_of, doing_now
from landfall.pipelines.bike_demand import FORECAST
from landfall.runs.many import Doing
from landfall.spec import Partition
from landfall.spec.settings import S3, Settings

DAY = Partition.parse("2015-01-12")
SETTINGS = Settings(
    s3=S3(bucket="lake"), database_url="", mlflow_tracking_uri="", mlflow_artifacts="", spark_remote="",
    airflow_url="http://airflow", code_version="c0de",
)  # fmt: skip


@pytest.mark.parametrize(
    ("doing", "said"),
    [
        (
            Doing(DAY, "r", "deferred", "wait_for_landing"),
            "2015-01-12 waits for data to land at s3://lake/bike_sharing/forecast/dt=2015-01-12/",
        ),
        (Doing(DAY, "r", "running", "make_features"), "2015-01-12: make_features (running)"),
        (Doing(DAY, "r", "queued"), "2015-01-12: queued"),
        (
            Doing(DAY, "r", "queued", held="its backfill 7 is paused"),
            "2015-01-12 goes on no further: its backfill 7 is paused; see http://airflow/dags/bike_forecast/runs/r",
        ),
    ],
)
def test_it_says_what_it_waits_for(doing: Doing, said: str) -> None:
    assert doing_now(SETTINGS, FORECAST, doing) == said


@pytest.mark.parametrize("terminal", [True, False])
def test_where_nobody_watches_a_bar_it_says_once_what_is_to_be_waited_for(terminal: bool) -> None:
    out, screen = Output(json=True), io.StringIO()
    out.errors = Console(file=screen, force_terminal=terminal, width=200, soft_wrap=True)
    with bar_of(out, "bike_forecast", 2) as step:
        step.say("2015-01-12: make_features (running)")
        step.tell("2015-01-12 waits for [data]", True)
        step.tell("2015-01-12 waits for [data]", True)
    said: Any = screen.getvalue()
    assert "bike_forecast: 2015-01-12 waits for [data]" in said
    if not terminal:
        assert said.count("waits for") == 1
        assert "make_features" not in said
