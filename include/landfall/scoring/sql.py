"""A form as SQL: expressions of PostgreSQL or Spark SQL for `prediction`, each class's probability, and `reason`.

A row that cannot be scored has a `reason` and nothing else; it never raises. What is refused is what the library refuses,
and where Spark ML's handleInvalid `skip` drops the row, which a table cannot. Beyond that, a feature that goes into a sum is
refused if it is missing, infinite, or so large that the sum might overflow. Trees only compare: they take
every number, unless it is scaled before.

A tree is a nested CASE, as deep as the tree. The trees of a forest stand side by side, 32 in a layer, and their sums in the
next one, so that neither the depth of an expression nor the width of a layer grows with the forest. PostgreSQL prepares ALL nodes
of an expression before it looks at the first row: nothing for many rows in one statement, most of the time for one row and a
large forest. Measured on PostgreSQL 18, one process, three classes (bulk rows/s; ms for one row: text of the statement,
prepared, and by the function of `plpgsql`, whose trees are IF statements):

    tree of depth 5       2,300,000    0.5    0.15    0.15
    20 trees of depth 5     340,000    4.9    0.33    0.18
    100 trees of depth 10    11,000    211     5.6    0.73

So the expression is for bulk and for trees, PL/pgSQL (`plpgsql`, which has measured more ways since) for single rows of a forest.
JIT belongs off for either (`SET jit = off`): to compile thousands of nodes takes longer than any statement of a few rows.

Spark plans such a statement anew each time: 1 s for 20 trees of depth 5, 5 s for 100 of them, 13 s for 50 of depth 10. A stream
plans once; a batch over a large forest is better scored from arrays (`spark_jobs.scoring.forest`).
"""

import math
from collections.abc import Sequence

from landfall.errors import SpecError
from landfall.scoring.decision import Decision
from landfall.scoring.dialect import Dialect
from landfall.scoring.features import Features, bounded
from landfall.scoring.form import Classes, Distances, Ensemble, Gaussian, Linear, Model
from landfall.scoring.scalars import Checked, Column, Indicator, Scalar, column_of
from landfall.scoring.statement import Compiled, Scope, Term, joined
from landfall.scoring.trees import CategorySplit, Leaf, Node, Split, Tree, leaves

LARGEST = 1e305
"""No sum, product or square of a model gets further from 0, so that no rounding makes it infinite."""
CHUNK = 32
"""So many trees, or terms of a sum, are added in one expression."""


def compile_model(model: Model, dialect: Dialect, *, walked: bool = False, vouched: bool = False) -> Compiled:
    """The model in a dialect.

    Args:
        model: The form.
        dialect: The dialect.
        walked: Whether the sums of an ensemble are left to who walks its trees (`plpgsql`), instead of being expressions.
        vouched: Whether somebody else sees to it that each column is within its `bounds`: then no row has a `reason`.

    Raises:
        SpecError: the model's own numbers are so large that every row overflows.
    """
    scope = Scope(dialect, prefix="v" if vouched else "b")
    limits = _limits(model)
    seen = _as_they_are(model, dialect) if vouched else _checked(scope, model, limits)
    scores = Scores(scope, seen, walked=walked).of(model)
    reason = _reason(scope)
    prediction, probabilities = Decision(scope, scores).of(model)
    return Compiled(
        dialect=dialect,
        inputs=model.inputs,
        layers=tuple(map(tuple, scope.layers)),
        prediction=prediction,
        probabilities=tuple(probabilities),
        labels=model.decision.labels if isinstance(model.decision, Classes) else (),
        reason=reason,
    )


def bounds(model: Model) -> dict[str, tuple[float, float]]:
    """Column -> the least and the largest number for which no row is refused; empty if a feature is not a column itself."""
    found: dict[str, tuple[float, float]] = {}
    for scalar, limit in zip(model.features, _limits(model), strict=True):
        column = column_of(scalar)
        low, high = found.get(column.name, (-math.inf, math.inf))
        low, high = max(low, -limit), min(high, limit)
        while isinstance(scalar, Checked):
            low, high = max(low, scalar.least, -scalar.limit), min(high, scalar.limit)
            scalar = scalar.input
        if not isinstance(scalar, Column) or scalar.kind == "text":
            return {}
        found[column.name] = (low, high)
    return found


def _as_they_are(model: Model, dialect: Dialect) -> list[Term]:
    return [Term(dialect.as_number(dialect.identifier(column_of(each).name))) for each in model.features]


def _checked(scope: Scope, model: Model, limits: list[float]) -> list[Term]:
    """The features; rows that lack one, or have one that is too large, are refused."""
    features = Features(scope)
    seen = [features.term(scalar) for scalar in _required(model)]
    return [bounded(scope, *each) for each in zip(model.features, seen, limits, strict=True)]


def _required(model: Model) -> Sequence[Scalar]:
    """The features; of what is no ensemble of trees, none may be missing: a sum with NaN predicts nothing."""
    if isinstance(model.scorer, Ensemble):
        return model.features
    return [each if isinstance(each, Indicator) else Checked(input=each) for each in model.features]


def _limits(model: Model) -> list[float]:
    """How far from 0 each feature may be: a power of ten, infinity for trees."""
    wide = len(model.features)
    match model.scorer:
        case Ensemble(trees=trees, start=start):
            largest = max(map(abs, start)) + sum(_largest_leaf(tree.root) for tree in trees)
            return _within("a sum of leaves", largest, LARGEST, [math.inf] * wide)
        case Linear(coefficients=rows, intercepts=intercepts):
            sizes = [max(1.0, *(abs(row[n]) for row in rows)) for n in range(wide)]
            limits = [_power(LARGEST / (2 * wide) / size) for size in sizes]
            return _within("an intercept", max(map(abs, intercepts)), LARGEST / 2, limits)
        case Distances(centers=rows):
            limit = _power(math.sqrt(LARGEST / wide) / 4)
        case Gaussian(means=rows, variances=variances):
            smallest = min(1.0, *(value for row in variances for value in row))
            limit = _power(math.sqrt(LARGEST / wide * smallest) / 4)
    return _within("a centre", max(abs(value) for row in rows for value in row), limit, [limit] * wide)


def _within(what: str, size: float, largest: float, limits: list[float]) -> list[float]:
    """`limits`, if the model's own numbers are no larger than what is left for them."""
    if size <= largest:
        return limits
    raise SpecError(f"The model has {what} of {size!r}.", looked=f"expected numbers up to {largest!r}")


def _largest_leaf(root: Node) -> float:
    return max(abs(value) for leaf in leaves(root) for value in leaf.values)


def _power(size: float) -> float:
    return float(f"1e{math.floor(math.log10(size))}")


class Scores:
    """The scores of a model, each a name."""

    def __init__(self, scope: Scope, seen: Sequence[Term], *, walked: bool = False) -> None:
        self.scope, self.dialect, self.seen, self.walked = scope, scope.dialect, tuple(seen), walked

    def of(self, model: Model) -> list[Term]:
        """Score after score."""
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
        return [self.scope.bind(Term(self.dialect.over(each.sql, ensemble.over), each.uses)) for each in totals]

    def _walked(self, ensemble: Ensemble) -> list[Term]:
        used = frozenset().union(*(term.uses for term in self.seen))
        name = self.scope.bind(Term("", used), "float8[]", walk=(ensemble, self.seen))
        sums = (Term(self.dialect.element(name.sql, k), name.uses) for k in range(ensemble.scores))
        return [self.scope.bind(each) for each in sums]

    def _totals(self, ensemble: Ensemble) -> list[Term]:
        totals = [self._number(value) for value in ensemble.start]
        before: Term | None = None
        for start in range(0, len(ensemble.trees), CHUNK):
            for tree in ensemble.trees[start : start + CHUNK]:
                for number, value in enumerate(self._values(tree, before), tree.score):
                    totals[number] = joined("{} + {}", totals[number], value)
            totals = [self.scope.bind(total) for total in totals]
            before = totals[0]
        return totals

    def _values(self, tree: Tree, before: Term | None) -> list[Term]:
        """What a tree adds, score after score. `before` is a sum of earlier trees: a layer holds the trees of one chunk only."""
        width, told = len(_first_leaf(tree.root).values), (tree.root, self.seen)
        case = self.case(self.dialect, tree.root, self.seen)
        if width == 1:
            return [self.scope.bind(case, "float8", told, beside=before)]
        name = self.scope.bind(case, "float8[]", told, beside=before)
        return [Term(self.dialect.element(name.sql, position), name.uses) for position in range(width)]

    @classmethod
    def case(cls, dialect: Dialect, node: Node, seen: Sequence[Term]) -> Term:
        """What a tree has for the row, as one expression."""
        if isinstance(node, Leaf):
            one = len(node.values) == 1
            return Term(dialect.number(node.values[0]) if one else dialect.numbers(node.values))
        goes, left, right = decided(dialect, node, seen[node.feature])
        then, otherwise = cls.case(dialect, left, seen), cls.case(dialect, right, seen)
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
        pairs = zip(self.seen, factors, strict=True)
        return [Term(f"({self.dialect.times(value.sql, factor)})", value.uses) for value, factor in pairs]

    def _squares(self, center: Sequence[float]) -> list[Term]:
        off = [self.scope.bind(joined("{} - {}", x, self._number(c))) for x, c in zip(self.seen, center, strict=True)]
        return [self.scope.bind(Term(self.dialect.square(each.sql), each.uses)) for each in off]

    def _sum(self, terms: Sequence[Term]) -> Term:
        """The sum from the first term to the last."""
        total = self.scope.bind(terms[0])
        for start in range(1, len(terms), CHUNK):
            chunk = [total, *terms[start : start + CHUNK]]
            total = self.scope.bind(joined(" + ".join("{}" for _ in chunk), *chunk))
        return total

    def _number(self, value: float) -> Term:
        return Term(self.dialect.number(value))


def decided(dialect: Dialect, node: Split | CategorySplit, value: Term) -> tuple[Term, Node, Node]:
    """Whether a row goes to the first of the two nodes, else to the second."""
    if isinstance(node, CategorySplit):
        members = ", ".join(map(dialect.number, node.members))
        sides = (node.left, node.right) if node.members_left else (node.right, node.left)
        return joined(f"{{}} IN ({members})", value), *sides
    goes = joined("{} <= {}", value, Term(dialect.number(node.threshold)))
    if node.missing_left:
        goes = joined("{} OR {} = {}", goes, value, Term(dialect.number(math.nan)))
    return goes, node.left, node.right


def _reason(scope: Scope) -> Term:
    if not scope.refusals:
        return scope.bind(Term(scope.dialect.no_text), "text")
    parts = [joined("WHEN {} THEN {}", when, Term(scope.dialect.text(told))) for when, told in scope.refusals]
    return scope.bind(joined(f"CASE {' '.join('{}' for _ in parts)} END", *parts), "text")


def _first_leaf(node: Node) -> Leaf:
    while not isinstance(node, Leaf):
        node = node.left
    return node
