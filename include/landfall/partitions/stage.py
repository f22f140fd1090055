"""The step before the swap: decides which version scores which partitions, and opens the tables where rows are staged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from landfall.database import Database
from landfall.freshness.honest import not_honest, versions_for
from landfall.freshness.watching import note_errors
from landfall.ledger import note_contract
from landfall.models.own import scoring_options
from landfall.partitions.look import Reading
from landfall.partitions.trip import Trip
from landfall.publishing import Fingerprint, Publication, open_publication, published_partitions
from landfall.spec import Partition
from landfall.spec.reports import StagedReport, Stages

NOTHING = "Nothing had been published in `{}` for these hours."


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Partitions that one job stages. `options` tell the job its model. If no model scores, they and `version` are empty."""

    version: str = ""
    partitions: tuple[Partition, ...]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """The partitions that are to be staged, and why the others are not."""

    batches: tuple[Batch, ...] = ()
    skipped: Mapping[Partition, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Staging:
    """The publications that a job fills."""

    publications: Mapping[Partition, Publication]

    @property
    def stages(self) -> str:
        """The job's option that says where the rows of each partition go."""
        stages = tuple((day, publication.staging, publication.id) for day, publication in self.publications.items())
        return str(Stages(stages))


def choose(database: Database, trip: Trip, partitions: Iterable[Partition]) -> Choice | None:
    """Decides which partitions are staged, and by which version of the model; None if they need one and none serves yet.

    A prediction is made by the champion, or by the last version before it that has not learnt from that day. Rows that are held
    against predictions are staged only for partitions that have predictions. A feed without a model has no such conditions.

    Raises:
        ModelError: the registry is away, or the version's files must not be loaded.
        PublishingError: the predictions database is away.
    """
    wanted = tuple(partitions)
    against = trip.feed.held_against
    if against:
        there = published_partitions(database, against)
        skipped = {day: NOTHING.format(against.name) for day in wanted if day not in there}
        left = tuple(day for day in wanted if day in there)
        return Choice((Batch(partitions=left),) if left else (), skipped)
    model = trip.feed.model
    if not model:
        return Choice((Batch(partitions=wanted),) if wanted else ())
    chosen = versions_for(trip.settings, database, model, wanted)
    if chosen is None:
        return None
    versions = {version.version: version for version in chosen.values() if version}
    batches = [
        Batch(
            version=number,
            partitions=tuple(day for day, scorer in chosen.items() if scorer and scorer.version == number),
            options=scoring_options(trip.settings, version),
        )
        for number, version in versions.items()
    ]
    return Choice(tuple(batches), {day: not_honest(model, day) for day, scorer in chosen.items() if scorer is None})


def open_staging(database: Database, trip: Trip, readings: Sequence[Reading], version: str) -> Staging:
    """Opens a publication for each partition, with an empty staging table and the fingerprint of what it is made from.

    Raises:
        PublishingError: the database refuses.
    """
    note_contract(database, trip.feed)
    return Staging(
        {
            reading.partition: open_publication(
                database,
                trip.feed.table,
                reading.partition,
                run_id=trip.run_id,
                model_version=version,
                fingerprint=Fingerprint(
                    objects=reading.objects,
                    code_version=trip.code,
                    model_version=version,
                    contract=trip.feed.contract.version,
                    joined=reading.joined,
                    commit=trip.settings.code_version,
                ),
                reading=reading.number,
            )
            for reading in readings
        }
    )


def measured(database: Database, trip: Trip, partition: Partition, report: StagedReport) -> str:
    """Writes down the errors of a partition that the job measured.

    Returns:
        The versions whose predictions were measured, joined by commas.

    Raises:
        LandfallError: the registry or the database is away.
    """
    errors = report.metrics.get(str(partition), {})
    if errors:
        note_errors(trip.settings, database, trip.pipeline.trained.model, partition, errors)
    return ",".join(sorted(errors))
