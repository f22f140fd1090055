"""Writes scalars as SQL: each scalar gets a name for a double that is never null.

A row for which a scalar has no value is refused. The scalar is then NaN, so that no expression that uses it raises an error.
"""

import math

from landfall.errors import SpecError
from landfall.scoring.dialect import Dialect
from landfall.scoring.scalars import (
    Affine,
    Bucket,
    Category,
    Checked,
    Element,
    Impute,
    Index,
    Indicator,
    InputColumn,
    Scalar,
    column_of,
)
from landfall.scoring.statement import Scope, Term, joined


class Features:
    """Writes the scalars of one model; each is computed once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.dialect: Dialect = scope.dialect
        self._terms: dict[Scalar, Term] = {}
        self._nulls: dict[InputColumn, Term] = {}

    def term(self, scalar: Scalar) -> Term:
        """The name of a scalar's value."""
        if scalar not in self._terms:
            self._terms[scalar] = self._written(scalar)
        return self._terms[scalar]

    def _written(self, scalar: Scalar) -> Term:
        match scalar:
            case InputColumn():
                return self._column(scalar)
            case Element(input=column, position=position):
                self.scope.refuse(self._is_null(column), f"{column.name} is null")
                return self.scope.bind(Term(self.dialect.element_of(self.dialect.identifier(column.name), position)))
            case Impute():
                return self._impute(scalar)
            case Affine():
                return self._affine(scalar)
            case Bucket():
                return self._bucket(scalar)
            case Index():
                return self._index(scalar)
            case Category():
                return self._category(scalar)
            case Indicator(input=source, number=number):
                value = self.term(source)
                low, high, unit, zero = map(self._number, (number, number + 1, 1.0, 0.0))
                return self._bind(
                    "CASE WHEN {0} >= {1} AND {0} < {2} THEN {3} ELSE {4} END", value, low, high, unit, zero
                )
            case Checked():
                return self._checked(scalar)

    def _column(self, column: InputColumn) -> Term:
        quoted = self.dialect.identifier(column.name)
        if column.kind == "text":
            return self.scope.bind(Term(self.dialect.as_text(quoted)), "text")
        return self._bind("coalesce({}, {})", Term(self.dialect.as_number(quoted)), self._number(math.nan))

    def _impute(self, scalar: Impute) -> Term:
        value, missing, replacement = self.term(scalar.input), self._number(scalar.missing), self._number(scalar.value)
        if not scalar.nulls or math.isnan(scalar.missing):
            return self._bind("CASE WHEN {0} = {1} THEN {2} ELSE {0} END", value, missing, replacement)
        null = self._is_null(column_of(scalar))
        return self._bind("CASE WHEN {3} OR {0} = {1} THEN {2} ELSE {0} END", value, missing, replacement, null)

    def _affine(self, scalar: Affine) -> Term:
        value = bounded(self.scope, scalar, self.term(scalar.input), _limit(scalar))
        for name, constant in scalar.operations:
            if name in ("multiply", "divide"):
                write = self.dialect.times if name == "multiply" else self.dialect.over
                value = self.scope.bind(Term(write(value.sql, constant), value.uses))
            else:
                sign = "-" if name == "subtract" else "+"
                value = self._bind(f"{{}} {sign} {{}}", value, self._number(constant))
        return value

    def _bucket(self, scalar: Bucket) -> Term:
        value, name = self.term(scalar.input), column_of(scalar).name
        missing = math.nan if scalar.missing is None else scalar.missing
        if scalar.missing is None:
            self._refuse_missing(scalar.input, value)
        high = self._number(scalar.high)
        if not (scalar.low == -math.inf and scalar.high == math.inf):
            below = self._below(scalar, value, scalar.low)
            outside = joined("{3} OR ({0} > {1} AND {0} <> {2})", value, high, self._number(math.nan), below)
            self.scope.refuse(outside, f"{name} is outside of {scalar.low!r} to {scalar.high!r}")
        parts = [joined("CASE WHEN {} = {} THEN {}", value, self._number(math.nan), self._number(missing))]
        for number, edge in enumerate(scalar.edges):
            parts.append(joined("WHEN {} THEN {}", self._below(scalar, value, edge), self._number(number)))
        parts.append(joined("ELSE {} END", self._number(len(scalar.edges))))
        return self._bind(" ".join("{}" for _ in parts), *parts)

    def _below(self, scalar: Bucket, value: Term, edge: float) -> Term:
        below = joined("{} < {}", value, self._number(edge))
        if not scalar.signed_zero or edge != 0 or math.copysign(1.0, edge) < 0:
            return below
        return joined("({} OR {})", below, Term(self.dialect.is_negative_zero(value.sql), value.uses))

    def _index(self, scalar: Index) -> Term:
        value, column, nan = self.term(scalar.input), column_of(scalar), self._number(math.nan)
        texts = isinstance(scalar.input, InputColumn) and scalar.input.kind == "text"
        labels = [self._label(label) for label in scalar.labels]
        missing = joined("{} IS NULL", value) if texts else joined("{} = {}", value, nan)
        if scalar.missing is None and texts:
            self.scope.refuse(missing, f"{column.name} is null")
        elif scalar.missing is None:
            self._refuse_missing(scalar.input, value)
        if scalar.unknown is None:
            in_labels = joined(", ".join("{}" for _ in labels) or "{}", *(labels or [value]))
            template = "{0} NOT IN ({1})" if labels else "{0} = {1}"
            unknown = joined(template if texts else f"{template} AND {{0}} <> {{2}}", value, in_labels, nan)
            self.scope.refuse(unknown, f"{column.name} has a value that the model never saw")
        parts = [joined("CASE WHEN {} THEN {}", missing, self._or_nan(scalar.missing))]
        parts += [
            joined("WHEN {} = {} THEN {}", value, label, self._number(position))
            for position, label in enumerate(labels)
        ]
        parts.append(joined("ELSE {} END", self._or_nan(scalar.unknown)))
        return self._bind(" ".join("{}" for _ in parts), *parts)

    def _category(self, scalar: Category) -> Term:
        value, zero, size = self.term(scalar.input), self._number(0.0), self._number(scalar.size)
        if not scalar.keep:
            self._refuse_missing(scalar.input, value)
            beyond = joined("{0} < {1} OR ({0} >= {2} AND {0} <> {3})", value, zero, size, self._number(math.nan))
            self.scope.refuse(beyond, f"{column_of(scalar).name} is outside of the {scalar.size} categories")
        other = size if scalar.keep else self._number(math.nan)
        return self._bind("CASE WHEN {0} >= {1} AND {0} < {2} THEN {0} ELSE {3} END", value, zero, size, other)

    def _checked(self, scalar: Checked) -> Term:
        value = self.term(scalar.input)
        if not scalar.missing:
            self._refuse_missing(scalar.input, value)
        if scalar.least != -math.inf:
            below = joined("{} < {}", value, self._number(scalar.least))
            self.scope.refuse(below, f"{column_of(scalar).name} is below {scalar.least!r}")
        return bounded(self.scope, scalar, value, scalar.limit)

    def _refuse_missing(self, scalar: Scalar, value: Term) -> None:
        column, is_nan = column_of(scalar), joined("{} = {}", value, self._number(math.nan))
        if column.kind == "number":
            self.scope.refuse(joined("{} AND {}", self._is_null(column), is_nan), f"{column.name} is null")
        self.scope.refuse(is_nan, f"{column.name} is NaN")

    def _is_null(self, column: InputColumn) -> Term:
        if column not in self._nulls:
            null = Term(f"{self.dialect.identifier(column.name)} IS NULL")
            self._nulls[column] = self.scope.bind(null, "bool")
        return self._nulls[column]

    def _label(self, label: float | str) -> Term:
        return Term(self.dialect.text(label)) if isinstance(label, str) else self._number(label)

    def _or_nan(self, value: float | None) -> Term:
        return self._number(math.nan if value is None else value)

    def _number(self, value: float) -> Term:
        return Term(self.dialect.number(float(value)))

    def _bind(self, template: str, *terms: Term) -> Term:
        return self.scope.bind(joined(template, *terms))


def bounded(scope: Scope, scalar: Scalar, value: Term, limit: float) -> Term:
    """`value`, guarded by a limit: where it is further from 0 than `limit` it becomes NaN and the row is refused.

    Gives `value` itself if there is no limit to check: the limit is infinite, or the scalar is an indicator (0 or 1).
    """
    if limit == math.inf or (isinstance(scalar, Indicator) and limit >= 1):
        return value
    edge, nan = Term(scope.dialect.number(limit)), Term(scope.dialect.number(math.nan))
    beyond = joined("{0} NOT BETWEEN -{1} AND {1} AND {0} <> {2}", value, edge, nan)
    scope.refuse(beyond, f"{column_of(scalar).name} is beyond {limit!r}")
    return scope.bind(joined("CASE WHEN {0} BETWEEN -{1} AND {1} THEN {0} ELSE {2} END", value, edge, nan))


def _limit(scalar: Affine) -> float:
    """The largest power of ten from which the operations never lead further from 0 than 1e305."""
    for exponent in range(300, 0, -1):
        size = 10.0**exponent
        for name, constant in scalar.operations:
            if name == "divide":
                size /= abs(constant)
            else:
                size = size * abs(constant) if name == "multiply" else size + abs(constant)
            if not size <= 1e305:
                break
        else:
            return float(f"1e{exponent}")
    raise SpecError(
        f"The scaling of `{column_of(scalar).name}` leaves no number that does not overflow.",
        looked=", ".join(f"{name} {constant!r}" for name, constant in scalar.operations),
    )
