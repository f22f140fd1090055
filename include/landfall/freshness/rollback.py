"""Rolls a model back: a version that served before becomes the champion again. What later versions published is replaced by
what that version had published, row for row.

The registry is changed first, so that no run scores with the withdrawn version any more. The partitions follow, one after the
other. If a rollback is interrupted, ask for it again: what is done stays done, and the rest follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from landfall.database import Database
from landfall.errors import LandfallError, ModelError, PublishingError
from landfall.freshness.champion import is_promoted
from landfall.freshness.history import PromotionRecord, current, history, in_favour
from landfall.freshness.promotions import notice, promote
from landfall.models.registry import find_version
from landfall.publishing import Published, kept_by, rollback
from landfall.spec import Partition, Partitions, Pipeline, Settings


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """What a rollback of a model did.

    Args:
        model: The registered model.
        version: The version that serves now.
        replaced: The version that served before. It is `version` itself if an earlier rollback was only completed.
        withdrawn: The versions that came after `version`. Their publications are swapped back.
        restored: The publications that were swapped in again, in the order of partitions.
        kept: Partitions that go on showing rows of a withdrawn version, because no publication by `version` is kept for them.
    """

    model: str
    version: str
    replaced: str
    withdrawn: tuple[str, ...]
    restored: tuple[Published, ...]
    kept: Partitions


def roll_back_model(
    settings: Settings,
    conn: Database,
    pipeline: Pipeline,
    to: str | None = None,
    *,
    reason: str = "rolled back by hand",
    by_run: str = "landfall rollback",
    patience: float = 60,
) -> RolledBack:
    """Makes an earlier version of the pipeline's model the champion, and shows its rows to readers again.

    Args:
        settings: Where the registry is.
        conn: A connection of its own to the predictions database, in autocommit mode.
        pipeline: The pipeline.
        to: The version to go back to. By default it is the last one that served before the present one and was not rolled back
            itself. If the newest rollback was interrupted, that rollback is completed instead.
        reason: Why, for a person.
        by_run: The Airflow run or the command that does it.
        patience: Seconds to wait for another promotion, and for the readers of each partition.

    Raises:
        ModelError: no version served before, there is no such version, or the registry is away. Nothing was changed then.
        PublishingError: a partition could not be swapped; the message says how many partitions were.
    """
    name = pipeline.trained.model
    serving = notice(settings, conn, name, patience=patience)
    present = serving.version
    target = to or _before(settings, conn, pipeline, present)
    promote(
        settings,
        conn,
        name,
        target,
        expected=present,
        kind="rolled back",
        reason=reason,
        by_run=by_run,
        patience=patience,
    )
    withdrawn = _withdrawn(history(conn, name), target)
    swaps = kept_by(conn, pipeline.table, target, withdrawn.versions, withdrawn.since)
    again = [(partition, number) for partition, number in swaps if number is not None]
    return RolledBack(
        model=name,
        version=target,
        replaced=present or target,
        withdrawn=withdrawn.versions,
        restored=tuple(_restore(conn, pipeline, target, again, patience)),
        kept=Partitions.of(partition for partition, number in swaps if number is None),
    )


def _before(settings: Settings, conn: Database, pipeline: Pipeline, present: str | None) -> str:
    """The version to go back to. It is the present one if the rollback to it has left partitions to swap."""
    name, last = pipeline.trained.model, current(conn, pipeline.trained.model)
    changes = history(conn, name)
    if present and last and last.kind == "rolled back":
        withdrawn = _withdrawn(changes, present)
        left = kept_by(conn, pipeline.table, present, withdrawn.versions, withdrawn.since)
        if any(number is not None for _, number in left):
            return present
    candidates = [number for number in in_favour(reversed(changes)) if number != present]
    promoted = {change.version: change for change in reversed(changes) if change.kind != "noticed"}
    for number in reversed(candidates):
        version = find_version(settings, name, number)
        if version and is_promoted(settings, version, promoted[number]):
            return number
    serves = f"version {present} serves" if present else "no version serves"
    raise ModelError(
        f"`{name}` was not rolled back: no version served before.",
        looked=f"landfall.promotions: {len(changes)} changes; {serves}",
        left=f"{serves}; readers see what they saw before",
        next=f"landfall models {pipeline.name}",
    )


@dataclass(frozen=True)
class _Withdrawn:
    """The versions that a rollback takes away. It replaces what they published `since` then; if None, all they published."""

    versions: tuple[str, ...]
    since: datetime | None


def _withdrawn(changes: Sequence[PromotionRecord], target: str) -> _Withdrawn:
    """The versions that served between the last time that `target` did and now. `changes` are newest first.

    If `target` never served before, the rollback withdraws the version that `target` replaced.
    """
    last, *earlier = changes
    until = next((index for index, change in enumerate(earlier) if change.version == target), None)
    if until is None:
        between, since = ({last.replaced} if last.kind == "rolled back" else set()), None
    else:
        between, since = {change.version for change in earlier[:until]}, earlier[until].at
    versions = sorted((version for version in between if version and version != target), key=_number)
    return _Withdrawn(tuple(versions), since)


def _number(version: str) -> tuple[int, str]:
    return (int(version) if version.isdecimal() else 0, version)


def _restore(
    conn: Database, pipeline: Pipeline, target: str, swaps: Sequence[tuple[Partition, int]], patience: float
) -> list[Published]:
    """Swaps one partition back after the other. The first that fails ends it."""
    done: list[Published] = []
    for partition, number in swaps:
        try:
            done.append(rollback(conn, pipeline.table, partition, to=number, patience=patience))
        except LandfallError as error:
            raise PublishingError(
                f"Version {target} serves again, but {partition} was not swapped back: {error.what}",
                looked=error.looked,
                left=f"{len(done)} of {len(swaps)} partitions are swapped back; the others show what they showed before",
                next=f"landfall rollback {pipeline.name} --to {target}",
            ) from error
    return done
