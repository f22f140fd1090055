"""How a fitted model is saved: the names that what trains and what scores agree on, and what Spark wrote of its stages."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from landfall.errors import ModelError
from spark_jobs.files import list_files, read_file

PREDICTION = "prediction"
"""The model's output column. MLflow's `pyfunc` flavor reads no other."""
ASSEMBLED = "features"
"""The vector that Spark's estimator sees."""
MODEL = "model.pkl"
"""The file of a model of scikit-learn, as MLflow's `sklearn` flavor names it."""


@dataclass(frozen=True)
class SavedStage:
    """One stage of a saved PipelineModel.

    Args:
        kind: Its class, such as `VectorAssembler`.
        inputs: The columns that it reads.
        outputs: The columns that it makes.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """The stage that Spark's writer described (`DefaultParamsWriter`: class and parameters, those by default apart)."""
        told: dict[str, Any] = json.loads(text)
        given = {**told["defaultParamMap"], **told["paramMap"]}

        def columns(*names: str) -> tuple[str, ...]:
            one = [given[name] for name in names if isinstance(given.get(name), str)]
            several = [each for name in names for each in given.get(f"{name}s", ())]
            return tuple(several or one)

        kind = str(told["class"]).rpartition(".")[2]
        return cls(kind, columns("inputCol", "featuresCol"), columns("outputCol", "predictionCol"))


def read_stages(model: str) -> list[SavedStage]:
    """The stages of the PipelineModel saved at the folder `model`, in their order.

    Raises:
        ModelError: there is none.
        ComputeError: the store refuses.
    """
    files = list_files(f"{model}/stages", "stages/*/metadata/part-*")
    if not files:
        raise ModelError(
            "There is no Spark model where one was expected.",
            looked=f"{model}/stages",
            left="nothing was staged, what was published stays",
            next="landfall models PIPELINE",
        )
    numbered = sorted(files, key=lambda file: int(file.split("/stages/")[1].partition("_")[0]))
    return [SavedStage.parse(read_file(file)) for file in numbered]


def inputs_of(stages: Iterable[SavedStage]) -> tuple[str, ...]:
    """The columns that a model asks of its caller: what a stage reads and none before it makes."""
    needed: dict[str, None] = {}
    made: set[str] = set()
    for stage in stages:
        needed |= dict.fromkeys(name for name in stage.inputs if name not in made)
        made |= set(stage.outputs)
    return tuple(needed)
