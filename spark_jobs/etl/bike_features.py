"""Features of bike demand: one row per hour, from the hours that landed."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def hour_start(day: Column, hour: Column) -> Column:
    """The first instant of `hour` (0 to 23) of `day`, both UTC."""
    return F.timestamp_seconds(F.unix_date(day) * 86400 + hour * 3600)


def hour_of_daytype(hour: Column, workingday: Column) -> Column:
    """0-23 for the hours of a day off, 24-47 for those of a working day: one split tells a commuter peak from a Sunday noon."""
    return hour + 24 * workingday


def bike_features(hours: DataFrame, city: str, state: str) -> DataFrame:
    """One row per (city, state, time), with what the model learns from. An hour that did not land is absent, not zero."""
    return hours.select(
        F.lit(city).alias("city"),
        F.lit(state).alias("state"),
        hour_start(F.col("dteday"), F.col("hr")).alias("time"),
        "*",
        hour_of_daytype(F.col("hr"), F.col("workingday")).alias("hour_of_daytype"),
    ).drop("dteday", "instant")
