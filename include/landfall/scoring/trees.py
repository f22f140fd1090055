"""Trees as values: where a row goes, and what it finds there."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from landfall.errors import SpecError
from landfall.scoring.scalars import require_finite

Row = tuple[float, ...]
DEEPEST = 500
"""No tree is deeper: PostgreSQL's stack holds about twice as many levels of CASE, and so does Python's."""


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """What a tree gives, a number for each of the scores that it adds to."""

    values: Row

    def __post_init__(self) -> None:
        require_finite("Leaf.values", self.values)


@dataclass(frozen=True, kw_only=True)
class Split:
    """Left if the feature is at most `threshold`; NaN goes left only if `missing_left`."""

    feature: int
    threshold: float
    left: "Node"
    right: "Node"
    missing_left: bool = False

    def __post_init__(self) -> None:
        if math.isnan(self.threshold):
            raise SpecError("Split.threshold is nan.", looked="expected a number")


@dataclass(frozen=True, kw_only=True)
class CategorySplit:
    """To the side `members_left` tells if the feature is one of `members`, else to the other; NaN is no member.

    Spark ML (`CategoricalSplit`) keeps the smaller side as its set, so a category that is on no side goes to the larger.
    """

    feature: int
    members: Row
    left: "Node"
    right: "Node"
    members_left: bool = True

    def __post_init__(self) -> None:
        require_finite("CategorySplit.members", self.members)
        if not self.members:
            raise SpecError("CategorySplit.members is empty.", looked="expected at least one")


Node = Leaf | Split | CategorySplit


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A tree whose leaf values are added to the scores from number `score` on."""

    root: Node
    score: int = 0


def depth(root: Node) -> int:
    """Splits between the root and the deepest leaf."""
    level, found = [root], -1
    while level:
        level = [below for node in level if not isinstance(node, Leaf) for below in (node.left, node.right)]
        found += 1
    return found


def splits(node: Node) -> Iterator[Split | CategorySplit]:
    """The splits of a tree from a node on, a node before what is below it."""
    if not isinstance(node, Leaf):
        yield node
        yield from splits(node.left)
        yield from splits(node.right)


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves below a node, from left to right."""
    if isinstance(node, Leaf):
        yield node
    else:
        yield from leaves(node.left)
        yield from leaves(node.right)
