"""Reads the form of a saved PipelineModel of Spark ML: the stages before the model. Needs no JVM, and reads no pickle."""

from collections.abc import Callable

from landfall.errors import ModelError
from landfall.scoring.form import Model
from landfall.scoring.scalars import (
    Affine,
    Bucket,
    Category,
    Checked,
    Element,
    Impute,
    Index,
    Indicator,
    InputColumn,
    Operation,
    Scalar,
    column_of,
)
from landfall.scoring.spark_models import MODELS, read_model, size_of
from landfall.scoring.spark_saved import LEFT, Files, SparkStage, number, read_stages, vector

Columns = dict[str, tuple[Scalar, ...]]
"""Column of the frame after the stages so far -> its scalar, or the scalars of its vector."""


def read_spark(model: str, files: Files) -> Model:
    """The form of the PipelineModel saved at the folder `model`.

    A column that a StringIndexer reads is text; any other is a number. It is assumed that Spark gets NaN for a null number, as
    this project gives it (`spark_jobs.training.rows.number`). Where Spark would drop a row (handleInvalid `skip`), the row is
    refused with a reason.

    Args:
        model: The folder's URL.
        files: What reads the folder, such as the module `spark_jobs.files`.

    Raises:
        ModelError: there is no model, or a stage is of a class, or has a setting, that has no form here.
    """
    columns: Columns = {}
    *before, last = read_stages(model, files)
    for stage in before:
        if stage.kind not in _STAGES:
            raise _unknown(stage)
        columns |= _STAGES[stage.kind](stage, columns)
    if last.kind not in MODELS:
        raise _unknown(last)
    if last.parameters.get("thresholds"):
        raise last.unsupported("thresholds")
    return read_model(last, _elements(last, _scalars(columns, last.parameters["featuresCol"])))


def _elements(model: SparkStage, scalars: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """The scalars that a model reads. A single column with which it was fitted as a vector becomes the vector's elements."""
    size = size_of(model)
    if len(scalars) != 1 or size == 1:
        return scalars
    column = column_of(scalars[0])
    if scalars[0] not in (column, Checked(input=column)):
        return scalars
    vector_column = InputColumn(name=column.name, kind="vector")
    return tuple(Element(input=vector_column, position=position) for position in range(size))


def _unknown(stage: SparkStage) -> ModelError:
    known = [*_STAGES, *MODELS]
    if stage.kind in known:
        place = "last" if stage.kind in MODELS else "before a model"
        return ModelError(f"The stage `{stage.kind}` is not {place} in the pipeline.", looked=stage.folder, left=LEFT)
    return ModelError.unknown(
        "form for the stage", stage.kind, known, next="build the model of the stages that are known"
    )


def _scalars(columns: Columns, name: str) -> tuple[Scalar, ...]:
    """The scalars of a column: those that earlier stages made, else the table's own column of numbers."""
    return columns.get(name, (InputColumn(name=name),))


def _each(write: Callable[[SparkStage, int, Scalar], Scalar]) -> Callable[[SparkStage, Columns], Columns]:
    """A stage that makes one column of each of its columns; `write` gets the stage, the column's position and its scalar."""

    def read(stage: SparkStage, columns: Columns) -> Columns:
        pairs = zip(stage.columns("inputCol"), stage.columns("outputCol"), strict=True)
        return {
            out: (write(stage, position, _scalars(columns, name)[0]),) for position, (name, out) in enumerate(pairs)
        }

    return read


def _index(stage: SparkStage, position: int, scalar: Scalar) -> Scalar:
    labels = tuple(stage.rows()[0]["labelsArray"][position])
    if not isinstance(scalar, InputColumn):
        raise stage.unsupported("inputCol")
    unknown = float(len(labels)) if stage.parameters["handleInvalid"] == "keep" else None
    return Index(input=InputColumn(name=scalar.name, kind="text"), labels=labels, unknown=unknown, missing=unknown)


def _bucket(stage: SparkStage, position: int, scalar: Scalar) -> Scalar:
    parameters = stage.parameters
    splits = tuple(
        map(number, parameters["splitsArray"][position] if parameters.get("splitsArray") else parameters["splits"])
    )
    missing = float(len(splits) - 1) if parameters["handleInvalid"] == "keep" else None
    return Bucket(input=scalar, edges=splits[1:-1], low=splits[0], high=splits[-1], missing=missing, signed_zero=True)


def _impute(stage: SparkStage, position: int, scalar: Scalar) -> Scalar:
    name = stage.columns("inputCol")[position]
    value = float(stage.rows()[0][name])
    return Impute(input=scalar, value=value, missing=number(stage.parameters["missingValue"]))


def _one_hot(stage: SparkStage, columns: Columns) -> Columns:
    """As many numbers as there are categories; one more with `keep`, one less with `dropLast`."""
    keep, drop = stage.parameters["handleInvalid"] == "keep", stage.parameters["dropLast"]
    sizes = stage.rows()[0]["categorySizes"]
    outputs: Columns = {}
    for size, name, out in zip(sizes, stage.columns("inputCol"), stage.columns("outputCol"), strict=True):
        category = Category(input=_scalars(columns, name)[0], size=size, keep=keep)
        outputs[out] = tuple(Indicator(input=category, number=n) for n in range(size + keep - drop))
    return outputs


def _assemble(stage: SparkStage, columns: Columns) -> Columns:
    """The inputs one after the other; each is refused where it is missing, unless `keep`."""
    parts = [scalar for name in stage.parameters["inputCols"] for scalar in _scalars(columns, name)]
    if stage.parameters["handleInvalid"] != "keep":
        parts = [
            Checked(input=scalar) if isinstance(scalar, InputColumn | Impute | Affine) else scalar for scalar in parts
        ]
    return {stage.parameters["outputCol"]: tuple(parts)}


def _standard(stage: SparkStage, columns: Columns) -> Columns:
    """`(x - mean) * (1 / std)`; a column that does not vary becomes 0 (`StandardScalerModel.getTransformFunc`)."""
    parameters, data = stage.parameters, stage.rows()[0]

    def operations(mean: float, std: float) -> tuple[Operation, ...]:
        shift: tuple[Operation, ...] = (("subtract", mean),) if parameters["withMean"] else ()
        scale: tuple[Operation, ...] = (("multiply", 1.0 / std if std else 0.0),) if parameters["withStd"] else ()
        return shift + scale

    return _scaled(
        stage, columns, [operations(*pair) for pair in zip(vector(data["mean"]), vector(data["std"]), strict=True)]
    )


def _min_max(stage: SparkStage, columns: Columns) -> Columns:
    """`(x - min) * ((high - low) / range) + low`; a column that does not vary becomes the middle (`MinMaxScalerModel`)."""
    low, high, data = number(stage.parameters["min"]), number(stage.parameters["max"]), stage.rows()[0]

    def operations(least: float, most: float) -> tuple[Operation, ...]:
        scale = (high - low) / (most - least) if most != least else 0.0
        if scale == 0:
            return (("multiply", 0.0), ("add", (low + high) / 2))
        return (("subtract", least), ("multiply", scale), ("add", low))

    pairs = zip(vector(data["originalMin"]), vector(data["originalMax"]), strict=True)
    return _scaled(stage, columns, [operations(*pair) for pair in pairs])


def _max_abs(stage: SparkStage, columns: Columns) -> Columns:
    """`x * (1 / largest)` (`MaxAbsScalerModel`)."""
    sizes = vector(stage.rows()[0]["maxAbs"])
    return _scaled(stage, columns, [(("multiply", 1.0 / size if size else 1.0),) for size in sizes])


def _scaled(stage: SparkStage, columns: Columns, operations: list[tuple[Operation, ...]]) -> Columns:
    scalars = _scalars(columns, stage.parameters["inputCol"])
    pairs = zip(scalars, operations, strict=True)
    return {stage.parameters["outputCol"]: tuple(Affine(input=scalar, operations=steps) for scalar, steps in pairs)}


_STAGES: dict[str, Callable[[SparkStage, Columns], Columns]] = {
    "StringIndexerModel": _each(_index),
    "Bucketizer": _each(_bucket),
    "ImputerModel": _each(_impute),
    "OneHotEncoderModel": _one_hot,
    "VectorAssembler": _assemble,
    "StandardScalerModel": _standard,
    "MinMaxScalerModel": _min_max,
    "MaxAbsScalerModel": _max_abs,
}
