"""What every training does with its rows: measures a judged model on held-out rows, fits another on all, saves, describes."""

from collections.abc import Mapping
from typing import Any, Protocol

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from landfall.spec.learner import Learner, Number
from landfall.spec.training_reports import FittedReport
from spark_jobs.saved import PREDICTION
from spark_jobs.training.fitting import SAMPLE, Fitting
from spark_jobs.training.histogram import describe

REFERENCE = 50_000
"""The drift reference is made of this many rows, drawn by the seed: compared with all rows, this moves PSI by less than 0.001."""


class Learnt(Protocol):
    """Rows to learn from, in memory, in an order that does not depend on how they are stored. Numbers are doubles."""

    @property
    def rows(self) -> DataFrame: ...

    @property
    def learnt_rows(self) -> DataFrame:
        """The rows that the judged model learns from."""

    @property
    def held_rows(self) -> DataFrame:
        """The held-out rows, on which it is judged."""

    @property
    def count(self) -> int:
        """The number of rows."""

    @property
    def types(self) -> dict[str, str]:
        """Column that the model needs -> `double` or `string`."""


def learn(
    learner: Learner,
    fitting: Fitting,
    learnt: Learnt,
    parameters: Mapping[str, Number],
    *,
    holdout: Number,
    model: str,
    judged: str = "",
) -> FittedReport:
    """Fits without the held-out rows, measures on them, fits again on every row, saves; gives the report.

    Args:
        learner: The learner.
        fitting: The learner, implemented by its library.
        learnt: The rows.
        parameters: The parameters of the estimator.
        holdout: How much is held out (partitions, or a share of the rows), for the reported parameter `holdout`.
        model: Folder for the model that is fitted on every row.
        judged: Folder for its sibling without the held-out rows; empty: the sibling is measured and not kept.
    """
    sibling = fitting.fit(learnt.learnt_rows, parameters)
    metrics = fitting.measure(sibling, learnt.held_rows)
    sample = fitting.sample(sibling, sample_of(learnt.held_rows))
    judged_sha256 = fitting.save(sibling, judged) if judged else ""
    final = fitting.fit(learnt.rows, parameters)
    sha256 = fitting.save(final, model)
    example, reference = describe_columns(learnt, learner)
    return FittedReport(
        rows=learnt.count,
        parameters={
            **parameters,
            "estimator": learner.estimator.kind,
            "library": learner.estimator.library,
            "seed": learner.seed,
            "holdout": holdout,
        },
        metrics={f"holdout_{name}": value for name, value in metrics.items()},
        features=list(learner.columns),
        types=learnt.types,
        label=learner.label,
        prediction=PREDICTION,
        library=learner.estimator.library,
        model_sha256=sha256,
        judged_model_sha256=judged_sha256,
        importances=fitting.importances(final),
        sample=sample,
        example=example,
        reference=reference,
    )


def sample_of(held_rows: DataFrame) -> DataFrame:
    """At most 500 of the held-out rows, the same ones each time, drawn from all of them."""
    return held_rows.orderBy(F.xxhash64(*held_rows.columns), *held_rows.columns).limit(SAMPLE)


def describe_columns(learnt: Learnt, learner: Learner) -> tuple[dict[str, object], dict[str, object]]:
    """One row of the columns that the model needs, and the distribution of each numeric one (see `histogram.describe`)."""
    import numpy as np

    share = REFERENCE / learnt.count
    rows = learnt.rows if share >= 1 else learnt.rows.sample(False, share, learner.seed)
    table: Any = rows.select(*learnt.types).toArrow()
    numbers = [name for name, kind in learnt.types.items() if kind == "double"]
    first = table.slice(0, 1).to_pylist()[0]
    return (
        {name: None if value != value else value for name, value in first.items()},
        {name: describe(np.asarray(table.column(name))) for name in numbers},
    )
