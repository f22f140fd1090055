"""Honesty in time: no version predicts a partition if it has learnt from the actuals of that partition."""

from collections.abc import Iterable, Iterator
from itertools import chain

from landfall.database import Database
from landfall.freshness.champion import champion, is_promoted
from landfall.freshness.history import history, in_favour
from landfall.models.own import is_own, own_versions
from landfall.models.registry import ModelVersion, find_version
from landfall.spec import Partition, Settings

MEMORY = "its prediction would be a memory."


def is_honest(version: ModelVersion, partition: Partition) -> bool:
    """True if everything that `version` has learnt from lies before `partition`."""
    return version.learnt_until.end <= partition.start


def served_before(settings: Settings, conn: Database, serving: ModelVersion) -> Iterable[ModelVersion]:
    """The versions that served before `serving` and were not rolled back, the last one first, each once.

    A version is left out if it was deleted in MLflow, or if its number belongs to another version by now. Each version is looked
    up only when the caller asks for it.
    """
    given, changes = {serving.version}, history(conn, serving.name)
    promoted = {change.version: change for change in reversed(changes) if change.kind != "noticed"}
    for number in reversed(in_favour(reversed(changes))):
        if number not in given:
            given.add(number)
            version = find_version(settings, serving.name, number)
            if version and is_promoted(settings, version, promoted[number]):
                yield version


def for_hindcasts(settings: Settings, name: str) -> Iterator[ModelVersion]:
    """The versions for hindcasts, the one that has learnt up to the latest day first.

    Such a version was trained up to an earlier day than the champion, to predict the days after it. Landfall's own notes say
    which versions these are. MLflow's tags do not count: anybody may have set them.
    """
    notes = {number: note for number, note in own_versions(settings, name).items() if note.how == "for hindcasts"}
    noted = [(note, find_version(settings, name, number)) for number, note in notes.items()]
    kept = [version for note, version in noted if version and is_own(note, version)]
    yield from sorted(kept, key=lambda version: (version.learnt_until.end, int(version.version)), reverse=True)


def versions_for(
    settings: Settings, conn: Database, name: str, days: Iterable[Partition]
) -> dict[Partition, ModelVersion | None] | None:
    """Chooses for each of `days` the version that may predict it; None instead of a dictionary if there is no champion.

    A version may predict a day if everything it has learnt from lies before that day. The first that may is chosen, in this
    order: the champion; the versions that served before it and were not rolled back, the last one first; the versions that
    were trained for hindcasts, the one that has learnt most first. The value is None if every one of them has learnt from that
    day or a later one.

    Each version is looked up once, and only if the versions before it may not predict some day.

    Raises:
        ModelError: the registry is away. PublishingError: the predictions database is.
    """
    serving = champion(settings, conn, name)
    if serving is None:
        return None
    known = [serving]
    others = chain(served_before(settings, conn, serving), for_hindcasts(settings, name))

    def candidates() -> Iterator[ModelVersion]:
        yield from known
        for version in others:
            known.append(version)
            yield version

    return {day: next((version for version in candidates() if is_honest(version, day)), None) for day in days}


def not_honest(name: str, day: Partition) -> str:
    """Why a day is not predicted though there is a champion."""
    return f"Every version of `{name}` that serves or served has learnt from {day} or a later day: {MEMORY}"


def is_memory(why: str) -> bool:
    """True if `why` is what `not_honest` gave."""
    return why.endswith(MEMORY)
