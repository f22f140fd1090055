"""Trees as values: where a row goes, and what the leaf there gives."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from landfall.errors import SpecError
from landfall.scoring.scalars import require_finite

Numbers = tuple[float, ...]
DEEPEST = 500
"""The most splits that a tree may be deep: PostgreSQL's stack holds about twice as many levels of CASE, and so does Python's."""


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """The end of a path: one number for each of the scores that the tree adds to."""

    values: Numbers

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
    """A member of `members` goes to the side that `members_left` says, anything else to the other; NaN is no member.

    Spark ML (`CategoricalSplit`) keeps the smaller side as its set, so a category that is on neither side goes to the larger.
    """

    feature: int
    members: Numbers
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
    """How many splits there are between the root and the deepest leaf."""
    level, splits_deep = [root], -1
    while level:
        level = [below for node in level if not isinstance(node, Leaf) for below in (node.left, node.right)]
        splits_deep += 1
    return splits_deep


def splits(node: Node) -> Iterator[Split | CategorySplit]:
    """The splits of a tree from a node on; a node comes before those below it."""
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
