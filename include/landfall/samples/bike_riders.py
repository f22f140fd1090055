"""Made-up riders of a bike sharing system: how many rent a bike in each hour of a day.

Rates are log-linear: a profile by hour and kind of day, times weather, season, kind of rider and growth. They were fitted to
the year 2011 of the UCI data (doi:10.24432/C5W894) by a Poisson regression, and rounded. Counts are a gamma-mixed Poisson,
which spreads more than a Poisson, with good and bad days.
"""

import math
from dataclasses import dataclass
from datetime import date

from landfall.samples.bike_calendar import FIRST_YEAR, is_holiday, is_working_day, season_of, weekday_of
from landfall.samples.bike_weather import Weather
from landfall.samples.noise import generator

_RIDERS = 30  # the stream of random numbers


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """One kind of rider: riders per hour in mild, clear weather in the middle of 2011, and the effects (logs) that change it."""

    working: tuple[int, ...]
    free: tuple[int, ...]
    temp: tuple[float, float, float]
    hum: float
    wind: float
    sky: tuple[float, float, float, float]
    season: tuple[float, float, float, float]
    friday: float
    holiday: float
    good_days: float
    """Standard deviation of the log of a whole day's luck."""
    spread: float
    """Variance of an hour's rate over its squared mean, beyond Poisson."""


CASUAL = _Kind(
    working=(8, 4, 3, 1, 1, 1, 5, 15, 25, 23, 26, 29, 30, 30, 32, 32, 34, 44, 41, 34, 27, 23, 19, 14),
    free=(22, 16, 14, 10, 3, 2, 5, 12, 25, 48, 81, 101, 115, 121, 124, 120, 115, 105, 82, 68, 52, 42, 34, 26),
    temp=(3.5, -7.8, -4.3),
    hum=-0.72,
    wind=-0.37,
    sky=(0.0, -0.08, -0.6, -1.5),
    season=(-0.3, 0.0, 0.0, -0.1),
    friday=0.3,
    holiday=-0.13,
    good_days=0.15,
    spread=0.04,
)
REGISTERED = _Kind(
    working=(
        27,
        12,
        7,
        4,
        5,
        21,
        92,
        251,
        399,
        190,
        90,
        101,
        131,
        127,
        112,
        123,
        195,
        387,
        365,
        253,
        184,
        139,
        105,
        67,
    ),
    free=(70, 54, 42, 20, 6, 7, 14, 32, 75, 112, 155, 176, 202, 195, 190, 189, 193, 183, 172, 151, 119, 100, 85, 65),
    temp=(1.5, -1.5, -5.0),
    hum=-0.31,
    wind=-0.21,
    sky=(0.0, -0.03, -0.5, -1.2),
    season=(-0.27, 0.0, -0.08, -0.03),
    friday=0.0,
    holiday=-0.14,
    good_days=0.08,
    spread=0.02,
)


def growth(day: date) -> float:
    """How many times larger the system is than in the middle of 2011: 1.5 after a year; in the long run it grows 2 % a year."""
    years = (day - date(FIRST_YEAR, 7, 1)).days / 365.25
    early = 1 - math.exp(-max(years, -0.5) / 1.7)
    return math.exp(0.85 * early + 0.02 * years)


def riders_of(day: date, weather: tuple[Weather, ...]) -> tuple[tuple[int, int], ...]:
    """(casual, registered) riders of each of the 24 hours of `day` in the given weather."""
    random = generator(_RIDERS, day.toordinal())
    luck = float(random.standard_normal())
    counts = []
    for kind in (CASUAL, REGISTERED):
        own = 0.7 * luck + 0.7 * float(random.standard_normal())
        level = growth(day) * math.exp(kind.good_days * own)
        rates = [level * _rate(kind, day, hour, now) for hour, now in enumerate(weather)]
        mixed = random.gamma(1 / kind.spread, [rate * kind.spread for rate in rates])
        counts.append([int(count) for count in random.poisson(mixed)])
    return tuple(zip(*counts, strict=True))


def _rate(kind: _Kind, day: date, hour: int, now: Weather) -> float:
    """Riders expected in one hour, before growth and luck."""
    working = is_working_day(day)
    warmth = min(now.temp, 0.9) - 0.5  # the data of the fit has few hotter hours
    log = sum(factor * warmth**power for power, factor in enumerate(kind.temp, start=1))
    log += kind.hum * (now.hum - 0.64) + kind.wind * (now.windspeed - 0.19)
    log += kind.sky[now.sky - 1] + kind.season[season_of(day) - 1]
    log += kind.friday * (working and weekday_of(day) == 5) + kind.holiday * is_holiday(day)
    return (kind.working if working else kind.free)[hour] * math.exp(log)
