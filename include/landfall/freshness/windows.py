"""Windows: the partitions on which challenger and champion are judged, and which of their models may be judged there.

A version is two models. The one that serves is fitted on every partition of its snapshot; its judged sibling is fitted without
the newest partitions. A model is judged honestly only on partitions that all lie after those it has learnt from.
"""

from dataclasses import dataclass

from landfall.errors import ModelError
from landfall.freshness.honest import is_honest
from landfall.models.registry import ModelVersion, pipeline_of
from landfall.spec import Partitions


@dataclass(frozen=True, kw_only=True)
class Window:
    """What the judging job needs to know.

    Args:
        table: The feature table.
        at_version: The Delta version of the feature table.
        partitions: The partitions on which both are judged: those that the challenger held out.
        challenger: The folder of the challenger's judged sibling.
        champion: The folder of the champion's model; None without a champion.
    """

    table: str
    at_version: int
    partitions: Partitions
    challenger: str
    champion: str | None = None


def judging_window(challenger: ModelVersion, champion: ModelVersion | None) -> Window:
    """The window in which challenger and champion can be compared.

    For the champion, the model that serves is judged if it has learnt from nothing in the window, else its judged sibling.

    Raises:
        ModelError: the challenger has no held-out partitions, or both models of the champion have learnt from some of them.
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
    """The folder of the champion's model that has learnt from nothing at or after the window's first partition."""
    first = window.days[0]
    sibling = champion.snapshot.judged_until if champion.snapshot else None
    if is_honest(champion, first):
        return champion.path
    if champion.judged and sibling and sibling < first:
        return champion.judged
    learnt = f"version {champion.version} has learnt up to {champion.learnt_until}"
    raise ModelError(
        f"Versions {challenger.version} and {champion.version} of `{champion.name}` cannot be compared honestly.",
        looked=f"held out: {window}; {learnt}"
        + (f", its judged sibling up to {sibling}" if sibling else ", and has no judged sibling"),
        left=f"version {champion.version} serves; version {challenger.version} stays in the registry",
        next=f"landfall train {pipeline_of(champion.name)} with a later --until, or without",
        fault="input",
    )
