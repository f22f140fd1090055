"""Honesty in time: no partition is predicted by a version that has learnt from its actuals."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain

from landfall.database import Database
from landfall.freshness.champion import champion, is_promoted
from landfall.freshness.history import history, in_favour
from landfall.models.own import is_own, own_versions
from landfall.models.registry import ModelVersion, find_version
from landfall.spec import Partition, Settings

MEMORY = "its prediction would be a memory."


def is_honest(version: ModelVersion, day: Partition | date) -> bool:
    """Whether everything that `version` has learnt from lies before `day`."""
    return version.learnt_until < (day.day if isinstance(day, Partition) else day)


def served_before(settings: Settings, conn: Database, serving: ModelVersion) -> Iterable[ModelVersion]:
    """The versions that served before `serving` did and were not rolled back, the last one first, each once.

    Versions that were deleted in MLflow are left out, and those whose number is another version's by now. Each is looked up
    as it is asked for.
    """
    told, changes = {serving.version}, history(conn, serving.name)
    promoted = {each.version: each for each in reversed(changes) if each.kind != "noticed"}
    for number in reversed(in_favour(reversed(changes))):
        if number not in told:
            told.add(number)
            found = find_version(settings, serving.name, number)
            if found and is_promoted(settings, found, promoted[number]):
                yield found


def for_hindcasts(settings: Settings, name: str) -> Iterator[ModelVersion]:
    """The versions that were trained until a day before the champion's, for the days after it, the latest of them first.

    Those that Landfall's own notes call so: what MLflow's tags say, anybody may have said.
    """
    notes = {number: note for number, note in own_versions(settings, name).items() if note.how == "for hindcasts"}
    found = [(note, find_version(settings, name, number)) for number, note in notes.items()]
    kept = [each for note, each in found if each and is_own(note, each)]
    yield from sorted(kept, key=lambda each: (each.learnt_until, int(each.version)), reverse=True)


def versions_for(
    settings: Settings, conn: Database, name: str, days: Iterable[Partition]
) -> dict[Partition, ModelVersion | None] | None:
    """The version that may predict each of `days`: the champion, if everything it has learnt from lies before that day; else,
    of the versions that once served and were not rolled back, the last one of which that is true; else, of those that were
    trained for hindcasts, the one that has learnt most; None if every one of them has learnt from that day or a later one.

    None if there is no champion. Each version is looked up once, and only if those before it may not predict a day.

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
        for each in others:
            known.append(each)
            yield each

    return {day: next((each for each in candidates() if is_honest(each, day)), None) for day in days}


def not_honest(name: str, day: Partition) -> str:
    """Why a day is not predicted though there is a champion."""
    return f"Every version of `{name}` that serves or served has learnt from {day} or a later day: {MEMORY}"


def is_memory(why: str) -> bool:
    """Whether `not_honest` said so."""
    return why.endswith(MEMORY)
