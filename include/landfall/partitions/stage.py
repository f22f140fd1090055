"""The step before the swap: which partitions are scored by which version, and where their rows are staged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from landfall.database import Database
from landfall.freshness.honest import not_honest, versions_for
from landfall.freshness.watching import note_errors
from landfall.models.own import scoring_options
from landfall.partitions.look import Reading
from landfall.partitions.trip import Trip
from landfall.publishing import Fingerprint, Publication, open_publication, published_partitions
from landfall.spec import Partition
from landfall.spec.reports import StagedReport, Stages

NOTHING = "Nothing had been published in `{}` for these hours."


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Partitions that one job stages. `options` tell it the model; both are empty where none scores."""

    version: str = ""
    partitions: tuple[Partition, ...]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """What is to be staged, and why the other partitions are not."""

    batches: tuple[Batch, ...] = ()
    skipped: Mapping[Partition, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Staging:
    """The publications that a job fills."""

    publications: Mapping[Partition, Publication]

    @property
    def stages(self) -> str:
        """The job's option that says where the rows of each partition go."""
        return str(Stages(tuple((day, each.staging, each.id) for day, each in self.publications.items())))


def choose(database: Database, trip: Trip, partitions: Iterable[Partition]) -> Choice | None:
    """Which partitions are to be staged, by which version of the model; None if they need one and none serves yet.

    A prediction is made by the champion, or by the last version before it that has not learnt from that day. Rows that are
    held against predictions are staged where there are predictions.

    Raises:
        ModelError: the registry is away, or the version's files must not be loaded.
        PublishingError: the predictions database is away.
    """
    asked = tuple(partitions)
    against = trip.feed.held_against
    if against:
        there = published_partitions(database, against)
        skipped = {day: NOTHING.format(against.name) for day in asked if day not in there}
        left = tuple(day for day in asked if day in there)
        return Choice((Batch(partitions=left),) if left else (), skipped)
    model = trip.pipeline.training.model
    found = versions_for(trip.settings, database, model, asked)
    if found is None:
        return None
    versions = {each.version: each for each in found.values() if each}
    batches = [
        Batch(
            version=number,
            partitions=tuple(day for day, each in found.items() if each and each.version == number),
            options=scoring_options(trip.settings, version),
        )
        for number, version in versions.items()
    ]
    return Choice(tuple(batches), {day: not_honest(model, day) for day, each in found.items() if each is None})


def open_staging(database: Database, trip: Trip, readings: Sequence[Reading], version: str) -> Staging:
    """A publication for each partition, with its empty staging table and the fingerprint of what it is made from.

    Raises:
        PublishingError: the database refuses.
    """
    return Staging(
        {
            each.partition: open_publication(
                database,
                trip.feed.table,
                each.partition,
                run_id=trip.run_id,
                model_version=version,
                fingerprint=Fingerprint(
                    objects=each.objects,
                    code_version=trip.code,
                    model_version=version,
                    contract=trip.feed.contract.version,
                    commit=trip.settings.code_version,
                ),
                reading=each.number,
            )
            for each in readings
        }
    )


def measured(database: Database, trip: Trip, partition: Partition, report: StagedReport) -> str:
    """Keeps the errors of a partition that the job has measured. Gives the versions whose predictions they are.

    Raises:
        LandfallError: the registry or the database is away.
    """
    errors = report.metrics.get(str(partition), {})
    if errors:
        note_errors(trip.settings, database, trip.pipeline.training.model, partition, errors)
    return ",".join(sorted(errors))
