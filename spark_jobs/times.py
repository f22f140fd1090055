"""Times of rows, as columns. Nothing here depends on the time zone of Spark's session."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def partition_start(dt: Column, zone: str = "UTC") -> Column:
    """The first instant of a row's partition.

    Args:
        dt: The partition, as a job gets it: a date, or the name of an hour such as `2012-12-25T07`.
        zone: The time zone of the partitions.
    """
    name = dt.cast("string")
    hour = F.coalesce(F.substring(name, 12, 2).try_cast("int"), F.lit(0))
    return hour_start(F.substring(name, 1, 10).cast("date"), hour, zone)


def day_start(day: Column, zone: str = "UTC") -> Column:
    """The first instant of `day` in the time zone."""
    return hour_start(day, F.lit(0), zone)


def hour_start(day: Column, hour: Column, zone: str = "UTC") -> Column:
    """The first instant of `hour` (0 to 23) of `day` in the time zone."""
    local = F.timestamp_seconds(F.unix_date(day).cast("bigint") * 86400 + hour * 3600)
    return local if zone == "UTC" else F.to_utc_timestamp(local, zone)


def hour_of_day(time: Column, zone: str = "UTC") -> Column:
    """The hour (0 to 23) that clocks in the time zone show."""
    return F.floor(F.pmod(_local_seconds(time, zone), F.lit(86400)) / 3600).cast("int")


def day_of_week(time: Column, zone: str = "UTC") -> Column:
    """The day of the week in the time zone: 0 is Monday, 6 is Sunday."""
    days = F.floor(_local_seconds(time, zone) / 86400)
    return F.pmod(days + 3, F.lit(7)).cast("int")  # 1 January 1970 was a Thursday


def _local_seconds(time: Column, zone: str) -> Column:
    return F.unix_seconds(time if zone == "UTC" else F.from_utc_timestamp(time, zone))
