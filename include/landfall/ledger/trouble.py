"""Which standings are trouble: one rule for what `landfall status` shows of old partitions and for what alerts tell."""

from collections.abc import Iterable
from typing import Literal

from landfall.ledger.facts import Facts
from landfall.ledger.standing import ATTENTION, Standing

Kind = Literal["late landing", "failed contract", "failed run", "stuck run"]


def in_trouble(partitions: Iterable[tuple[Facts, Standing]]) -> list[tuple[Facts, Standing]]:
    """The partitions that somebody, or the audit, should do something about, in the given order."""
    return [(facts, standing) for facts, standing in partitions if standing.state in ATTENTION]


def kind_of(standing: Standing) -> Kind | None:
    """What a person is told of a partition that stands so; None for what the audit mends by itself or a person has chosen.

    `landed` and `stale` are run by the audit or named by `landfall plan`. `paused` is somebody's decision.
    """
    if standing.state == "late":
        return "late landing"
    if standing.state == "stuck":
        return "stuck run"
    if standing.state == "failed":
        return "failed contract" if standing.reason == "refused" else "failed run"
    return None
