"""A whole range in one go: one ETL job, one scoring job, and then partition after partition is published.

For when hundreds of partitions are to be redone: Airflow's run of each would cost seconds, most of it not spent on rows.
What it leaves in the ledger and in the publications is what as many runs would have left.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from landfall.compute.code import code_of
from landfall.compute.local import WarmSpark
from landfall.errors import LandfallError, ModelError, OutdatedError
from landfall.freshness.honest import not_honest, versions_for
from landfall.freshness.watching import note_errors
from landfall.landing.listing import LandedObject
from landfall.landing.store import check_landed, connect, iterate_landing
from landfall.ledger.facts import Refused
from landfall.ledger.gather import sort_objects
from landfall.ledger.record import (
    close_reading,
    excuse_reading,
    judge_reading,
    open_reading,
    record_landing,
    refuse_reading,
)
from landfall.ledger.schema import ensure_ledger
from landfall.models.own import scoring_options
from landfall.publishing import Fingerprint, Publication, open_publication, publish, published_partitions
from landfall.publishing import connect as connect_database
from landfall.publishing.database import Database
from landfall.spec import Feed, Partition, Partitions, Pipeline, Settings

SMALL = 16 * 1024**2
"""Bytes of landed objects up to which the jobs are planned as those of one partition are."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of one partition. `state` is published, skipped (nothing to publish) or failed; `why` says more."""

    partition: Partition
    state: str
    why: str = ""
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """One range of one feed.

    Args:
        settings: Where the servers are.
        pipeline: The pipeline.
        feed: The feed.
        run_id: What the ledger and the publications call this run.
        tell: Told what it is at.
    """

    settings: Settings
    pipeline: Pipeline
    feed: Feed
    run_id: str
    tell: Callable[[str], None]

    @property
    def name(self) -> str:
        """`PIPELINE/FEED`."""
        return f"{self.pipeline.name}/{self.feed.name}"

    @property
    def model(self) -> str:
        """The registered model of the pipeline."""
        return self.pipeline.training.model

    def run(self, partitions: Partitions) -> Iterator[Done]:
        """Redo `partitions`; one answer each, as it is known. One that fails leaves the others alone.

        Raises:
            LandfallError: S3, Spark, the registry or the database is away. What was answered before is done.
        """
        os.environ.update({name: value for name, value in self.settings.of_jobs.items() if value})
        with closing(connect_database(self.settings)) as database:
            ensure_ledger(database)
            self.tell("listing what landed")
            readings = {day: open_reading(database, self.name, day, self.run_id) for day in partitions}
            objects = self._objects(database, readings)
            refused = {day: error for day in partitions if (error := self._refused(objects.get(day, ()), day))}
            for day, error in refused.items():
                self._refuse(database, day, error.what)
                yield Done(partition=day, state="failed", why=error.what)
            usable = Partitions.of(set(partitions) - set(refused))
            for done in self._redo(database, usable, objects, readings) if len(usable) else ():
                if done.state == "skipped":
                    excuse_reading(database, readings[done.partition], done.why)
                yield done

    def _refuse(self, database: Database, day: Partition, why: str) -> None:
        """Note that a partition failed by its input."""
        refused = Refused(why, code_of(self.feed), self.feed.contract.version)
        refuse_reading(database, self.name, day, self.run_id, refused)

    def _redo(
        self,
        database: Database,
        usable: Partitions,
        objects: Mapping[Partition, list[LandedObject]],
        readings: Mapping[Partition, int],
    ) -> Iterator[Done]:
        """What became of each partition whose objects can be read."""
        self.tell(f"features of {len(usable)} partitions")
        kept = self._features(database, usable, objects, readings)
        yield from (each for each in kept.values() if each.state == "failed")
        good = Partitions.of(day for day, each in kept.items() if each.state != "failed")
        if len(good):
            yield from self._publish(database, good, objects, readings)

    def _objects(self, database: Database, readings: Mapping[Partition, int]) -> dict[Partition, list[LandedObject]]:
        """What lies in each partition's folder, hidden objects left out; written to the ledger."""
        bucket, landing, began = self.settings.s3.bucket, self.feed.landing, datetime.now(UTC)
        listed = tuple(iterate_landing(connect(self.settings.s3), bucket, landing))
        record_landing(database, bucket, self.name, landing, listed, listed_from=began)
        landed = sort_objects(landing, listed, began)
        for day, reading in readings.items():
            close_reading(database, reading, {key: each.etag for key, each in landed.objects.get(day, {}).items()})
        found: dict[Partition, list[LandedObject]] = {}
        for each in listed:
            home = landing.home_of(each.key)
            if home and home[0] in readings and not home[1].startswith(("_", ".")):
                found.setdefault(home[0], []).append(each)
        return found

    def _refused(self, objects: Iterable[LandedObject], day: Partition) -> LandfallError | None:
        try:
            check_landed(tuple(objects), self.feed.landing, day)
        except LandfallError as error:
            return error
        return None

    def _features(
        self,
        database: Database,
        usable: Partitions,
        objects: Mapping[Partition, list[LandedObject]],
        readings: Mapping[Partition, int],
    ) -> dict[Partition, Done]:
        small = sum(each.size for day in usable for each in objects[day]) <= SMALL
        argv = [*self.feed.features.argv(partition=str(usable)), "--days", "usable"]
        report: dict[str, Any] = self._spark().run(argv, small=small)
        kept: dict[Partition, Done] = {}
        for day in usable:
            rows, quarantined = report["partitions"].get(str(day), (0, 0))
            judge_reading(database, readings[day], rows=rows, quarantined=quarantined)
            kept[day] = Done(partition=day, state="kept", rows=rows)
        for verdict in report["refused"]:
            reasons = "; ".join(f"{count} x {example}" for count, example in list(verdict["reasons"].values())[:3])
            day = Partition.parse(verdict["partition"])
            why = f"the contract: {reasons or 'what landed has no rows'}"
            self._refuse(database, day, why)
            kept[day] = Done(partition=day, state="failed", why=why)
        return kept

    def _publish(
        self,
        database: Database,
        good: Partitions,
        objects: Mapping[Partition, list[LandedObject]],
        readings: Mapping[Partition, int],
    ) -> Iterator[Done]:
        if self.feed.table != self.pipeline.predictions:
            seen = published_partitions(database, self.pipeline.predictions)
            yield from (_skipped(day, "nothing had been published for it") for day in good if day not in seen)
            batches = {"": [day for day in good if day in seen]}
            models: dict[str, dict[str, str]] = {"": {}}
        else:
            batches, models = self._by_model(database, good)
            memories = batches.pop("", [])
            yield from (_skipped(day, not_honest(self.model, day)) for day in memories)
        for version, days in batches.items():
            if days:
                yield from self._publish_batch(database, days, models[version], objects, readings)

    def _by_model(
        self, database: Database, good: Partitions
    ) -> tuple[dict[str, list[Partition]], dict[str, dict[str, str]]]:
        """The days that each version is to score, under "" those that none may; and the job's options for each version.

        Raises:
            ModelError: no version serves yet.
        """
        found = versions_for(self.settings, database, self.model, good)
        if found is None:
            raise ModelError(
                f"There is no champion of `{self.model}` yet.",
                looked="landfall.promotions",
                left="features are made, nothing was published",
                next=f"landfall train {self.pipeline.name}",
            )
        batches: dict[str, list[Partition]] = {}
        models: dict[str, dict[str, str]] = {}
        for day, each in found.items():
            batches.setdefault(each.version if each else "", []).append(day)
            if each:
                models.setdefault(each.version, scoring_options(self.settings, each))
        return batches, models

    def _publish_batch(
        self,
        database: Database,
        days: list[Partition],
        model: Mapping[str, str],
        objects: Mapping[Partition, list[LandedObject]],
        readings: Mapping[Partition, int],
    ) -> Iterator[Done]:
        """Stage some partitions in one job, by one version, and publish each."""
        self.tell(f"staging {len(days)} partitions")
        version = model.get("model_version", "")
        opened = {
            day: open_publication(
                database,
                self.feed.table,
                day,
                run_id=self.run_id,
                model_version=version,
                fingerprint=Fingerprint(
                    objects={each.key: each.etag for each in objects[day]},
                    code_version=code_of(self.feed),
                    model_version=version,
                    contract=self.feed.contract.version,
                    commit=self.settings.code_version,
                ),
                reading=readings[day],
            )
            for day in days
        }
        stages = ",".join(f"{day}={each.staging}#{each.id}" for day, each in opened.items())
        argv = self.feed.scoring.argv(partition=str(Partitions.of(days)), **model, stages=stages)
        staged: dict[str, Any] = self._spark().run(argv, small=self.feed.scoring.small)
        self._note_errors(database, staged.get("metrics", {}))
        self.tell(f"publishing {len(days)} partitions")
        for day, publication in opened.items():
            yield self._swap(database, publication, staged["staged"][str(day)])

    def _swap(self, database: Database, publication: Publication, rows: int) -> Done:
        day = publication.partition
        if not rows and self.feed.table != self.pipeline.predictions:
            return _skipped(day, "nothing had been published for its hours")
        try:
            publish(database, publication, expected_rows=rows)
        except OutdatedError as error:
            return _skipped(day, error.what)
        except LandfallError as error:
            return Done(partition=day, state="failed", why=error.what)
        return Done(partition=day, state="published", rows=rows)

    def _note_errors(self, database: Database, metrics: Mapping[str, dict[str, dict[str, float]]]) -> None:
        for day, versions in metrics.items():
            note_errors(self.settings, database, self.model, Partition.parse(day), versions)

    def _spark(self) -> WarmSpark:
        return WarmSpark(remote=self.settings.spark_remote, lake=self.settings.lake)


def _skipped(day: Partition, why: str) -> Done:
    return Done(partition=day, state="skipped", why=why)
