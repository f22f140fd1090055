"""Made-up hourly weather of Washington, as it was and as it was forecast a day before.

Units are those of the UCI bike sharing data (doi:10.24432/C5W894): temperatures in steps of 1/50 and 1/66 of the full
scale, relative humidity, wind as whole knots in km/h over 67. Means, daily and yearly waves, spreads and memory were
fitted to the year 2011 of that data.
"""

import math
from datetime import date
from typing import NamedTuple

from landfall.samples.noise import hourly_noise

_TEMP, _HUM, _SKY, _WIND, _GUST = range(1, 6)
_FORECAST = 10  # streams of forecast errors start after this number


class Weather(NamedTuple):
    """The weather of one hour."""

    sky: int
    """1 clear, 2 mist or clouds, 3 light rain or snow, 4 heavy rain: the column `weathersit`."""
    temp: float
    atemp: float
    hum: float
    windspeed: float


def weather_of(day: date, *, forecast: bool = False) -> tuple[Weather, ...]:
    """The 24 hours of `day` as they were, or as they were forecast the day before.

    The typical error of a forecast is 0.025 for `temp` and 0.05 for `hum` and `windspeed`; 1 hour in 11 has another sky.
    """
    error = 1.0 if forecast else 0.0
    season = 2 * math.pi * day.timetuple().tm_yday / 365.25
    sky = _noise(_SKY, day, 15, error * 0.3)
    temp = _noise(_TEMP, day, 33, error * 0.35)
    hum = _noise(_HUM, day, 17, error * 0.35)
    wind = _noise(_WIND, day, 10, error * 0.4)
    gust = hourly_noise(_GUST, day, 0)
    return tuple(
        _hour(season, hour, sky[hour], temp[hour], hum[hour], wind[hour] * 0.9 + gust[hour] * 0.43)
        for hour in range(24)
    )


def _noise(stream: int, day: date, memory: float, error: float) -> list[float]:
    """A standard normal process, blurred by a forecast error of `error` standard deviations."""
    truth = hourly_noise(stream, day, memory)
    if not error:
        return [float(value) for value in truth]
    wrong = hourly_noise(stream + _FORECAST, day, 12)
    return [float(value) for value in (truth + error * wrong) / math.sqrt(1 + error**2)]


def _hour(season: float, hour: int, sky: float, temp: float, hum: float, wind: float) -> Weather:
    """One hour from standard normal deviations `sky`, `temp`, `hum`, `wind` and the season as an angle in radians."""
    clock = 2 * math.pi * hour / 24
    warmth = 0.486 - 0.235 * math.cos(season) - 0.081 * math.sin(season) + 0.016 * math.cos(2 * season)
    warmth += -0.039 * math.cos(clock) - 0.048 * math.sin(clock) + 0.009 * math.cos(2 * clock) + 0.072 * temp
    damp = 0.643 - 0.013 * math.cos(season) - 0.046 * math.sin(season)
    damp += 0.078 * math.cos(clock) + 0.09 * math.sin(clock) + 0.167 * (0.55 * sky + 0.9 * hum)
    knots = 6.6 + 0.3 * math.cos(season) + 1.1 * math.sin(season) - 1.15 * math.cos(clock) - 0.95 * math.sin(clock)
    return _measured(sky, warmth, damp, max(knots, 1.0) * math.exp(0.48 * wind))


def _measured(sky: float, warmth: float, damp: float, knots: float) -> Weather:
    """The hour as instruments would report it: rounded, within their scales."""
    code = 1 + (sky > 0.39) + (sky > 1.34) + (sky > 3.3)
    temp = round(min(max(warmth, 0.02), 1.0) * 50) / 50
    hum = round(min(max(damp, 0.08), 1.0), 2)
    whole = min(round(knots), 31)
    windspeed = round(round(whole * 1.852) / 67, 4) if whole >= 3 else 0.0
    if temp < 0.4:
        felt = 0.052 + 0.926 * temp - 0.165 * windspeed
    elif temp < 0.64:
        felt = 0.106 + 0.805 * temp - 0.031 * hum
    else:
        felt = -0.09 + 0.996 * temp + 0.07 * hum
    atemp = round(round(min(max(felt, 0.0), 1.0) * 66) / 66, 4)
    return Weather(code, temp, atemp, hum, windspeed)
