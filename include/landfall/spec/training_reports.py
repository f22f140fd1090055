"""What the jobs report that fit, judge and watch models: see `landfall.spec.reports` for how they travel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from landfall.errors import ComputeError
from landfall.spec.reports import JobReport


@dataclass(frozen=True, kw_only=True)
class FittedReport(JobReport):
    """A model that a job has fitted and saved.

    Args:
        rows: Rows that it has learnt from.
        parameters: What it was fitted with, for MLflow's run.
        metrics: `holdout_METRIC` -> value, on rows that a sibling had not seen.
        features: The columns that a row must have to be scored, in order.
        types: Column -> type, of those that are not doubles.
        label: The column that it has learnt to predict; empty for clusters.
        prediction: The column that it makes.
        library: What made it, see `landfall.spec.saved_model.LIBRARIES`.
        model_sha256: Of a pickle, the digest of its file; empty for a model of Spark.
        judged_model_sha256: The same of the sibling that has not seen the held-out rows; empty where it was not kept.
        importances: Feature -> share of the decisions that it makes; empty where the model has none.
        sample: Held-out rows as (actual, predicted), for a chart; empty where there is nothing to draw.
        reference: Feature -> how its values were distributed, which drift is measured against.
        example: One row to try the model with: column -> value.
    """

    rows: int
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    features: Sequence[str]
    types: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    prediction: str = "prediction"
    library: str = "spark"
    model_sha256: str = ""
    judged_model_sha256: str = ""
    importances: Any = None
    sample: Any = None
    reference: Any = None
    example: Any = None


@dataclass(frozen=True, kw_only=True)
class TrainedReport(FittedReport):
    """A pipeline's model, fitted on partitions of its feature table.

    Args:
        snapshot: The exact partitions: see `landfall.models.version.Snapshot`.
        tried: The points of the grid with their metric; empty without a grid.
    """

    snapshot: Mapping[str, Any]
    tried: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, kw_only=True)
class RowsTrainedReport(FittedReport):
    """A table model, fitted on a file of rows. `held_rows` of them only its sibling was measured on."""

    held_rows: int


@dataclass(frozen=True, kw_only=True)
class DriftReport(JobReport):
    """How far the newest values of features are from those that a model has learnt from.

    Args:
        rows: Rows of the window; 0 where it has none, and then nothing has drifted.
        drift: Feature -> statistic (`psi`, `ks`) -> value.
        missing: Features of the model that are no numbers of the table any more.
    """

    rows: int
    drift: Mapping[str, Mapping[str, float]]
    missing: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class JudgedModel(JobReport):
    """What one model shows on the rows that it is judged on. A number may be missing, or not be finite.

    Args:
        metrics: Metric -> value over all rows.
        slices: `column=value` -> `rows` and metrics of those rows.
        lowest: The least prediction.
        highest: The greatest prediction.
        milliseconds: How long it takes to score 1,000 rows.
        error: Why the model could not be judged; empty if it was.
    """

    metrics: Mapping[str, object] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    lowest: object = None
    highest: object = None
    milliseconds: object = None
    error: str = ""

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name in ("metrics", "slices") and not isinstance(value, Mapping):
            raise ComputeError(f"The report of the Spark job has no `{name}`.", looked=f"found {value!r:.80}")
        return value


@dataclass(frozen=True, kw_only=True)
class JudgedReport(JobReport):
    """Challenger and champion side by side. `champion` is None where no version serves."""

    days: str
    rows: int
    challenger: JudgedModel
    champion: JudgedModel | None = None

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name in ("challenger", "champion"):
            return None if value is None and name == "champion" else JudgedModel.of(value)
        return value
