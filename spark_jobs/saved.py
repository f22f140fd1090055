"""How a fitted model is saved: the names that training and scoring agree on, and what Spark wrote about its stages."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from landfall.errors import ModelError
from spark_jobs.files import list_files, read_file

PREDICTION = "prediction"
"""The model's output column; MLflow's `pyfunc` flavor reads no other name."""
ASSEMBLED = "features"
"""The vector that Spark's estimator gets."""
MODEL = "model.pkl"
"""The file of a scikit-learn model, as MLflow's `sklearn` flavor names it."""


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
        """The stage that Spark's writer described (`DefaultParamsWriter`: the class, its parameters, its default parameters)."""
        metadata: dict[str, Any] = json.loads(text)
        parameters = {**metadata["defaultParamMap"], **metadata["paramMap"]}

        def columns(*names: str) -> tuple[str, ...]:
            single = [parameters[name] for name in names if isinstance(parameters.get(name), str)]
            several = [column for name in names for column in parameters.get(f"{name}s", ())]
            return tuple(several or single)

        kind = str(metadata["class"]).rpartition(".")[2]
        return cls(kind, columns("inputCol", "featuresCol"), columns("outputCol", "predictionCol"))


def read_stages(model: str) -> list[SavedStage]:
    """The stages of the PipelineModel saved at the folder `model`, in order.

    Raises:
        ModelError: there is no model.
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
    """The columns that the caller of a model must provide: those that a stage reads and no earlier stage makes."""
    needed: dict[str, None] = {}
    outputs: set[str] = set()
    for stage in stages:
        needed |= dict.fromkeys(name for name in stage.inputs if name not in outputs)
        outputs |= set(stage.outputs)
    return tuple(needed)
