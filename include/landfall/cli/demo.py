"""`landfall demo`: the whole life of a partition on this machine, stage by stage."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, Output, Progress, answering
from landfall.errors import RunError
from landfall.pipelines.bike_demand import ACTUALS, BIKE_DEMAND, CITY, FORECAST, PREDICTIONS, STATE, TRAINING
from landfall.runs import AirflowApi
from landfall.spec import Feed, Partition
from landfall.stack.state import StackState


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(demo)


def demo(
    days: Annotated[int, typer.Option(metavar="N", min=14, help="Days of sample actuals to land.")] = 120,
    json: JsonFlag = False,
) -> None:
    """Start the stack, land a sample, train, publish tomorrow's predictions, and look one up. The stack stays up."""
    with answering(json) as out:
        Demo(out, days).run()


FORECASTS = 7
"""The number of newest days, which land after the model has been trained. So the predictions for them can be compared with what
happened, and no training that starts by itself learns from them first."""


class Demo:
    """The stages, and how long each took (seconds)."""

    def __init__(self, out: Output, days: int) -> None:
        self.out, self.days = out, days
        self.seconds: dict[str, float] = {}
        self.tomorrow = Partition(datetime.now(UTC).date() + timedelta(days=1))
        self.yesterday = Partition(datetime.now(UTC).date() - timedelta(days=1))
        self.until = Partition(self.yesterday.day - timedelta(days=FORECASTS))

    @contextmanager
    def stage(self, name: str) -> Iterator[Progress]:
        """One stage: shows progress while it runs, and a line with its seconds when it is done."""
        began = time.monotonic()
        with self.out.progress(name) as progress:
            yield progress
        self.seconds[name] = round(time.monotonic() - began, 1)
        self.out.say(f"  {name:<46}{self.seconds[name]:>7.1f} s")

    def run(self) -> None:
        """Runs every stage in order. A failure ends it with the error, and the stack stays as it is."""
        from landfall.stack import settings

        began = time.monotonic()
        self._start()
        servers = settings()
        files = self._sample()
        with self.stage("Sign in to Airflow"):
            api = AirflowApi(servers)
        with self.stage("Land the past in S3, one object a day"):
            self._land(files, ACTUALS, last=self.until)
        with self.stage(f"Train the model on what landed up to {self.until}") as progress:
            self._train(api, progress)
        for feed, day in ((FORECAST, self.tomorrow), (FORECAST, self.yesterday), (ACTUALS, self.yesterday)):
            with self.stage(f"Land and run {feed.dag_id} for {day}") as progress:
                self._land(files, feed, first=day, last=day)
                api.wait(feed.dag_id, api.run_partition(feed.dag_id, day), progress.step)
        key = {"city": CITY, "state": STATE, "time": f"{self.tomorrow}T17:00:00Z"}
        with self.stage("Look a prediction up"):
            row = self._lookup(key)
        with self.stage("Land the days between, for the audit to find"):
            for feed in (FORECAST, ACTUALS):
                self._land(files, feed, first=Partition(self.until.day + timedelta(days=1)))
        self._tell(key, row, time.monotonic() - began)

    def _train(self, api: AirflowApi, progress: Progress) -> None:
        from landfall import database
        from landfall.freshness import current
        from landfall.stack import settings

        def serving() -> str | None:
            with database.connect(settings()) as conn:
                line = current(conn, TRAINING.model)
            return line.version if line else None

        if version := serving():
            progress.step(f"version {version} serves already")
            return
        # On a Sunday the weekly training starts by itself; a second one beside it would learn from the same days.
        for run in api.list_runs(TRAINING.dag_id, state=["queued", "running"]):
            with suppress(RunError):
                api.wait(TRAINING.dag_id, run["dag_run_id"], progress.step)
        if not serving():
            run_id = api.trigger(TRAINING.dag_id, conf={"until": str(self.until)})
            api.wait(TRAINING.dag_id, run_id, progress.step)

    def _start(self) -> None:
        from landfall.stack import control

        with self.stage("Start the stack") as progress:
            parts = control.ps()
            if parts and all(part.state == "healthy" for part in parts):
                progress.step("it is up already")
                return

            def watch(state: StackState) -> None:
                if doing := [f"{part.name}: {part.doing}" for part in state.parts if part.doing]:
                    progress.step("; ".join(doing))

            control.up(watch=watch)

    def _sample(self) -> dict[str, Path]:
        from landfall.samples import write_sample
        from landfall.stack import home

        with self.stage(f"Make a sample: {self.days} days"):
            written = write_sample(BIKE_DEMAND.name, home() / "demo", self.days, self.yesterday.day)
        return {file.feed: file.path for file in written}

    def _land(
        self, files: dict[str, Path], feed: Feed, *, first: Partition | None = None, last: Partition | None = None
    ) -> None:
        from landfall.landing.by_hand.split import land
        from landfall.objects.client import connect
        from landfall.stack import settings

        s3 = settings().s3
        land(connect(s3), s3.bucket, feed.full_name, files[feed.name], first=first, last=last)

    def _lookup(self, key: dict[str, str]) -> dict[str, object]:
        from landfall.database import connect
        from landfall.publishing import lookup
        from landfall.stack import settings

        with connect(settings()) as connection:
            return dict(lookup(connection, PREDICTIONS, key))

    def _error(self) -> float | None:
        """RMSE of the predictions published for yesterday, in riders per hour; None if there were none."""
        from landfall.database import connect
        from landfall.freshness.figures import error_of
        from landfall.stack import settings

        with connect(settings()) as connection:
            return error_of(connection, TRAINING.model, self.yesterday)

    def _tell(self, key: dict[str, str], row: dict[str, object], took: float) -> None:
        from landfall.stack import home, settings
        from landfall.stack.layout import Layout

        servers, password = settings(), json.loads(Layout.at(home()).passwords_file.read_text())["admin"]
        words = " ".join(f"{name}={value}" for name, value in key.items())
        result: dict[str, object] = {
            "seconds": {**self.seconds, "total": round(took, 1)},
            "lookup": {**key, **{name: row[name] for name in ("predicted", "model_version", "published_at")}},
            "error": {"partition": str(self.yesterday), "rmse": self._error()},
            "airflow": {"url": servers.airflow_url, "user": "admin", "home": str(home())},
        }
        riders, version = float(str(row["predicted"])), row["model_version"]
        off = self._error()
        measured = (
            f"\n  what was published for {self.yesterday} was off by {off:.0f} riders an hour (RMSE)" if off else ""
        )
        text = f"""
landfall lookup bike_demand {words}
  {riders:.0f} riders expected, by model version {version}, published {row["published_at"]}{measured}

Airflow UI    {servers.airflow_url}
  sign in     user admin, password {password}
See           landfall status bike_demand | landfall models bike_demand | landfall report bike_demand --html report.html
              landfall sql "SELECT * FROM predictions.bike_demand"
Stop          landfall down    (what landed and what was published is kept)
The program is {Path(".venv/bin/landfall")}; it took {took:.0f} s."""  # noqa: S608
        self.out.answer(result, text)
