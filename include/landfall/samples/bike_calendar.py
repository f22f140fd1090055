"""The calendar columns of the UCI bike sharing data (doi:10.24432/C5W894): seasons and the holidays of Washington."""

from datetime import date, timedelta
from functools import lru_cache

FIRST_YEAR = 2011
_SATURDAY, _SUNDAY = 5, 6


def season_of(day: date) -> int:
    """1 winter, 2 spring, 3 summer, 4 autumn, changing on 21 March, 21 June, 23 September and 21 December."""
    month_day = (day.month, day.day)
    if month_day < (3, 21) or month_day >= (12, 21):
        return 1
    return 2 if month_day < (6, 21) else 3 if month_day < (9, 23) else 4


def weekday_of(day: date) -> int:
    """Day of the week as the data counts it: 0 is Sunday, 6 is Saturday."""
    return (day.weekday() + 1) % 7


def is_holiday(day: date) -> bool:
    """True if offices in Washington are closed: on federal holidays and Emancipation Day, on the day they are observed.

    A holiday on a Saturday is observed the Friday before, one on a Sunday the Monday after; as in the data, the day itself
    does not count then. Inauguration Days and closings because of snow are not included.
    """
    # New Year's Day may be observed on the last day of the year before.
    return day in _holidays(day.year) or (day.month == 12 and day in _holidays(day.year + 1))


def is_working_day(day: date) -> bool:
    """True if the day is neither on a weekend nor a holiday."""
    return day.weekday() < _SATURDAY and not is_holiday(day)


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    fixed = [(1, 1), (4, 16), (7, 4), (11, 11), (12, 25)]
    if year >= 2021:
        fixed.append((6, 19))  # Juneteenth became a federal holiday in 2021
    floating = {
        _nth_weekday(year, 1, 0, 3),  # Martin Luther King
        _nth_weekday(year, 2, 0, 3),  # Washington's Birthday
        _nth_weekday(year, 6, 0, 1) - timedelta(days=7),  # Memorial Day: last Monday of May
        _nth_weekday(year, 9, 0, 1),  # Labor Day
        _nth_weekday(year, 10, 0, 2),  # Columbus Day
        _nth_weekday(year, 11, 3, 4),  # Thanksgiving
    }
    return frozenset({_observed(date(year, month, day)) for month, day in fixed} | floating)


def _nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _observed(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == _SUNDAY else day
