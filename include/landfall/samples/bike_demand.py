"""A sample of bike demand: hourly rows in the schema and with the structure of the UCI data (doi:10.24432/C5W894).

The rows are made up, but hold what there is to learn: commuter peaks on working days, a midday hump on free days, seasons,
rain, growth. Each day is seeded by its date, so it has the same rows whichever days are requested.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from landfall.errors import LandingError
from landfall.pipelines.bike_demand import ACTUAL_HOURS, FORECAST_HOURS
from landfall.samples.bike_calendar import FIRST_YEAR, is_holiday, is_working_day, season_of, weekday_of
from landfall.samples.bike_riders import riders_of
from landfall.samples.bike_weather import Weather, weather_of

HourRow = tuple[str, ...]
FIRST_DAY = date(FIRST_YEAR, 1, 1)


@dataclass(frozen=True)
class SampleFile:
    """A written file: its feed, its path, its number of rows (without the header), its first and last day."""

    feed: str
    path: Path
    rows: int
    first: date
    last: date


def actual_hours(day: date) -> Iterator[HourRow]:
    """The hours of `day` as they were, as text in the order of `ACTUAL_HOURS.names`.

    An hour without a rider is absent, as in the real data: a winter night of 2011 may have fewer than 24 rows.
    """
    weather = weather_of(day)
    for hour, (casual, registered) in enumerate(riders_of(day, weather)):
        if casual + registered:
            yield (*_known_ahead(day, hour, weather[hour]), str(casual), str(registered), str(casual + registered))


def forecast_hours(day: date) -> Iterator[HourRow]:
    """The 24 hours of `day` as forecast the day before, in the order of `FORECAST_HOURS.names`."""
    for hour, weather in enumerate(weather_of(day, forecast=True)):
        yield _known_ahead(day, hour, weather)


def write_bike_sample(folder: Path, days: int, until: date) -> tuple[SampleFile, ...]:
    """Writes `actuals.csv` (`days` days that end with `until`) and `forecast.csv` (the same days and two more).

    Existing files are overwritten; each file appears completely or not at all.

    Raises:
        LandingError: `days` is below 1 or reaches back beyond 2011-01-01, or the folder cannot be written.
    """
    first = _first_day(days, until)
    window = [first + timedelta(days=n) for n in range(days)]
    ahead = [*window, until + timedelta(days=1), until + timedelta(days=2)]
    return (
        _write(folder / "actuals.csv", "actuals", ACTUAL_HOURS.names, window, (actual_hours(day) for day in window)),
        _write(
            folder / "forecast.csv", "forecast", FORECAST_HOURS.names, ahead, (forecast_hours(day) for day in ahead)
        ),
    )


def _known_ahead(day: date, hour: int, now: Weather) -> HourRow:
    instant = (day - FIRST_DAY).days * 24 + hour + 1
    whole = (
        day.year - FIRST_YEAR,
        day.month,
        hour,
        int(is_holiday(day)),
        weekday_of(day),
        int(is_working_day(day)),
        now.sky,
    )
    scaled = (now.temp, now.atemp, now.hum, now.windspeed)
    return (str(instant), day.isoformat(), str(season_of(day)), *map(str, whole), *map(_decimal, scaled))


def _decimal(value: float) -> str:
    """At most four decimals and no zeros at the end, as in the real data: 0.24, 0.2879, 0."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _first_day(days: int, until: date) -> date:
    reach = (until - FIRST_DAY).days + 1
    if not 1 <= days <= reach:
        raise LandingError(
            f"A sample of {days} days ending {until} cannot be made.",
            looked=f"the sample starts on {FIRST_DAY}, so --days is 1 to {reach}"
            if reach > 0
            else f"the sample starts on {FIRST_DAY}",
            left="nothing written",
            next=f"landfall sample bike_demand --days {min(reach, 365)} --until {until} --out data"
            if reach > 0
            else f"landfall sample bike_demand --until {FIRST_DAY.year}-12-31 --out data",
        )
    return until - timedelta(days=days - 1)


def _write(path: Path, feed: str, header: HourRow, days: list[date], hours: Iterable[Iterator[HourRow]]) -> SampleFile:
    part = path.with_name(path.name + ".part")
    rows = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for day in hours:
                for row in day:
                    writer.writerow(row)
                    rows += 1
        part.replace(path)
    except OSError as error:
        raise LandingError(
            f"The sample file `{path.name}` could not be written.",
            looked=f"{path}: {error.strerror}",
            left="no file of that name was changed",
            next="landfall sample bike_demand --out FOLDER    (a folder you may write to)",
        ) from error
    return SampleFile(feed, path, rows, days[0], days[-1])
