"""Windows: the partitions on which challenger and champion are judged, and which of their models is honest there.

A version is two models: the one that serves, fitted on every partition of its snapshot, and its judged sibling, fitted
without the newest ones. A model is judged only on partitions that all lie after those it has learnt from.
"""

from dataclasses import dataclass

from landfall.errors import ModelError
from landfall.models.registry import ModelVersion, pipeline_of
from landfall.spec import Partition, Partitions


@dataclass(frozen=True, kw_only=True)
class Window:
    """What the judging job is told.

    Args:
        table: The feature table.
        at_version: Its Delta version.
        partitions: What both are judged on: the challenger's held-out partitions.
        challenger: Its model's folder: its judged sibling.
        champion: Its model's folder; None without a champion.
    """

    table: str
    at_version: int
    partitions: Partitions
    challenger: str
    champion: str | None = None


def judging_window(challenger: ModelVersion, champion: ModelVersion | None) -> Window:
    """The window in which the two can be compared.

    The champion is its served model where that has learnt from nothing in the window, else its judged sibling.

    Raises:
        ModelError: the challenger has no held-out partitions, or the champion has learnt from some of them in either form.
    """
    snapshot = challenger.snapshot
    held = () if not snapshot or not snapshot.judged_until else snapshot.partitions
    window = Partitions.of(day for day in held if snapshot and snapshot.judged_until and day > snapshot.judged_until)
    if snapshot is None or not len(window):
        raise ModelError(
            f"Version {challenger.version} of `{challenger.name}` cannot be judged: it has no held-out partitions.",
            looked=f"snapshot {snapshot.first}..{snapshot.last}" if snapshot else "no snapshot among its tags",
            left="the champion stays",
            next=f"landfall train {pipeline_of(challenger.name)}",
            fault="input",
        )
    return Window(
        table=snapshot.table,
        at_version=snapshot.version,
        partitions=window,
        challenger=challenger.judged,
        champion=_honest(champion, challenger, window) if champion else None,
    )


def _honest(champion: ModelVersion, challenger: ModelVersion, window: Partitions) -> str:
    """The champion's folder that has learnt from nothing at or after the window's first partition."""
    first = window.days[0]
    sibling = champion.snapshot.judged_until if champion.snapshot else None
    if champion.learnt_until < first.day:
        return champion.path
    if champion.judged and sibling and sibling < first:
        return champion.judged
    learnt = f"version {champion.version} has learnt up to {Partition(champion.learnt_until)}"
    raise ModelError(
        f"Versions {challenger.version} and {champion.version} of `{champion.name}` cannot be compared honestly.",
        looked=f"held out: {window}; {learnt}"
        + (f", its judged sibling up to {sibling}" if sibling else ", and has no judged sibling"),
        left=f"version {champion.version} serves; version {challenger.version} stays in the registry",
        next=f"landfall train {pipeline_of(champion.name)} with a later --until, or without",
        fault="input",
    )
