"""The bike demand sample: made up, but with what there is to learn."""

import csv
import itertools
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean

import pytest

from landfall.errors import LandingError
from landfall.pipelines.bike_demand import ACTUAL_HOURS, FORECAST_HOURS
from landfall.samples import write_sample
from landfall.samples.bike_calendar import is_holiday, is_working_day, season_of, weekday_of
from landfall.samples.bike_demand import actual_hours, forecast_hours
from landfall.samples.bike_riders import growth
from landfall.samples.bike_weather import weather_of
from landfall.samples.noise import hourly_noise
from landfall.spec import Contract

DAY = date(2026, 7, 15)

# Days off in Washington in 2011 and 2012, when they were observed.
HOLIDAYS_2011 = ["01-17", "02-21", "04-15", "05-30", "07-04", "09-05", "10-10", "11-11", "11-24", "12-26"]
HOLIDAYS_2012 = ["01-02", "01-16", "02-20", "04-16", "05-28", "07-04", "09-03", "10-08", "11-12", "11-22", "12-25"]


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    folder = tmp_path_factory.mktemp("sample")
    write_sample("bike_demand", folder, 365, date(2011, 12, 31))
    return rows_of(folder / "actuals.csv")


def mean_riders(rows: list[dict[str, str]], *columns: str) -> dict[tuple[str, ...], float]:
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns)].append(int(row["cnt"]))
    return {key: fmean(counts) for key, counts in groups.items()}


def test_files_hold_the_contracts_columns_and_the_forecast_reaches_two_days_further(tmp_path: Path) -> None:
    actuals, forecast = write_sample("bike_demand", tmp_path, 3, DAY)

    assert tuple(rows_of(actuals.path)[0]) == ACTUAL_HOURS.names
    assert tuple(rows_of(forecast.path)[0]) == FORECAST_HOURS.names
    assert {row["dteday"] for row in rows_of(actuals.path)} == {f"2026-07-{n}" for n in (13, 14, 15)}
    assert {row["dteday"] for row in rows_of(forecast.path)} == {f"2026-07-{n}" for n in (13, 14, 15, 16, 17)}
    assert (actuals.feed, actuals.rows, actuals.first, actuals.last) == ("actuals", 72, date(2026, 7, 13), DAY)
    assert (forecast.feed, forecast.rows, forecast.last) == ("forecast", 120, DAY + timedelta(days=2))
    assert not list(tmp_path.glob("*.part"))


def test_a_day_has_the_same_rows_whatever_window_is_asked_for(tmp_path: Path) -> None:
    write_sample("bike_demand", tmp_path / "long", 40, DAY)
    write_sample("bike_demand", tmp_path / "short", 2, DAY - timedelta(days=3))

    for name in ("actuals.csv", "forecast.csv"):
        short, long = ((tmp_path / folder / name).read_text().splitlines() for folder in ("short", "long"))
        assert set(short) <= set(long)


@pytest.mark.parametrize("contract", [ACTUAL_HOURS, FORECAST_HOURS], ids=["actuals", "forecast"])
def test_every_value_keeps_the_contract(contract: Contract) -> None:
    hours = actual_hours if contract is ACTUAL_HOURS else forecast_hours
    rows = [dict(zip(contract.names, row, strict=True)) for day in days_of(2026) for row in hours(day)]
    for column in contract.columns:
        if column.type in ("int", "double"):
            values = [{"int": int, "double": float}[column.type](row[column.name]) for row in rows]
            assert column.minimum is None or min(values) >= column.minimum, column.name
            assert column.maximum is None or max(values) <= column.maximum, column.name
    assert max(Counter((row["dteday"], row["hr"]) for row in rows).values()) == 1
    assert all(len(row["temp"]) <= 6 and not row["temp"].endswith("00") for row in rows)


def test_riders_add_up_and_an_hour_without_riders_is_absent(year: list[dict[str, str]]) -> None:
    assert all(int(row["casual"]) + int(row["registered"]) == int(row["cnt"]) > 0 for row in year)
    assert 365 * 24 - 150 < len(year) < 365 * 24


@pytest.mark.parametrize(("year_", "holidays"), [(2011, HOLIDAYS_2011), (2012, HOLIDAYS_2012)])
def test_holidays_are_those_of_washington(year_: int, holidays: list[str]) -> None:
    assert [f"{day:%m-%d}" for day in days_of(year_) if is_holiday(day)] == holidays


def test_a_new_years_day_on_saturday_is_observed_the_year_before() -> None:
    assert is_holiday(date(2021, 12, 31))
    assert not is_holiday(date(2022, 1, 1))
    assert is_holiday(date(2026, 6, 19))
    assert not is_holiday(date(2020, 6, 19))


def test_weekdays_count_from_sunday_and_seasons_change_on_their_days() -> None:
    assert [weekday_of(date(2026, 11, 22) + timedelta(days=n)) for n in range(7)] == [0, 1, 2, 3, 4, 5, 6]
    assert not is_working_day(date(2026, 11, 22))
    assert is_working_day(date(2026, 11, 23))
    changes = [f"{day:%m-%d}" for day in days_of(2026)[1:] if season_of(day) != season_of(day - timedelta(days=1))]
    assert changes == ["03-21", "06-21", "09-23", "12-21"]


def test_weather_flows_over_midnight() -> None:
    days = [DAY + timedelta(days=n) for n in range(200)]
    steps = [abs(weather_of(b)[0].temp - weather_of(a)[23].temp) for a, b in itertools.pairwise(days)]
    within = [abs(weather_of(day)[1].temp - weather_of(day)[0].temp) for day in days]
    assert fmean(steps) < 1.5 * fmean(within) + 0.005


def test_noise_is_standard_normal_with_the_memory_asked_for() -> None:
    values = [float(v) for day in days_of(2020) for v in hourly_noise(99, day, 17)]
    variance = fmean(v * v for v in values)
    lag = fmean(a * b for a, b in zip(values, values[17:], strict=False)) / variance
    assert abs(fmean(values)) < 0.2
    assert 0.8 < variance < 1.2
    assert 0.27 < lag < 0.47  # 1/e = 0.37


def test_working_days_have_commuter_peaks_and_free_days_a_midday_hump(year: list[dict[str, str]]) -> None:
    means = mean_riders(year, "workingday", "hr")
    working = {hour: means["1", str(hour)] for hour in range(24)}
    free = {hour: means["0", str(hour)] for hour in range(24)}
    assert sorted(working, key=working.__getitem__)[-3:] in ([8, 18, 17], [18, 8, 17])
    assert max(free, key=free.__getitem__) in range(11, 16)
    assert working[8] > 2.5 * working[11]


def test_rain_and_winter_lower_demand(year: list[dict[str, str]]) -> None:
    sky, season = mean_riders(year, "weathersit"), mean_riders(year, "season")
    assert sky["1",] > sky["2",] > 1.4 * sky["3",]
    assert season["3",] > season["4",] > 1.8 * season["1",]
    assert 100 < fmean(int(row["cnt"]) for row in year) < 190


def test_the_system_grows_and_ever_more_slowly() -> None:
    years = [growth(date(year, 7, 1)) for year in range(2011, 2027)]
    ratios = [b / a for a, b in itertools.pairwise(years)]
    assert years[0] == 1
    assert 1.4 < ratios[0] < 1.6
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] > 1.01


def test_a_forecast_is_near_what_happened_but_not_the_same() -> None:
    pairs = [
        pair for day in days_of(2025)
        for pair in zip(weather_of(day), weather_of(day, forecast=True), strict=True)
    ]  # fmt: skip
    misses = [abs(was.temp - said.temp) for was, said in pairs]
    assert 0.01 < fmean(misses) < 0.04
    assert 0.03 < fmean(was.sky != said.sky for was, said in pairs) < 0.2


def test_a_forest_learns_the_sample_well_enough_to_predict_a_fortnight(tmp_path: Path) -> None:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score

    write_sample("bike_demand", tmp_path, 120, date(2026, 11, 20))
    inputs = [name for name in FORECAST_HOURS.names if name not in ("instant", "dteday")]
    ahead = {(row["dteday"], row["hr"]): row for row in rows_of(tmp_path / "forecast.csv")}
    rows = rows_of(tmp_path / "actuals.csv")
    known, held_out = ([r for r in rows if (r["dteday"] > "2026-11-06") == late] for late in (False, True))
    forest = RandomForestRegressor(15, max_depth=15, random_state=7, n_jobs=2)
    forest.fit([[float(r[name]) for name in inputs] for r in known], [int(r["cnt"]) for r in known])

    told = [ahead[r["dteday"], r["hr"]] for r in held_out]
    predicted = forest.predict([[float(r[name]) for name in inputs] for r in told])
    assert r2_score([int(r["cnt"]) for r in held_out], predicted) > 0.8


def test_too_many_days_are_refused_with_how_many_there_are(tmp_path: Path) -> None:
    with pytest.raises(LandingError) as refused:
        write_sample("bike_demand", tmp_path, 32, date(2011, 1, 31))
    assert str(refused.value) == (
        "A sample of 32 days ending 2011-01-31 cannot be made.\n"
        "  looked: the sample starts on 2011-01-01, so --days is 1 to 31\n"
        "  left: nothing written\n"
        "  next: landfall sample bike_demand --days 31 --until 2011-01-31 --out data"
    )
    assert not list(tmp_path.iterdir())


def test_a_day_before_the_sample_begins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LandingError) as refused:
        write_sample("bike_demand", tmp_path, 1, date(2010, 12, 31))
    assert str(refused.value) == (
        "A sample of 1 days ending 2010-12-31 cannot be made.\n"
        "  looked: the sample starts on 2011-01-01\n"
        "  left: nothing written\n"
        "  next: landfall sample bike_demand --until 2011-12-31 --out data"
    )


def test_an_unknown_sample_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(LandingError) as refused:
        write_sample("bike_demnd", tmp_path, 1, DAY)
    assert str(refused.value) == (
        "There is no sample `bike_demnd`. Did you mean `bike_demand`?\n"
        "  looked: known: bike_demand\n"
        "  next: landfall sample bike_demand --out data"
    )


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LandingError) as refused:
        write_sample("bike_demand", tmp_path / "file", 1, DAY)
    assert str(refused.value) == (
        "The sample file `actuals.csv` could not be written.\n"
        f"  looked: {tmp_path}/file/actuals.csv: File exists\n"
        "  left: no file of that name was changed\n"
        "  next: landfall sample bike_demand --out FOLDER    (a folder you may write to)"
    )
