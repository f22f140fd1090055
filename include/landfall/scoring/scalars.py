"""Scalars: how one number that a model sees is made of one column, by stages as a library has them.

Every scalar goes back to one column. SQL's NULL in a column of numbers counts as NaN from there on, as it does everywhere in
this project; a stage that has no place for it refuses the row with a reason that names the column.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from landfall.errors import SpecError


def require_finite(what: str, values: Sequence[float]) -> None:
    """Nothing, if all `values` are finite.

    Raises:
        SpecError: one is NaN or infinite.
    """
    if odd := [value for value in values if not math.isfinite(value)]:
        raise SpecError(f"{what} holds {odd[0]}.", looked="expected finite numbers")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table: a `number`, read as a double, or `text`."""

    name: str
    kind: Literal["number", "text"] = "number"

    def __post_init__(self) -> None:
        if not self.name or "\0" in self.name:
            raise SpecError(f"Column.name is {self.name!r}.", looked="expected a column's name")
        if self.kind not in ("number", "text"):
            raise SpecError.unknown("kind of column", self.kind, ["number", "text"])


@dataclass(frozen=True, kw_only=True)
class Impute:
    """`value` where the input is `missing`, and where it is null if `nulls` (always so if `missing` is NaN).

    Spark ML (`ImputerModel.transform`): null, or equal to `missingValue`. scikit-learn (`SimpleImputer`): equal to
    `missing_values`.
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
    `x * scale + min`. The order and the rounding of the library are kept, so results are the same bit for bit.
    """

    input: "Scalar"
    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        require_finite("Affine.operations", [value for _, value in self.operations])
        if any(name == "divide" and value == 0 for name, value in self.operations):
            raise SpecError("Affine.operations divides by 0.", looked="expected another number")


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """How many of the increasing `edges` are at most the input, a whole number from 0.

    Spark ML (`Bucketizer`): the inner splits, `low` and `high` the outermost ones, both inclusive; a value beyond them is
    refused. scikit-learn (`KBinsDiscretizer`): the inner edges of the bins, without bounds.

    Args:
        input: The number.
        edges: The inner edges.
        low: The smallest value that is not refused.
        high: The largest one.
        missing: What NaN gets; None: it is refused.
        signed_zero: Whether -0 is below 0, as in Spark, which looks for the bucket by `java.util.Arrays.binarySearch`.
    """

    input: "Scalar"
    edges: tuple[float, ...]
    low: float = -math.inf
    high: float = math.inf
    missing: float | None = None
    signed_zero: bool = False

    def __post_init__(self) -> None:
        ordered = all(one < more for one, more in zip(self.edges, self.edges[1:], strict=False))
        if not ordered or any(math.isnan(edge) for edge in self.edges):
            raise SpecError(f"Bucket.edges is {self.edges}.", looked="expected increasing numbers")


@dataclass(frozen=True, kw_only=True)
class Index:
    """The position of the input among `labels`.

    Args:
        input: A column of text, or a number if the labels are numbers.
        labels: What training saw, each once.
        unknown: What any other value gets; None: it is refused.
        missing: What null (or NaN) gets; None: it is refused.
    """

    input: "Scalar"
    labels: tuple[str, ...] | tuple[float, ...]
    unknown: float | None = None
    missing: float | None = None

    def __post_init__(self) -> None:
        texts = isinstance(self.input, Column) and self.input.kind == "text"
        if any(isinstance(label, str) != texts for label in self.labels):
            raise SpecError(
                f"Index.labels of `{column_of(self.input).name}` are not of its kind.",
                looked=f"expected {'text' if texts else 'numbers'}, got {', '.join(map(repr, self.labels[:3]))}",
            )
        if len(set(self.labels)) != len(self.labels):
            raise SpecError("Index.labels has a value twice.", looked=", ".join(map(repr, self.labels)))


@dataclass(frozen=True, kw_only=True)
class Category:
    """The input if it is from 0 up to, without, `size`; else `size` if `keep`, and refused if not.

    Spark ML (`OneHotEncoderModel`), which takes a fraction for the whole number below it.
    """

    input: "Scalar"
    size: int
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """1 if the input is from `number` up to, without, `number + 1`; else 0, also for NaN. One element of a one-hot vector."""

    input: "Scalar"
    number: int


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The input, refused if it is missing (null or NaN) unless `missing`, below `least`, or further from 0 than `limit`.

    Spark ML: `VectorAssembler` with handleInvalid `error` refuses what is missing, `NaiveBayes`
    what is negative. scikit-learn: `check_array` refuses what
    is missing (where the estimator does not allow for it), infinity, and for trees what float32 cannot hold.
    """

    input: "Scalar"
    missing: bool = False
    limit: float = math.inf
    least: float = -math.inf

    def __post_init__(self) -> None:
        if not self.limit > 0:
            raise SpecError(f"Checked.limit is {self.limit}.", looked="expected a positive number")


Scalar = Column | Impute | Affine | Bucket | Index | Category | Indicator | Checked


def column_of(scalar: Scalar) -> Column:
    """The one column that a scalar is made of."""
    while not isinstance(scalar, Column):
        scalar = scalar.input
    return scalar
