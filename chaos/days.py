"""What every fault test does: land a day of forecasts, let its run start, and see what becomes of it without a human."""

import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from landfall.errors import LandfallError
from landfall.landing.by_hand.split import land
from landfall.landing.landed import iterate_folder
from landfall.ledger.survey import survey
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition
from landfall.stack import control, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))


def ahead(number: int, first: int = 30) -> Partition:
    """The day `number`, of those that begin `first` days from now: no run waits for it, nothing was published for it."""
    return Partition(datetime.now(UTC).date() + timedelta(days=first + number))


def asking(what: str, patience: float = 600.0) -> AirflowApi:
    """Airflow's API, asked for until it answers again."""
    until = time.monotonic() + patience
    while True:
        try:
            return AirflowApi(settings())
        except LandfallError:
            if time.monotonic() > until:
                raise SystemExit(f"{what}: Airflow did not come back in {patience:.0f} s") from None
            time.sleep(1)


def send(part: str, signal_number: int) -> int:
    """Sends a signal to a part's process; its process id."""
    [found] = [each for each in control.ps() if each.name == part]
    if not found.pid:
        raise SystemExit(f"{part} has no process: landfall ps")
    os.kill(found.pid, signal_number)
    return found.pid


def clear_day(day: Partition) -> None:
    """Removes what landed for a day, so that its run waits."""
    where = settings()
    client = connect(where.s3)
    for each in list(iterate_folder(client, where.s3.bucket, FORECAST.landing, day)):
        client.delete_object(Bucket=where.s3.bucket, Key=each.key)  # type: ignore[attr-defined]


def land_days(first: Partition, last: Partition) -> None:
    """Lands the forecasts of these days."""
    where = settings()
    days = (last.day - first.day).days + 1
    with tempfile.TemporaryDirectory() as folder:
        files = write_sample(BIKE_DEMAND.name, Path(folder), days, last.day)
        forecast = next(each.path for each in files if each.feed == "forecast")
        land(connect(where.s3), where.s3.bucket, FORECAST.full_name, forecast, first=first, last=last)


def standing(day: Partition) -> str:
    """Where the day stands; `away` while nobody can be asked."""
    try:
        [(_, found)] = survey(settings(), BIKE_DEMAND, FORECAST, only=day).partitions
    except (LandfallError, ValueError):
        return "away"
    return found.state


def until_published(days: list[Partition], patience: float, progress: bool = False) -> dict[date, float]:
    """Seconds until each day is published; those that are not after `patience` seconds are absent."""
    began, done, told = time.monotonic(), {}, -1
    while len(done) < len(days) and time.monotonic() - began < patience:
        for day in days:
            if day.day not in done and standing(day) == "published":
                done[day.day] = round(time.monotonic() - began, 1)
        if progress and len(done) != told:
            told = len(done)
            print(f"  {told} of {len(days)} published after {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(1)
    return done
