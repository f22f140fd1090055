"""What Spark ML wrote of a fitted pipeline: each stage's parameters as JSON, its numbers as Parquet. Read without a JVM.

The format is Spark's own (`DefaultParamsWriter`, and the `Data` class of each model), as Spark 4.0 writes it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from landfall.errors import ModelError
from landfall.scoring.trees import Row

LEFT = "nothing was compiled"


class Files(Protocol):
    """Where a saved model is read from. The module `spark_jobs.files` is one."""

    def list_files(self, folder: str, pattern: str) -> list[str]:
        """The URLs of the files below `folder` whose last parts match `pattern`, sorted."""

    def read_file(self, url: str) -> bytes:
        """A whole file."""


@dataclass(frozen=True)
class SparkStage:
    """One stage of a saved PipelineModel.

    Args:
        folder: Where it is.
        kind: Its class, such as `VectorAssembler`.
        told: Its whole metadata.
        files: What reads it.
    """

    folder: str
    kind: str
    told: dict[str, Any]
    files: Files

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameter -> value, those by default too."""
        return {**self.told["defaultParamMap"], **self.told["paramMap"]}

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns of a parameter that is there for one column (`inputCol`) or for several (`inputCols`)."""
        several = self.parameters.get(f"{name}s")
        return tuple(several) if several else (self.parameters[name],)

    def rows(self, folder: str = "data") -> list[dict[str, Any]]:
        """The rows of its Parquet files.

        Raises:
            ModelError: there are none.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        urls = self.files.list_files(f"{self.folder}/{folder}", f"{folder}/*.parquet")
        if not urls:
            raise ModelError(f"The stage `{self.kind}` has no data.", looked=f"{self.folder}/{folder}", left=LEFT)
        tables: list[pa.Table] = [pq.read_table(pa.BufferReader(self.files.read_file(url))) for url in urls]
        return [row for table in tables for row in table.to_pylist()]

    def unsupported(self, name: str) -> ModelError:
        """The error of a setting that has no form here."""
        return ModelError(
            f"`{self.kind}` with `{name}` = {self.parameters.get(name)} has no form in SQL.",
            looked=self.folder,
            left=LEFT,
            next=f"fit it without `{name}`",
        )


def read_stages(model: str, files: Files) -> list[SparkStage]:
    """The stages of the PipelineModel saved at the folder `model`, in their order, those of a pipeline in it in its place.

    Raises:
        ModelError: there is none.
    """
    stages: dict[int, SparkStage] = {}
    for url in files.list_files(f"{model}/stages", "stages/*/metadata/part-*"):
        folder = url.rpartition("/metadata/")[0]
        name = folder.rpartition("/stages/")
        if name[0].rstrip("/") == model.rstrip("/"):
            told: dict[str, Any] = json.loads(files.read_file(url))
            number = int(name[2].partition("_")[0])
            stages[number] = SparkStage(folder, str(told["class"]).rpartition(".")[2], told, files)
    if not stages:
        raise ModelError(
            "There is no Spark model where one was expected.",
            looked=f"{model}/stages",
            left=LEFT,
            next="landfall models PIPELINE",
        )
    ordered = [stages[number] for number in sorted(stages)]
    return [
        inner
        for stage in ordered
        for inner in (read_stages(stage.folder, files) if stage.kind == "PipelineModel" else [stage])
    ]


def vector(told: dict[str, Any]) -> Row:
    """A saved vector as all of its numbers."""
    if told["type"] == 1:
        return tuple(map(float, told["values"]))
    values = [0.0] * told["size"]
    for position, value in zip(told["indices"], told["values"], strict=True):
        values[position] = float(value)
    return tuple(values)


def matrix(told: dict[str, Any]) -> tuple[Row, ...]:
    """A saved matrix, row after row."""
    high, wide, transposed = told["numRows"], told["numCols"], told["isTransposed"]
    cells = [[0.0] * wide for _ in range(high)]
    outer = high if transposed else wide
    inner = wide if transposed else high
    for a in range(outer):
        if told["type"] == 1:
            within: Sequence[int] = range(inner)
            values = told["values"][a * inner : (a + 1) * inner]
        else:
            start, end = told["colPtrs"][a], told["colPtrs"][a + 1]
            within, values = told["rowIndices"][start:end], told["values"][start:end]
        for b, value in zip(within, values, strict=True):
            row, column = (a, b) if transposed else (b, a)
            cells[row][column] = float(value)
    return tuple(map(tuple, cells))


def number(told: float | str) -> float:
    """A number as Spark's JSON has it, where infinities and NaN are text."""
    return float(told)
