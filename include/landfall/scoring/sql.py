"""Writes a form as SQL: expressions of PostgreSQL or Spark SQL for `prediction`, each class's probability, and `reason`.

A row that cannot be scored has a `reason` and nothing else; it never raises an error. A row is refused where the library would
refuse it, and where Spark ML's handleInvalid `skip` would drop it, which a table cannot do. Beyond that, a feature that goes
into a sum is refused if it is missing, infinite, or so large that the sum might overflow. Trees only compare: they take every
number, unless a stage before them scales it.

A tree is a nested CASE, as deep as the tree. The trees of a forest stand side by side, 32 in a layer, and their sums in the
next layer, so that neither the depth of an expression nor the width of a layer grows with the forest. PostgreSQL prepares ALL
nodes of an expression before it looks at the first row. That is nothing for many rows in one statement, but most of the time
for one row and a large forest. Measured on PostgreSQL 18, one process, three classes (bulk rows/s; then ms for one row: by the
text of the statement, by a prepared statement, and by the function of `plpgsql`, whose trees are IF statements):

    tree of depth 5       2,300,000    0.5    0.15    0.15
    20 trees of depth 5     340,000    4.9    0.33    0.18
    100 trees of depth 10    11,000    211     5.6    0.73

So the expression is for bulk and for single trees; PL/pgSQL (`plpgsql`, which has measured more ways since) is for single rows
of a forest. Switch JIT off for either (`SET jit = off`): compiling thousands of nodes takes longer than any statement of a few
rows.

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
from landfall.scoring.scalars import Checked, Indicator, InputColumn, Scalar, column_of
from landfall.scoring.scores import Scores
from landfall.scoring.statement import Compiled, Scope, Term, joined
from landfall.scoring.trees import Node, leaves
from landfall.scoring.vectors import linear_scores, vector_of

LARGEST = 1e305
"""No sum, product or square of a model gets further from 0 than this, so that no rounding makes it infinite."""
LARGEST_SINGLE = 3.4e38
"""The same for sums in float32."""


def compile_model(
    model: Model, dialect: Dialect, *, walked: bool = False, numbered: bool = False, vouched: bool = False
) -> Compiled:
    """The model in a dialect.

    Args:
        model: The form.
        dialect: The dialect.
        walked: True if the caller walks the trees of an ensemble itself (`plpgsql`): their sums are then not expressions.
        numbered: True if a tree with several values per leaf gives the number of the leaf, by which its values are looked up.
        vouched: True if the caller has already checked that each column is within its `bounds`; then `reason` is always null.

    Raises:
        SpecError: the model's own numbers are so large that every row would overflow.
    """
    scope = Scope(dialect, prefix="v" if vouched else "b")
    if (column := vector_of(model)) and isinstance(model.scorer, Linear):
        scores = linear_scores(scope, model.scorer, column)
    else:
        features = _as_they_are(model, dialect) if vouched else _checked(scope, model, _limits(model))
        scores = Scores(scope, features, walked=walked, numbered=numbered).of(model)
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
    """Column -> the smallest and the largest number that are not refused; empty if a feature is not simply a column."""
    limits: dict[str, tuple[float, float]] = {}
    for scalar, limit in zip(model.features, _limits(model), strict=True):
        column = column_of(scalar)
        low, high = limits.get(column.name, (-math.inf, math.inf))
        low, high = max(low, -limit), min(high, limit)
        while isinstance(scalar, Checked):
            low, high = max(low, scalar.least, -scalar.limit), min(high, scalar.limit)
            scalar = scalar.input
        if not isinstance(scalar, InputColumn) or scalar.kind == "text":
            return {}
        limits[column.name] = (low, high)
    return limits


def _as_they_are(model: Model, dialect: Dialect) -> list[Term]:
    return [Term(dialect.as_number(dialect.identifier(column_of(feature).name))) for feature in model.features]


def _checked(scope: Scope, model: Model, limits: list[float]) -> list[Term]:
    """The features as terms; rows that lack a feature, or have one that is too large, are refused."""
    features = Features(scope)
    terms = [features.term(scalar) for scalar in _required(model)]
    return [bounded(scope, *guarded) for guarded in zip(model.features, terms, limits, strict=True)]


def _required(model: Model) -> Sequence[Scalar]:
    """The features. Only an ensemble of trees takes missing ones: a sum with NaN predicts nothing."""
    if isinstance(model.scorer, Ensemble):
        return model.features
    return [feature if isinstance(feature, Indicator) else Checked(input=feature) for feature in model.features]


def _limits(model: Model) -> list[float]:
    """How far from 0 each feature may be: a power of ten; infinity for trees."""
    wide = len(model.features)
    match model.scorer:
        case Ensemble(trees=trees, start=start, single=single):
            largest = max(map(abs, start)) + sum(_largest_leaf(tree.root) for tree in trees)
            return _within("a sum of leaves", largest, LARGEST_SINGLE if single else LARGEST, [math.inf] * wide)
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
    """`limits`, if the model's own numbers leave room for them; else a SpecError."""
    if size <= largest:
        return limits
    raise SpecError(f"The model has {what} of {size!r}.", looked=f"expected numbers up to {largest!r}")


def _largest_leaf(root: Node) -> float:
    return max(abs(value) for leaf in leaves(root) for value in leaf.values)


def _power(size: float) -> float:
    return float(f"1e{math.floor(math.log10(size))}")


def _reason(scope: Scope) -> Term:
    if not scope.refusals:
        return scope.bind(Term(scope.dialect.no_text), "text")
    parts = [
        joined("WHEN {} THEN {}", condition, Term(scope.dialect.text(reason))) for condition, reason in scope.refusals
    ]
    return scope.bind(joined(f"CASE {' '.join('{}' for _ in parts)} END", *parts), "text")
