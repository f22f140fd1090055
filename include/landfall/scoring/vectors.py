"""Linear models of a sparse vector: one sum over the elements that a row holds, however long the vector is.

A vector of 692 pixels, of which a row holds 150, would be 692 products as an expression. Spark took 7 s to plan that for each
batch, and then five times as long for the rows.
"""

import math

from landfall.scoring.form import Linear, Model
from landfall.scoring.scalars import Element, InputColumn
from landfall.scoring.statement import Scope, Term, joined

LARGEST = 1e305
"""A score further from 0 than this is refused, as everywhere in this room."""


def vector_of(model: Model) -> InputColumn | None:
    """The vector whose elements, in their order, are all features of a linear model; None for any other model."""
    if (
        not isinstance(model.scorer, Linear)
        or not model.features
        or not isinstance(first := model.features[0], Element)
    ):
        return None
    whole = (Element(input=first.input, position=position) for position in range(len(model.features)))
    return first.input if all(pair[0] == pair[1] for pair in zip(model.features, whole, strict=True)) else None


def linear_scores(scope: Scope, linear: Linear, column: InputColumn) -> list[Term]:
    """The scores of a linear model of a vector, each a name that is never null.

    Refused are a null, an element that the model does not know or that is no number, and a score that is not finite. The sum
    runs in the order in which a row holds its elements; Spark's own runs by position, which is the same if they are sorted.
    """
    dialect = scope.dialect
    quoted = Term(dialect.identifier(column.name))
    missing = scope.bind(joined("{} IS NULL", quoted), "bool")
    scope.refuse(missing, f"{column.name} is null")
    vector = scope.bind(quoted, "vector")
    scores = []
    for coefficients, intercept in zip(linear.coefficients, linear.intercepts, strict=True):
        weights = scope.bind(Term(dialect.weights(coefficients)), "float8[]")
        total = scope.bind(Term(dialect.dot(vector.sql, weights.sql), vector.uses | weights.uses))
        scope.refuse(joined("{} IS NULL", total), f"{column.name} has an element that the model does not know")
        edge, nan = Term(dialect.number(LARGEST)), Term(dialect.number(math.nan))
        scope.refuse(joined("{0} NOT BETWEEN -{1} AND {1}", total, edge), f"{column.name} has no finite score")
        inside = joined("CASE WHEN {0} BETWEEN -{1} AND {1} THEN {0} ELSE {2} END", total, edge, nan)
        scores.append(scope.bind(joined("{} + {}", inside, Term(dialect.number(intercept)))))
    return scores
