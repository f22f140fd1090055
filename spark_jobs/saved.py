"""How a fitted model is saved: the names that what trains and what scores agree on, and its stages."""

from collections.abc import Iterable

from landfall.scoring import spark_saved
from landfall.scoring.spark_saved import SparkStage
from spark_jobs import files

PREDICTION = "prediction"
"""The model's output column. MLflow's `pyfunc` flavor reads no other."""
ASSEMBLED = "features"
"""The vector that Spark's estimator sees."""
MODEL = "model.pkl"
"""The file of a model of scikit-learn, as MLflow's `sklearn` flavor names it."""


def read_stages(model: str) -> list[SparkStage]:
    """The stages of the PipelineModel saved at the folder `model`, in their order.

    Raises:
        ModelError: there is none.
        ComputeError: the store refuses.
    """
    return spark_saved.read_stages(model, files, left="nothing was staged, what was published stays")


def inputs_of(stages: Iterable[SparkStage]) -> tuple[str, ...]:
    """The columns that a model asks of its caller: what a stage reads and none before it makes."""
    needed: dict[str, None] = {}
    made: set[str] = set()
    for stage in stages:
        needed |= dict.fromkeys(name for name in stage.inputs if name not in made)
        made |= set(stage.outputs)
    return tuple(needed)
