"""A database with a year of a pipeline in it, written row by row, and reports made of values alone."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import sin

import psycopg
import pytest

from landfall.freshness.measured import DriftValue, PartitionError
from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.reporting.cells import due
from landfall.reporting.facts import (
    Decided,
    FeedFacts,
    PartitionLife,
    Promoted,
    Report,
)
from landfall.spec import Feed, Partition

Connection = psycopg.Connection[tuple[object, ...]]
NOW = datetime(2014, 4, 4, 15, tzinfo=UTC)
TODAY = NOW.date()


@dataclass
class Seed:
    """Writes rows as the other rooms do."""

    conn: Connection

    def landed(self, feed: str, day: date, at: datetime, *, key: str = "", etag: str = "e1", gone: bool = False) -> str:
        """An object of a partition; gives its key."""
        key = key or f"bike_sharing/{feed}/dt={day}/hours.csv"
        self.conn.execute(
            "INSERT INTO landfall.landed_objects (bucket, key, etag, last_modified, size, feed, partition, gone_at)"
            " VALUES ('landfall', %s, %s, %s, 1, %s, %s, %s)",
            [key, etag, at, f"bike_demand/{feed}", str(day), at if gone else None],
        )
        return key

    def read(self, feed: str, day: date, *, rows: int | None = 24, quarantined: int | None = 0, run: str = "r") -> None:
        """A reading with its verdict."""
        self.conn.execute(
            "INSERT INTO landfall.readings (feed, partition, run_id, rows, quarantined) VALUES (%s, %s, %s, %s, %s)",
            [f"bike_demand/{feed}", str(day), run, rows, quarantined],
        )

    def published(
        self, feed: Feed, day: date, at: datetime, *, version: str = "1", objects: dict[str, str] | None = None,
        state: str = "published", rows: int = 24,
    ) -> None:  # fmt: skip
        """A publication made from objects: key -> ETag."""
        inputs = [{"key": key, "etag": etag} for key, etag in (objects or {}).items()]
        fingerprint = json.dumps({"objects": inputs, "model_version": version})
        self.conn.execute(
            "INSERT INTO landfall.publications (table_name, partition, state, rows, run_id, model_version, fingerprint,"
            " fingerprint_hash, created_at, published_at) VALUES (%s, %s, %s, %s, 'r', %s, %s, '', %s, %s)",
            [feed.table.name, day, state, rows, version, fingerprint, at, at],
        )

    def promoted(
        self, version: str | None, at: datetime, *, replaced: str | None = None, kind: str = "promoted",
        reason: str = "better", run: str = "manual__1", report: object = None,
    ) -> None:  # fmt: skip
        """A row of the history."""
        self.conn.execute(
            "INSERT INTO landfall.promotions (model, version, replaced, at, kind, reason, by_run, report)"
            " VALUES ('bike_demand', %s, %s, %s, %s, %s, %s, %s::jsonb)",
            [version, replaced, at, kind, reason, run, json.dumps(report)],
        )

    def decided(self, at: datetime, *fired: str, champion: str | None = "1", run: str = "", **figures: object) -> None:
        """A decision on retraining."""
        reasons = json.dumps([{"kind": "k", "text": text} for text in fired])
        self.conn.execute(
            "INSERT INTO landfall.retraining_decisions (model, run_id, at, champion, fired, figures)"
            " VALUES ('bike_demand', %s, %s, %s, %s::jsonb, %s::jsonb)",
            [run or f"scheduled__{at.isoformat()}", at, champion, reasons, json.dumps(figures)],
        )

    def drifted(
        self, feature: str, last: date, value: float, above: float | None = None, *, version: str = "1",
        statistic: str = "psi",
    ) -> None:  # fmt: skip
        """A statistic of the 14 partitions that end with `last`."""
        self.conn.execute(
            "INSERT INTO landfall.drift (model, version, window_first, window_last, feature, statistic, value, above,"
            " rows, at) VALUES ('bike_demand', %s, %s, %s, %s, %s, %s, %s, 336, %s)",
            [version, last - timedelta(days=13), last, feature, statistic, value, above, datetime.now(UTC)],
        )

    def erred(self, day: date, rmse: float, *, version: str = "1", rows: int = 24, mae: float | None = None) -> None:
        """The error of one partition."""
        self.conn.execute(
            "INSERT INTO landfall.partition_errors (model, version, partition, rows, rmse, mae)"
            " VALUES ('bike_demand', %s, %s, %s, %s, %s)",
            [version, day, rows, rmse, rmse * 0.7 if mae is None else mae],
        )

    def late(self, feed: str, day: date, due: datetime, lacks: str = "no object yet") -> None:
        """A deadline that passed."""
        self.conn.execute(
            "INSERT INTO landfall.late_landings (feed, partition, due_at, lacks) VALUES (%s, %s, %s, %s)",
            [f"bike_demand/{feed}", str(day), due, lacks],
        )

    def days(self, count: int, *, until: date = TODAY, live: bool = True) -> None:
        """A history of `count` days that ends yesterday: both feeds, errors, drift, promotions every eight weeks.

        Args:
            count: How many days.
            until: The day after the last day of actuals.
            live: Whether everything happened on its day; if not, all of it now, as when an old file is landed.
        """
        forecast, actuals = BIKE_DEMAND.feed("forecast"), BIKE_DEMAND.feed("actuals")
        version, served = 1, 0
        for number in range(count):
            day = until - timedelta(days=count - number)
            wobble = abs(sin(number * 12.9898) * 43758.5453) % 1
            hour, clock = timedelta(hours=1), datetime.combine(day, time(), UTC)
            if not live:
                hour, clock = timedelta(seconds=1), NOW - timedelta(minutes=2 * (count - number))
            if number % 56 == 0:
                if number:
                    version += 1
                gate = {"metrics": {"rmse": 52.0 - version}}
                self.promoted(
                    str(version), clock, replaced=str(version - 1) if number else None, report={"challenger": gate},
                    reason=f"rmse {52.0 - version:.1f}, the champion's 56.1 (declared: less than 56.1)",
                )  # fmt: skip
                served = number
            key = self.landed("forecast", day, clock - hour * (6 - 7 * wobble))
            self.read("forecast", day, quarantined=0)
            self.published(forecast, day, clock - hour * (6 - 7 * wobble - (3 + wobble) / 60),
                           version=str(version), objects={key: "e1"})  # fmt: skip
            after = clock + hour * (26 + 12 * wobble**4)
            key = self.landed("actuals", day, after)
            bad = int(3 * wobble) if wobble > 0.8 else 0
            self.read("actuals", day, rows=24 - bad, quarantined=bad)
            self.published(actuals, day, after + hour * (2 + 3 * wobble) / 60, version=str(version),
                           objects={key: "e1"}, rows=24 - bad)  # fmt: skip
            self.erred(day, 50 + 0.45 * (number - served) + 14 * wobble, version=str(version))
            if number % 7 == 6:
                for feature, above in (("temp", 2.5), ("hum", 1.0), ("windspeed", None)):
                    value = 0.1 + (number - served) / 40 * (1 + wobble) * (1.4 if feature == "temp" else 0.5)
                    self.drifted(feature, day, value, above, version=str(version))
                fired = ["28 new partitions since snapshot 2014-01-05 (declared: 28)"] if number % 28 == 27 else []
                self.decided(clock, *fired, champion=str(version), new_partitions=(number % 28) + 1, new_rows=24 * number,
                             published_error=58.2, gate_error=52.0 - version, drift={"temp": {"psi": 0.8}})  # fmt: skip


def report(**parts: object) -> Report:
    """A report on bike_demand with these parts; without any, of a pipeline that has not begun."""
    feeds = tuple(FeedFacts(feed=feed) for feed in BIKE_DEMAND.feeds)
    return Report(**{"pipeline": BIKE_DEMAND, "made_at": NOW, "limit": 365, "feeds": feeds, **parts})  # type: ignore[arg-type]


def error(
    day: str, rmse: float | None, *, version: str = "1", rows: int = 24, mae: float | None = None
) -> PartitionError:
    """The error of one partition."""
    return PartitionError(version=version, partition=Partition.parse(day), rows=rows, rmse=rmse, mae=mae)


def drift(
    feature: str,
    last: str,
    value: float | None,
    above: float | None = None,
    *,
    version: str = "1",
    statistic: str = "psi",
) -> DriftValue:
    """A statistic of the 14 partitions that end with `last`."""
    day = Partition.parse(last)
    first = Partition(day.day - timedelta(days=13))
    return DriftValue(
        version=version, first=first, last=day, feature=feature, statistic=statistic, value=value, above=above, rows=336
    )


def promoted(version: str, at: datetime, *, kind: str = "promoted", first: str = "", **parts: object) -> Promoted:
    """A row of the history."""
    fields = {"number": 1, "replaced": None, "reason": "better", "run": "manual__1", **parts}
    day = Partition.parse(first) if first else None
    return Promoted(version=version, at=at, kind=kind, first=day, **fields)  # type: ignore[arg-type]


def decided(at: datetime, *fired: str, champion: str = "1", **figures: object) -> Decided:
    """A decision on retraining."""
    return Decided(run="scheduled__1", at=at, champion=champion, fired=fired, figures=figures)


def life(feed: Feed, day: str, **parts: object) -> PartitionLife:
    """One partition of a feed; times are given in hours after its start."""
    partition = Partition.parse(day)
    times = ("landed_at", "first_published_at", "published_at")
    known = {
        name: partition.start + timedelta(hours=value) if name in times and isinstance(value, int | float) else value
        for name, value in parts.items()
    }
    return PartitionLife(partition=partition, due=due(feed.landing, partition), **known)  # type: ignore[arg-type]


class Make:
    """The values above, for tests: pytest's importlib mode shares fixtures, not modules."""

    report = staticmethod(report)
    error = staticmethod(error)
    drift = staticmethod(drift)
    promoted = staticmethod(promoted)
    decided = staticmethod(decided)
    life = staticmethod(life)
    now = NOW


@pytest.fixture(scope="session")
def make() -> type[Make]:
    """Makes reports and their parts."""
    return Make


@pytest.fixture
def conn(emptied: Connection) -> Connection:
    """A connection to a database in which nothing has happened."""
    return emptied


@pytest.fixture
def seed(conn: Connection) -> Seed:
    """Writes rows into `conn`."""
    return Seed(conn)
