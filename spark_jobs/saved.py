"""How a fitted model is saved: the names that training and scoring agree on, and its stages."""

from collections.abc import Iterable

from landfall.scoring import spark_saved
from landfall.scoring.spark_saved import SparkStage
from spark_jobs import files

PREDICTION = "prediction"
"""The model's output column; MLflow's `pyfunc` flavor reads no other name."""
ASSEMBLED = "features"
"""The vector that Spark's estimator gets."""
MODEL = "model.pkl"
"""The file of a scikit-learn model, as MLflow's `sklearn` flavor names it."""


def read_stages(model: str) -> list[SparkStage]:
    """The stages of the PipelineModel saved at the folder `model`, in order.

    Raises:
        ModelError: there is no model.
        ComputeError: the store refuses.
    """
    return spark_saved.read_stages(model, files, left="nothing was staged, what was published stays")


def inputs_of(stages: Iterable[SparkStage]) -> tuple[str, ...]:
    """The columns that the caller of a model must provide: those that a stage reads and no earlier stage makes."""
    needed: dict[str, None] = {}
    outputs: set[str] = set()
    for stage in stages:
        needed |= dict.fromkeys(name for name in stage.inputs if name not in outputs)
        outputs |= set(stage.outputs)
    return tuple(needed)
