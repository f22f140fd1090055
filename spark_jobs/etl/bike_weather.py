"""The weather of days: one row for each day of a time zone, from the hours that landed."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def midnight(day: Column, zone: str) -> Column:
    """The first instant of `day` in the time zone."""
    return F.to_utc_timestamp(day.cast("timestamp_ntz").cast("timestamp"), zone)


def weather_of_days(hours: DataFrame, city: str, state: str, zone: str) -> DataFrame:
    """One row per day: the means of `temp`, `hum` and `windspeed`, the highest `temp`, the worst weather, the number of hours."""
    days = hours.groupBy("dt", "dteday").agg(
        F.avg("temp").alias("temp"),
        F.max("temp").alias("highest_temp"),
        F.avg("hum").alias("hum"),
        F.avg("windspeed").alias("windspeed"),
        F.max("weathersit").cast("bigint").alias("worst_weathersit"),
        F.max("holiday").cast("bigint").alias("holiday"),
        F.count("*").alias("hours"),
    )
    place = [F.lit(city).alias("city"), F.lit(state).alias("state"), midnight(F.col("dteday"), zone).alias("time")]
    return days.select(*place, *[name for name in days.columns if name != "dteday"])
