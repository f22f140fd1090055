"""Writes scores as SQL: a tree is a nested CASE, the trees of a forest stand side by side, and sums run from first to last."""

import math
from collections.abc import Mapping, Sequence

from landfall.scoring.dialect import Dialect
from landfall.scoring.form import Distances, Ensemble, Gaussian, Linear, Model
from landfall.scoring.statement import Scope, Term, joined
from landfall.scoring.trees import CategorySplit, Leaf, Node, Split, Tree, leaves

CHUNK = 32
"""How many trees, or terms of a sum, are added in one expression."""


class Scores:
    """Writes the scores of a model; each score gets a name."""

    def __init__(self, scope: Scope, features: Sequence[Term], *, walked: bool = False, numbered: bool = False) -> None:
        self.scope, self.dialect, self.features = scope, scope.dialect, tuple(features)
        self.walked, self.numbered = walked, numbered

    def of(self, model: Model) -> list[Term]:
        """The scores in order."""
        match model.scorer:
            case Ensemble():
                return self._ensemble(model.scorer)
            case Linear():
                return [self._linear(model.scorer, k) for k in range(model.scorer.scores)]
            case Distances():
                return [self._distance(model.scorer, k) for k in range(model.scorer.scores)]
            case Gaussian():
                return [self._gaussian(model.scorer, k) for k in range(model.scorer.scores)]

    def _ensemble(self, ensemble: Ensemble) -> list[Term]:
        totals = self._walked(ensemble) if self.walked else self._totals(ensemble)
        if ensemble.over == 1:
            return totals
        return [self.scope.bind(Term(self.dialect.over(total.sql, ensemble.over), total.uses)) for total in totals]

    def _walked(self, ensemble: Ensemble) -> list[Term]:
        used = frozenset().union(*(term.uses for term in self.features))
        name = self.scope.bind(Term("", used), "float8[]", walk=(ensemble, self.features))
        sums = (Term(self.dialect.element(name.sql, k), name.uses) for k in range(ensemble.scores))
        return [self.scope.bind(score) for score in sums]

    def _totals(self, ensemble: Ensemble) -> list[Term]:
        totals = [self._number(value) for value in ensemble.start]
        before: Term | None = None
        for start in range(0, len(ensemble.trees), CHUNK):
            for tree in ensemble.trees[start : start + CHUNK]:
                for number, value in enumerate(self._values(tree, before), tree.score):
                    total = joined("{} + {}", totals[number], value)
                    totals[number] = Term(self.dialect.single(total.sql), total.uses) if ensemble.single else total
            totals = [self.scope.bind(total) for total in totals]
            before = totals[0]
        return totals

    def _values(self, tree: Tree, before: Term | None) -> list[Term]:
        """What a tree adds to each score. `before` is a sum of earlier trees: it keeps a layer to the trees of one chunk."""
        tree_of_names = (tree.root, self.features)
        width = len(_first_leaf(tree.root).values)
        if width > 1 and self.numbered:
            return self._looked_up(tree)
        case = self.case(self.dialect, tree.root, self.features)
        if width == 1:
            return [self.scope.bind(case, "float8", tree_of_names, beside=before)]
        name = self.scope.bind(case, "float8[]", tree_of_names, beside=before)
        return [Term(self.dialect.element(name.sql, position), name.uses) for position in range(width)]

    def _looked_up(self, tree: Tree) -> list[Term]:
        """What a tree adds to each score, looked up by the number of the leaf that the row ends in."""
        numbers = numbered(tree.root)
        case = self.case(self.dialect, tree.root, self.features, numbers)
        name = self.scope.bind(case, "int4", (tree.root, self.features))
        columns = zip(*(leaf.values for leaf in leaves(tree.root)), strict=True)
        return [Term(f"({self.dialect.numbers(column)})[{name.sql}]", name.uses) for column in columns]

    @classmethod
    def case(
        cls, dialect: Dialect, node: Node, features: Sequence[Term], numbers: Mapping[int, int] | None = None
    ) -> Term:
        """What a tree gives for the row, as one expression: the values of its leaf, or the leaf's number in `numbers`."""
        if isinstance(node, Leaf):
            return Term(leaf_text(dialect, node, numbers))
        goes, left, right = decided(dialect, node, features[node.feature])
        then, otherwise = cls.case(dialect, left, features, numbers), cls.case(dialect, right, features, numbers)
        return joined("CASE WHEN {} THEN {} ELSE {} END", goes, then, otherwise)

    def _linear(self, linear: Linear, k: int) -> Term:
        return self._sum([*self._products(linear.coefficients[k]), self._number(linear.intercepts[k])])

    def _distance(self, distances: Distances, k: int) -> Term:
        center = distances.centers[k]
        if not distances.expanded:
            return self._sum(self._squares(center))
        doubled = self._products(tuple(-2.0 * value for value in center))
        return self._sum([self._number(math.fsum(value * value for value in center)), *doubled])

    def _gaussian(self, gaussian: Gaussian, k: int) -> Term:
        squares = self._squares(gaussian.means[k])
        parts = [
            self.scope.bind(Term(self.dialect.over(square.sql, variance), square.uses))
            for square, variance in zip(squares, gaussian.variances[k], strict=True)
        ]
        total, prior, constant = self._sum(parts), self._number(gaussian.priors[k]), self._number(gaussian.constants[k])
        if gaussian.halved_together:
            whole = self.scope.bind(joined("{} + {}", total, constant))
            half = self.scope.bind(Term(self.dialect.over(whole.sql, 2.0), whole.uses))
            return self.scope.bind(joined("{} - {}", prior, half))
        half = self.scope.bind(Term(self.dialect.times(total.sql, 0.5), total.uses))
        return self.scope.bind(joined("{} + ({} - {})", prior, constant, half))

    def _products(self, factors: Sequence[float]) -> list[Term]:
        pairs = zip(self.features, factors, strict=True)
        return [Term(f"({self.dialect.times(value.sql, factor)})", value.uses) for value, factor in pairs]

    def _squares(self, center: Sequence[float]) -> list[Term]:
        differences = [
            self.scope.bind(joined("{} - {}", x, self._number(c))) for x, c in zip(self.features, center, strict=True)
        ]
        return [
            self.scope.bind(Term(self.dialect.square(difference.sql), difference.uses)) for difference in differences
        ]

    def _sum(self, terms: Sequence[Term]) -> Term:
        """The sum, added from the first term to the last."""
        total = self.scope.bind(terms[0])
        for start in range(1, len(terms), CHUNK):
            chunk = [total, *terms[start : start + CHUNK]]
            total = self.scope.bind(joined(" + ".join("{}" for _ in chunk), *chunk))
        return total

    def _number(self, value: float) -> Term:
        return Term(self.dialect.number(value))


def numbered(root: Node) -> dict[int, int]:
    """Leaf identity -> its number, counted from 1, from left to right."""
    return {id(leaf): number for number, leaf in enumerate(leaves(root), 1)}


def leaf_text(dialect: Dialect, leaf: Leaf, numbers: Mapping[int, int] | None) -> str:
    """A leaf as SQL: its one value, an array of its values, or its number if there are `numbers`."""
    if numbers:
        return str(numbers[id(leaf)])
    return dialect.number(leaf.values[0]) if len(leaf.values) == 1 else dialect.numbers(leaf.values)


def decided(dialect: Dialect, node: Split | CategorySplit, value: Term) -> tuple[Term, Node, Node]:
    """The condition of a split, the node to go to where it is true, and the node to go to where it is not."""
    if isinstance(node, CategorySplit):
        members = ", ".join(map(dialect.number, node.members))
        sides = (node.left, node.right) if node.members_left else (node.right, node.left)
        return joined(f"{{}} IN ({members})", value), *sides
    goes = joined("{} <= {}", value, Term(dialect.number(node.threshold)))
    if node.missing_left:
        goes = joined("{} OR {} = {}", goes, value, Term(dialect.number(math.nan)))
    return goes, node.left, node.right


def _first_leaf(node: Node) -> Leaf:
    while not isinstance(node, Leaf):
        node = node.left
    return node
