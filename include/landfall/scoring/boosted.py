"""What the readers of boosted trees share: a tree grown from its numbered nodes, and the links between a sum and a prediction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from landfall.errors import ModelError
from landfall.scoring.scalars import InputColumn
from landfall.scoring.trees import DEEPEST, Leaf, Node, Split

LEFT = "nothing was compiled"
Link = Literal["identity", "exp", "logistic"]


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A split whose sides are numbers of nodes. See `Split` for the rest."""

    feature: int
    threshold: float
    missing_left: bool
    left: int
    right: int


def grown(node: Callable[[int], Leaf | Fork], features: int, library: str) -> Node:
    """The tree from node 0 on.

    Args:
        node: Number -> what the node is.
        features: How many features there are.
        library: Whose tree it is, for the error.

    Raises:
        ModelError: a node is missing or is reached twice, a feature is not there, or the tree is too deep.
    """
    reached: set[int] = set()

    def at(number: int, deep: int) -> Node:
        if number in reached:
            raise damaged(library, f"node {number} of a tree is reached twice")
        if deep > DEEPEST:
            raise ModelError(
                f"A tree of {library} is more than {DEEPEST} splits deep.",
                looked=f"expected {DEEPEST} at most",
                left=LEFT,
                next="fit it with a smaller `max_depth`",
            )
        reached.add(number)
        try:
            found = node(number)
        except IndexError:
            raise damaged(library, f"a tree has no node {number}, or node {number} leads to none") from None
        if isinstance(found, Leaf):
            return found
        if not 0 <= found.feature < features:
            raise damaged(library, f"a split takes feature {found.feature} of {features}")
        return Split(
            feature=found.feature,
            threshold=found.threshold,
            left=at(found.left, deep + 1),
            right=at(found.right, deep + 1),
            missing_left=found.missing_left,
        )

    return at(0, 0)


def named(inside: Sequence[str], given: Sequence[str], features: int, library: str) -> tuple[InputColumn, ...]:
    """The columns of the features: by the names in the model's file, else by those that are given.

    Raises:
        ModelError: neither names each feature once.
    """
    names = list(inside) or list(given)
    if len(names) != features or len(set(names)) != features:
        raise ModelError(
            f"The model of {library} does not name its {features} columns.",
            looked=f"named: {', '.join(names) or 'none'}",
            left=LEFT,
            next="fit it on a table of pandas, or log it with a signature (mlflow.models.infer_signature)",
        )
    return tuple(InputColumn(name=name) for name in names)


def damaged(library: str, what: str) -> ModelError:
    """The error for a file that is not what the library writes."""
    return ModelError(f"The file of {library} cannot be read.", looked=what, left=LEFT, next="log the model again")


def no_form(library: str, setting: str) -> ModelError:
    """The error for something that has no form in SQL."""
    return ModelError(
        f"A model of {library} with {setting} has no form in SQL.", left=LEFT, next=f"train it without {setting}"
    )
