"""What every training does with its rows: measure a judged model on those held out, fit another on all, save, describe."""

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
"""Of so many rows, drawn by the seed, the reference of drift is made: it moves PSI by less than 0.001."""


class Learnt(Protocol):
    """Rows to learn from, kept in memory in an order that does not depend on how they are stored. Numbers are doubles."""

    @property
    def rows(self) -> DataFrame: ...

    @property
    def seen(self) -> DataFrame:
        """Those that the judged model learns from."""

    @property
    def unseen(self) -> DataFrame:
        """Those that are held out: it is judged on them."""

    @property
    def count(self) -> int:
        """How many rows there are."""

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
    """Fit without the held-out rows, measure on them, fit again on every row, save; what a job reports of it.

    Args:
        learner: What learns.
        fitting: The same in the hands of its library.
        learnt: The rows.
        parameters: Of the estimator.
        holdout: How much is held out, as the parameter `holdout` tells it: partitions, or a share of the rows.
        model: Folder for the model fitted on every row.
        judged: Folder for its sibling without the held-out rows; empty: it is measured and not kept.
    """
    sibling = fitting.fit(learnt.seen, parameters)
    metrics = fitting.measure(sibling, learnt.unseen)
    sample = fitting.sample(sibling, drawn(learnt.unseen))
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


def drawn(unseen: DataFrame) -> DataFrame:
    """At most 500 of the held-out rows, the same ones each time, from all of them."""
    return unseen.orderBy(F.xxhash64(*unseen.columns), *unseen.columns).limit(SAMPLE)


def describe_columns(learnt: Learnt, learner: Learner) -> tuple[dict[str, object], dict[str, object]]:
    """One row of the columns that the model needs, and how the values of each numeric one are distributed.

    The latter is as `histogram.describe` gives it.
    """
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
