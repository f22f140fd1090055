"""Reads what Spark ML wrote of a fitted pipeline: each stage's parameters (JSON) and numbers (Parquet). Needs no JVM.

The format is Spark's own (`DefaultParamsWriter`, and the `Data` class of each model), as Spark 4.0 writes it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from landfall.errors import ModelError
from landfall.scoring.trees import Numbers

LEFT = "nothing was compiled"


class Files(Protocol):
    """Reads the files of a saved model, such as the module `spark_jobs.files`."""

    def list_files(self, folder: str, pattern: str) -> list[str]:
        """The URLs of the files below `folder` whose last path parts match `pattern`, sorted."""

    def read_file(self, url: str) -> bytes:
        """The whole content of a file."""


@dataclass(frozen=True)
class SparkStage:
    """One stage of a saved PipelineModel.

    Args:
        folder: The URL of its folder.
        kind: Its class, such as `VectorAssembler`.
        metadata: Its whole metadata, as saved.
        files: What reads its files.
    """

    folder: str
    kind: str
    metadata: dict[str, Any]
    files: Files

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameter -> value, with the default values of those that were not set."""
        return {**self.metadata["defaultParamMap"], **self.metadata["paramMap"]}

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns of a parameter that exists for one column (`inputCol`) or for several (`inputCols`)."""
        several = self.parameters.get(f"{name}s")
        return tuple(several) if several else (self.parameters[name],)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return self._named("inputCol", "featuresCol")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The columns that it makes."""
        return self._named("outputCol", "predictionCol")

    def _named(self, *names: str) -> tuple[str, ...]:
        given = self.parameters
        several = [column for name in names for column in given.get(f"{name}s", ())]
        return tuple(several or [given[name] for name in names if isinstance(given.get(name), str)])

    def rows(self, folder: str = "data") -> list[dict[str, Any]]:
        """The rows of the stage's Parquet files in `folder`.

        Raises:
            ModelError: there are no such files.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        urls = self.files.list_files(f"{self.folder}/{folder}", f"{folder}/*.parquet")
        if not urls:
            raise ModelError(f"The stage `{self.kind}` has no data.", looked=f"{self.folder}/{folder}", left=LEFT)
        tables: list[pa.Table] = [pq.read_table(pa.BufferReader(self.files.read_file(url))) for url in urls]
        return [row for table in tables for row in table.to_pylist()]

    def unsupported(self, name: str) -> ModelError:
        """The error for a setting that has no form here."""
        return ModelError(
            f"`{self.kind}` with `{name}` = {self.parameters.get(name)} has no form in SQL.",
            looked=self.folder,
            left=LEFT,
            next=f"fit it without `{name}`",
        )


def read_stages(model: str, files: Files, *, left: str = LEFT) -> list[SparkStage]:
    """The stages of the PipelineModel saved at the folder `model`, in order. A nested pipeline is replaced by its stages.

    Args:
        model: The folder.
        files: What reads its files.
        left: What is left behind if there is no model.

    Raises:
        ModelError: there is no model. Whatever `files` raises.
    """
    stages: dict[int, SparkStage] = {}
    for url in files.list_files(f"{model}/stages", "stages/*/metadata/part-*"):
        folder = url.rpartition("/metadata/")[0]
        name = folder.rpartition("/stages/")
        if name[0].rstrip("/") == model.rstrip("/"):
            metadata: dict[str, Any] = json.loads(files.read_file(url))
            number = int(name[2].partition("_")[0])
            stages[number] = SparkStage(folder, str(metadata["class"]).rpartition(".")[2], metadata, files)
    if not stages:
        raise ModelError(
            "There is no Spark model where one was expected.",
            looked=f"{model}/stages",
            left=left,
            next="landfall models PIPELINE",
        )
    ordered = [stages[number] for number in sorted(stages)]
    return [
        inner
        for stage in ordered
        for inner in (read_stages(stage.folder, files, left=left) if stage.kind == "PipelineModel" else [stage])
    ]


def vector(saved: dict[str, Any]) -> Numbers:
    """All numbers of a saved vector, dense or sparse."""
    if saved["type"] == 1:
        return tuple(map(float, saved["values"]))
    values = [0.0] * saved["size"]
    for position, value in zip(saved["indices"], saved["values"], strict=True):
        values[position] = float(value)
    return tuple(values)


def matrix(saved: dict[str, Any]) -> tuple[Numbers, ...]:
    """The rows of a saved matrix."""
    high, wide, transposed = saved["numRows"], saved["numCols"], saved["isTransposed"]
    cells = [[0.0] * wide for _ in range(high)]
    outer = high if transposed else wide
    inner = wide if transposed else high
    for a in range(outer):
        if saved["type"] == 1:
            within: Sequence[int] = range(inner)
            values = saved["values"][a * inner : (a + 1) * inner]
        else:
            start, end = saved["colPtrs"][a], saved["colPtrs"][a + 1]
            within, values = saved["rowIndices"][start:end], saved["values"][start:end]
        for b, value in zip(within, values, strict=True):
            row, column = (a, b) if transposed else (b, a)
            cells[row][column] = float(value)
    return tuple(map(tuple, cells))


def number(saved: float | str) -> float:
    """A number as Spark writes it in JSON, where infinities and NaN are text."""
    return float(saved)
