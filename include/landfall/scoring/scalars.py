"""Scalars: how one column becomes one number that a model uses, through the stages that its library applied.

Every scalar is made of one column. From there on NULL in a column of numbers counts as NaN, as everywhere in this project.
A stage that cannot take a NaN refuses the row, with a reason that names the column.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from landfall.errors import SpecError


def require_finite(what: str, values: Sequence[float]) -> None:
    """Refuses numbers that are not finite.

    Raises:
        SpecError: a value is NaN or infinite.
    """
    if not_finite := [value for value in values if not math.isfinite(value)]:
        raise SpecError(f"{what} holds {not_finite[0]}.", looked="expected finite numbers")


@dataclass(frozen=True, kw_only=True)
class InputColumn:
    """A column of the table: a `number`, which is read as a double, `text`, or a `vector`.

    A vector is a map from the positions of its elements, counted from 0 and written as text, to their numbers. An element that
    is not in the map is 0. Only Spark SQL has such columns.
    """

    name: str
    kind: Literal["number", "text", "vector"] = "number"

    def __post_init__(self) -> None:
        if not self.name or "\0" in self.name:
            raise SpecError(f"InputColumn.name is {self.name!r}.", looked="expected a column's name")
        if self.kind not in ("number", "text", "vector"):
            raise SpecError.unknown("kind of column", self.kind, ["number", "text", "vector"])


@dataclass(frozen=True, kw_only=True)
class Element:
    """One element of a vector: the number at `position`, counted from 0; 0 if the vector does not hold it."""

    input: InputColumn
    position: int


@dataclass(frozen=True, kw_only=True)
class Impute:
    """`value` in place of an input that is `missing`, and of null if `nulls` (of null in any case if `missing` is NaN).

    Spark ML (`ImputerModel.transform`) replaces null and what equals `missingValue`; scikit-learn (`SimpleImputer`) what
    equals `missing_values`.
    """

    input: "Scalar"
    value: float
    missing: float = math.nan
    nulls: bool = True

    def __post_init__(self) -> None:
        require_finite("Impute.value", [self.value])


Operation = tuple[Literal["subtract", "add", "multiply", "divide"], float]


@dataclass(frozen=True, kw_only=True)
class Affine:
    """The input after `operations`, one after the other, each rounded: how scalers shift and scale. NaN stays NaN.

    Spark ML: `(x - mean) * (1 / std)`, `(x - min) * (scale / range) + low`. scikit-learn: `(x - mean) / scale`,
    `x * scale + min`. The library's order and rounding are kept, so the results are the same bit for bit.
    """

    input: "Scalar"
    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        require_finite("Affine.operations", [value for _, value in self.operations])
        if any(name == "divide" and value == 0 for name, value in self.operations):
            raise SpecError("Affine.operations divides by 0.", looked="expected another number")


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """How many of the increasing `edges` are at most the input: a whole number from 0.

    Spark ML (`Bucketizer`): the edges are the inner splits; `low` and `high` are the outermost ones, both inclusive, and a value
    beyond them is refused. scikit-learn (`KBinsDiscretizer`): the edges are the inner edges of the bins, without bounds.

    Args:
        input: The number.
        edges: The inner edges.
        low: The smallest value that is not refused.
        high: The largest value that is not refused.
        missing: The result for NaN; None: NaN is refused.
        signed_zero: True if -0 is below 0, as in Spark, which finds the bucket with `java.util.Arrays.binarySearch`.
    """

    input: "Scalar"
    edges: tuple[float, ...]
    low: float = -math.inf
    high: float = math.inf
    missing: float | None = None
    signed_zero: bool = False

    def __post_init__(self) -> None:
        ordered = all(edge < following for edge, following in zip(self.edges, self.edges[1:], strict=False))
        if not ordered or any(math.isnan(edge) for edge in self.edges):
            raise SpecError(f"Bucket.edges is {self.edges}.", looked="expected increasing numbers")


@dataclass(frozen=True, kw_only=True)
class Index:
    """The position of the input among `labels`.

    Args:
        input: A column of text, or a number if the labels are numbers.
        labels: The values that training saw, each once.
        unknown: The result for any other value; None: the value is refused.
        missing: The result for null (or NaN); None: it is refused.
    """

    input: "Scalar"
    labels: tuple[str, ...] | tuple[float, ...]
    unknown: float | None = None
    missing: float | None = None

    def __post_init__(self) -> None:
        texts = isinstance(self.input, InputColumn) and self.input.kind == "text"
        if any(isinstance(label, str) != texts for label in self.labels):
            raise SpecError(
                f"Index.labels of `{column_of(self.input).name}` are not of its kind.",
                looked=f"expected {'text' if texts else 'numbers'}, got {', '.join(map(repr, self.labels[:3]))}",
            )
        if len(set(self.labels)) != len(self.labels):
            raise SpecError("Index.labels has a value twice.", looked=", ".join(map(repr, self.labels)))


@dataclass(frozen=True, kw_only=True)
class Category:
    """The input if it is at least 0 and less than `size`; any other one becomes `size` if `keep`, and is refused if not.

    This is Spark ML's `OneHotEncoderModel`, which takes a fraction for the whole number below it.
    """

    input: "Scalar"
    size: int
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """1 if the input is at least `number` and less than `number + 1`, else 0, also for NaN. One element of a one-hot vector."""

    input: "Scalar"
    number: int


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The input; refused if it is below `least`, further from 0 than `limit`, or missing (null or NaN) unless `missing`.

    Spark ML: `VectorAssembler` with handleInvalid `error` refuses missing values, `NaiveBayes` negative ones.
    scikit-learn: `check_array` refuses infinity, missing values where the estimator does not allow them, and for trees
    what float32 cannot hold.
    """

    input: "Scalar"
    missing: bool = False
    limit: float = math.inf
    least: float = -math.inf

    def __post_init__(self) -> None:
        if not self.limit > 0:
            raise SpecError(f"Checked.limit is {self.limit}.", looked="expected a positive number")


Scalar = InputColumn | Element | Impute | Affine | Bucket | Index | Category | Indicator | Checked


def column_of(scalar: Scalar) -> InputColumn:
    """The column that a scalar is made of."""
    while not isinstance(scalar, InputColumn):
        scalar = scalar.input
    return scalar
