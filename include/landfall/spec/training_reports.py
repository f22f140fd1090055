"""The reports of the jobs that fit models, judge them and measure drift. `landfall.spec.reports` says how reports travel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from landfall.errors import ComputeError
from landfall.spec.reports import JobReport


@dataclass(frozen=True, kw_only=True)
class FittedReport(JobReport):
    """A model that a job has fitted and saved.

    Args:
        rows: The number of rows that the model has learnt from.
        parameters: The parameters of the fit, for MLflow's run.
        metrics: `holdout_METRIC` -> value, measured on the held-out rows with a sibling that has not learnt from them.
        features: The columns that a row must have to be scored, in order.
        types: Column -> type, for each column that is not a double.
        label: The column that the model has learnt to predict; empty for clusters.
        prediction: The column that the model makes.
        library: The library that made the model: see `landfall.spec.saved_model.LIBRARIES`.
        model_sha256: The SHA-256 of a pickle's file; empty for a model of Spark.
        judged_model_sha256: The SHA-256 of the sibling's file; empty for a model of Spark, or if the sibling was not kept.
        importances: Feature -> its share of the model's decisions; empty if the model has no importances.
        sample: Held-out rows as (actual, predicted), for a chart; empty if there is nothing to draw.
        reference: Feature -> the distribution of its values, against which drift is measured.
        example: A row to try the model with: column -> value.
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
        snapshot: The exact partitions that it was fitted on: see `landfall.models.version.Snapshot`.
        tried: The points of the grid, each with its metric; empty without a grid.
    """

    snapshot: Mapping[str, Any]
    tried: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, kw_only=True)
class RowsTrainedReport(FittedReport):
    """A table model, fitted on a file of rows. `held_rows` is the number of held-out rows, on which its sibling was measured."""

    held_rows: int


@dataclass(frozen=True, kw_only=True)
class DriftReport(JobReport):
    """How far the newest values of features differ from the values that a model has learnt from.

    Args:
        rows: The number of rows in the window. If it is 0, nothing has drifted.
        drift: Feature -> statistic (`psi`, `ks`) -> value.
        missing: The features of the model that are no longer numeric columns of the table.
    """

    rows: int
    drift: Mapping[str, Mapping[str, float]]
    missing: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class JudgedModel(JobReport):
    """The results of one model on the rows that it is judged on. A number may be missing, or not finite.

    Args:
        metrics: Metric -> value over all rows.
        slices: `column=value` -> the number of those rows as `rows`, and their metrics.
        lowest: The smallest prediction.
        highest: The largest prediction.
        milliseconds: The time that scoring 1,000 rows takes.
        error: Why the model could not be judged; empty if it was judged.
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
    """The challenger and the champion, judged on the same rows. `champion` is None if no version serves."""

    days: str
    rows: int
    challenger: JudgedModel
    champion: JudgedModel | None = None

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name in ("challenger", "champion"):
            return None if value is None and name == "champion" else JudgedModel.of(value)
        return value
