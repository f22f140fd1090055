"""Feature stages turn columns into numbers that an estimator can learn from. They run in Spark ML and have its names."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import ClassVar, Protocol

from landfall.errors import SpecError


class FeatureStage(Protocol):
    """One stage: it reads columns and makes one column."""

    kind: ClassVar[str]

    @property
    def output(self) -> str:
        """The column that the stage makes."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the stage reads."""
        ...


@dataclass(frozen=True, kw_only=True)
class StringIndex:
    """Replaces a text by a number, 0 for the most frequent text. All texts that training never saw share the last number."""

    kind: ClassVar[str] = "string_index"
    column: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Replaces a continuous value by the number of its bucket, of `buckets` equally filled ones. NaN has a bucket of its own."""

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
    """Replaces a number by the number of its bucket between `splits`. The outermost buckets reach to the infinities."""

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
    """Replaces a small whole number, such as the output of a `StringIndex`, by a vector with a single 1 in it."""

    kind: ClassVar[str] = "one_hot"
    column: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Puts columns into one scaled vector. The method is `standard` (mean 0, deviation 1), `min_max` (0 to 1) or `max_abs`."""

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
STAGES: dict[str, Callable[..., FeatureStage]] = {stage.kind: stage for stage in _KINDS}


def stage_fields(stage: FeatureStage) -> dict[str, object]:
    """The fields of the stage for JSON, with its kind under `stage`."""
    return {"stage": stage.kind, **asdict(stage)} if isinstance(stage, _KINDS) else {"stage": stage.kind}
