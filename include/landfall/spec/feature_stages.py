"""Feature stages: how columns become numbers that an estimator can learn from. Named as in Spark ML, where they run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import ClassVar, Protocol

from landfall.errors import SpecError


class FeatureStage(Protocol):
    """One stage: columns in, one column out."""

    kind: ClassVar[str]

    @property
    def output(self) -> str:
        """The column that it makes."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        ...


@dataclass(frozen=True, kw_only=True)
class StringIndex:
    """Text -> number of the text, the most frequent 0. A text that training never saw gets a number of its own, the last."""

    kind: ClassVar[str] = "string_index"
    column: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """A continuous column -> which of `buckets` equally filled buckets its value lies in. NaN gets a bucket of its own."""

    kind: ClassVar[str] = "quantiles"
    column: str
    output: str
    buckets: int = 10

    def __post_init__(self) -> None:
        if self.buckets < 2:
            raise SpecError(f"Quantiles.buckets is {self.buckets}.", looked="expected 2 or more")

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """A number -> which bucket between `splits` it lies in; the outermost reach to the infinities."""

    kind: ClassVar[str] = "buckets"
    column: str
    output: str
    splits: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.splits or list(self.splits) != sorted(set(self.splits)):
            raise SpecError(f"Buckets.splits is {self.splits}.", looked="expected increasing numbers, at least one")

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, kw_only=True)
class OneHot:
    """A small whole number (or the output of a `StringIndex`) -> a vector with one 1 in it."""

    kind: ClassVar[str] = "one_hot"
    column: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Columns -> one vector of them, scaled: `standard` (mean 0, deviation 1), `min_max` (0 to 1) or `max_abs`."""

    kind: ClassVar[str] = "scale"
    columns: tuple[str, ...]
    output: str
    method: str = "standard"

    def __post_init__(self) -> None:
        if self.method not in ("standard", "min_max", "max_abs"):
            raise SpecError.unknown("scaling", self.method, ["standard", "min_max", "max_abs"])
        if not self.columns:
            raise SpecError("Scale.columns is empty.", looked="expected names of columns")

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.columns


_KINDS = (StringIndex, Quantiles, Buckets, OneHot, Scale)
STAGES: dict[str, Callable[..., FeatureStage]] = {each.kind: each for each in _KINDS}


def stage_fields(stage: FeatureStage) -> dict[str, object]:
    """The stage as JSON can hold it, under `stage` its kind."""
    return {"stage": stage.kind, **asdict(stage)} if isinstance(stage, _KINDS) else {"stage": stage.kind}
