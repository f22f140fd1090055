"""Redoes a whole range in one go: one ETL job, one scoring job for each model version, then one swap after the other.

This is for hundreds of partitions: with Airflow each would need a run of its own, which costs seconds, most of them not spent on
rows. In the ledger and in the publications it leaves what as many runs would have left.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from landfall.compute.choice import target_of
from landfall.compute.local.warm import WarmSpark
from landfall.database import Database, connect
from landfall.errors import ComputeError, LandfallError, ModelError
from landfall.objects.client import connect as connect_store
from landfall.partitions.judge import judge
from landfall.partitions.look import Reading, look, open_readings
from landfall.partitions.stage import Batch, choose, measured, open_staging
from landfall.partitions.swap import Done, skip, swap
from landfall.partitions.trip import Trip, refuse
from landfall.spec import Partition, Partitions
from landfall.spec.reports import FeaturesReport, StagedReport

SMALL = 16 * 1024**2
"""Up to so many bytes of landed objects, the ETL job is planned like the job of one partition."""
Readings = Mapping[Partition, Reading]


@dataclass(frozen=True)
class Bulk:
    """One range of one feed, redone on the warm server. It calls `tell` with what it is doing now."""

    trip: Trip
    tell: Callable[[str], None]

    def run(self, partitions: Partitions) -> Iterator[Done]:
        """Redoes `partitions`, and gives the outcome of each as soon as it is known. One that fails does not stop the others.

        Raises:
            ComputeError: the feed's jobs do not run on this machine.
            LandfallError: S3, Spark, the registry or the database is away. Partitions whose outcome was given before are done.
        """
        trip, settings = self.trip, self.trip.settings
        self._refuse_other_targets()
        os.environ.update({name: value for name, value in settings.of_jobs.items() if value})
        with closing(connect(settings)) as database:
            self.tell("listing what landed")
            numbers = open_readings(database, trip, partitions)
            looked = look(database, connect_store(settings.s3), trip, numbers)
            yield from (self._failed(database, day, error) for day, error in looked.refused.items())
            if not looked.readings:
                return
            self.tell(f"features of {len(looked.readings)} partitions")
            report = self._features(looked.readings)
            good: dict[Partition, Reading] = {}
            for day, reading in looked.readings.items():
                try:
                    judge(database, trip, reading, report)
                    good[day] = reading
                except LandfallError as error:
                    yield self._failed(database, day, error)
            if good:
                yield from self._publish(database, good)

    def _refuse_other_targets(self) -> None:
        for job in (self.trip.feed.features, self.trip.feed.staging):
            if (target := target_of(self.trip.settings, self.trip.feed.pipeline, job.name)) != "local":
                raise ComputeError(
                    f"`{job.name}` runs on {target}; in bulk jobs run on the warm server only.",
                    looked="the settings LANDFALL_COMPUTE...",
                    left="nothing was started",
                    next="the same command without --bulk",
                    fault="request",
                )

    def _failed(self, database: Database, day: Partition, error: LandfallError) -> Done:
        refuse(database, self.trip, day, error)
        return Done(partition=day, state="failed", why=error.what)

    def _features(self, readings: Readings) -> FeaturesReport:
        job = self.trip.feed.features
        argv = [*job.argv(partition=str(Partitions.of(readings))), "--days", "usable"]
        size = sum(reading.size for reading in readings.values())
        return FeaturesReport.of(self._spark().run(argv, small=size <= SMALL))

    def _publish(self, database: Database, readings: Readings) -> Iterator[Done]:
        """Stages and swaps the partitions that passed their contract.

        Raises:
            ModelError: no version serves yet.
        """
        choice = choose(database, self.trip, readings)
        if choice is None:
            raise ModelError(
                f"There is no champion of `{self.trip.feed.model}` yet.",
                looked="landfall.promotions",
                left="features are made, nothing was published",
                next=f"landfall train {self.trip.pipeline.name}",
            )
        yield from (skip(database, day, readings[day].number, why) for day, why in choice.skipped.items())
        for batch in choice.batches:
            yield from self._publish_batch(database, batch, [readings[day] for day in batch.partitions])

    def _publish_batch(self, database: Database, batch: Batch, readings: Sequence[Reading]) -> Iterator[Done]:
        """Stages some partitions in one job, by one version, and swaps each in."""
        self.tell(f"staging {len(readings)} partitions")
        staging, job = open_staging(database, self.trip, readings, batch.version), self.trip.feed.staging
        argv = job.argv(partition=str(Partitions.of(batch.partitions)), **batch.options, stages=staging.stages)
        report = StagedReport.of(self._spark().run(argv, small=job.small))
        self.tell(f"publishing {len(readings)} partitions")
        for reading in readings:
            day = reading.partition
            measured(database, self.trip, day, report)
            try:
                rows = report.staged[str(day)]
                yield swap(database, self.trip, staging.publications[day], reading.number, rows)
            except LandfallError as error:
                yield Done(partition=day, state="failed", why=error.what)

    def _spark(self) -> WarmSpark:
        settings = self.trip.settings
        return WarmSpark(remote=settings.spark_remote, lake=settings.lake)
