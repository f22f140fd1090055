"""Adds the predictions of a saved model to rows, whatever library made the model.

A plain random forest of Spark ML is read as arrays and walked (`forest.py`); for the rows of a day this takes a tenth of the
time that loading the pipeline into a session takes. Any other PipelineModel is loaded and transforms the rows. A scikit-learn
model goes to the workers as its bytes. All of them get numbers as doubles, and NaN for missing values, as in training.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.scoring.spark_saved import SparkStage
from spark_jobs.files import read_file
from spark_jobs.saved import MODEL, PREDICTION, inputs_of, read_stages
from spark_jobs.scoring.forest import Forest, read_forest
from spark_jobs.training.rows import number

if TYPE_CHECKING:
    import pyarrow as pa


def predict(rows: DataFrame, model: str, library: str, keep: Sequence[str], *, sha256: str = "") -> DataFrame:
    """The columns `keep` of `rows` and `prediction`, a double.

    Args:
        rows: The rows, with the columns that the model was trained on.
        model: Folder of the fitted model, as Spark addresses it.
        library: The library that made it: `spark` or `scikit-learn`.
        sha256: The digest of the pickle, if it is one: no other pickle is loaded.
        keep: Columns of `rows` to keep.

    Raises:
        ModelError: `rows` lack a column that the model was trained on, there is no model, or it is another pickle.
        ComputeError: the model cannot be read.
    """
    if library == "scikit-learn":
        return _by_sklearn(rows, model, keep, sha256)
    stages = read_stages(model)
    refuse_missing(rows, inputs_of(stages), model)
    if forest := read_forest(model, stages):
        return _by_forest(rows, forest, keep)
    return _by_pipeline(rows, model, stages, keep)


def refuse_missing(rows: DataFrame, inputs: Sequence[str], model: str) -> None:
    """Refuses rows without all columns that a model was trained on.

    Raises:
        ModelError: columns are missing.
    """
    present = set(rows.columns)
    if missing := [name for name in inputs if name not in present]:
        raise ModelError(
            f"The model was trained on `{'`, `'.join(missing)}`, which the features lack.",
            looked=f"{model}; the features have {', '.join(sorted(present))}",
            left="nothing was staged, what was published stays",
            next="add the column to the features, or train again: landfall train PIPELINE",
        )


def _by_forest(rows: DataFrame, forest: Forest, keep: Sequence[str]) -> DataFrame:
    def walk(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import numpy as np
        import pyarrow as pa

        for batch in batches:
            features = np.column_stack([batch.column(_input(name)).to_numpy() for name in forest.inputs])
            if len(missing := np.flatnonzero(np.isnan(features).any(axis=0))):
                raise ValueError(f"a row to score has no value of `{forest.inputs[missing[0]]}`")
            yield _with(batch, keep, pa.array(forest.predict(features), pa.float64()))

    return _with_inputs(rows, forest.inputs, keep).mapInArrow(walk, _schema(rows, keep))


def _by_sklearn(rows: DataFrame, model: str, keep: Sequence[str], sha256: str) -> DataFrame:
    content = read_file(f"{model}/{MODEL}")
    inputs = [str(name) for name in load_sklearn(content, sha256, model).feature_names_in_]
    refuse_missing(rows, inputs, model)

    def apply(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import pandas as pd
        import pyarrow as pa

        fitted = load_sklearn(content, sha256, model)
        for batch in batches:
            table = pd.DataFrame({name: batch.column(_input(name)).to_pandas() for name in inputs})
            yield _with(batch, keep, pa.array(fitted.predict(table).astype(float), pa.float64()))

    return _with_inputs(rows, inputs, keep).mapInArrow(apply, _schema(rows, keep))


def load_sklearn(content: bytes, sha256: str, model: str) -> Any:
    """The scikit-learn model in a pickle. Loading a pickle runs the code in it.

    Args:
        content: The pickle.
        sha256: The digest that it must have: the one that Landfall noted when its training wrote the pickle.
        model: Where the pickle was, for the error.

    Raises:
        ModelError: it has another digest, or no digest is given. It was not loaded.
    """
    import hashlib
    import pickle

    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ModelError(
            "The pickle of a model is not the one that Landfall wrote; it was not loaded.",
            looked=f"{model}: its SHA-256 is {actual[:16]}..., expected {f'{sha256[:16]}...' if sha256 else 'one by an option'}",
            left="nothing was staged or promoted, what was published stays",
            next="landfall models PIPELINE    (and train again: landfall train PIPELINE)",
            fault="request",
        )
    return pickle.loads(content)  # noqa: S301


def _by_pipeline(rows: DataFrame, model: str, stages: Sequence[SparkStage], keep: Sequence[str]) -> DataFrame:
    from pyspark.ml import PipelineModel

    prepared = rows.select(
        F.struct(*keep).alias("_kept"), *(_value(rows, name).alias(name) for name in inputs_of(stages))
    )
    scored = PipelineModel.load(model).transform(prepared)
    return scored.select("_kept.*", F.col(PREDICTION).cast("double").alias(PREDICTION))


def _with_inputs(rows: DataFrame, inputs: Sequence[str], keep: Sequence[str]) -> DataFrame:
    return rows.select(*keep, *(_value(rows, name).alias(_input(name)) for name in inputs))


def _value(rows: DataFrame, name: str) -> Column:
    return F.col(name) if dict(rows.dtypes)[name] == "string" else number(name)


def _input(name: str) -> str:
    """A name for an input that does not clash with the kept columns, among which the input may be too."""
    return f"_input_{name}"


def _with(batch: "pa.RecordBatch", keep: Sequence[str], predicted: "pa.Array") -> "pa.RecordBatch":
    import pyarrow as pa

    columns = [batch.column(name) for name in keep]
    return pa.RecordBatch.from_arrays([*columns, predicted], names=[*keep, PREDICTION])


def _schema(rows: DataFrame, keep: Sequence[str]) -> str:
    types = dict(rows.dtypes)
    return ", ".join([*(f"`{name}` {types[name]}" for name in keep), f"{PREDICTION} double"])
