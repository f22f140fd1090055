"""The weather of each day in Washington: a pipeline without a model, whose table others join.

Parquet files with the hours of a day land in folders that are named after days of Washington's own time zone. The rows become
one row for the day, which is published as it is. `landfall land bike_weather/hours hour.csv` writes the days of the UCI bike
sharing file as Parquet.
"""

from datetime import timedelta

from landfall.pipelines.bike_demand import CITY, FORECAST_HOURS, STATE
from landfall.spec import Calendar, Contract, Feed, Landing, Parquet, Pipeline, PredictionTable, Transform

ZONE = "America/New_York"
MEASURED = ("dteday", "hr", "holiday", "workingday", "weathersit", "temp", "hum", "windspeed")
"""The columns of the UCI file that say something of the weather, or of the kind of day."""

DAYS = PredictionTable(
    name="published.bike_weather",
    columns={
        "city": "text",
        "state": "text",
        "time": "timestamptz",
        "temp": "double precision",
        "highest_temp": "double precision",
        "hum": "double precision",
        "windspeed": "double precision",
        "worst_weathersit": "bigint",
        "holiday": "bigint",
        "hours": "bigint",
    },
    key=("city", "state", "time"),
    calendar=Calendar("day", ZONE),
)
HOURS = Feed(
    pipeline="bike_weather",
    name="hours",
    dag_id="bike_weather",
    ahead=-1,
    landing=Landing(prefix="bike_sharing/weather", timezone=ZONE, format=Parquet(), deadline=timedelta(hours=36)),
    contract=Contract(
        columns=tuple(column for column in FORECAST_HOURS.columns if column.name in MEASURED),
        key=("dteday", "hr"),
        partition_by="dteday",
    ),
    features_table="features.bike_weather",
    quarantine_table="quarantine.bike_weather",
    transform=Transform(
        function="spark_jobs.etl.bike_weather:weather_of_days",
        arguments={"city": CITY, "state": STATE, "zone": ZONE},
    ),
    table=DAYS,
)
BIKE_WEATHER = Pipeline(name="bike_weather", feeds=(HOURS,), table=DAYS)
