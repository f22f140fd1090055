"""Reads the form of a fitted estimator or pipeline of scikit-learn, from the object in memory: no file, no pickle.

Only the classes named here are known, and no subclass of them: what a stranger's class does cannot be seen from its numbers.
It reads the fitted attributes that scikit-learn documents, and the nodes of trees.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from landfall.errors import ModelError
from landfall.scoring import sklearn_models, sklearn_parts
from landfall.scoring.form import Model
from landfall.scoring.scalars import Affine, Bucket, Checked, Impute, Index, Indicator, InputColumn, Operation, Scalar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class StepColumn:
    """One column of what a step of a pipeline gets: its name (empty if it has none) and the scalar that it is."""

    name: str
    scalar: Scalar


def read_sklearn(estimator: Any, columns: Sequence[str] = ()) -> Model:
    """The form of a fitted estimator, or of a pipeline that ends in one.

    Args:
        estimator: The fitted object.
        columns: The table's columns, in the order that it was fitted on; empty: those of its `feature_names_in_`.

    Raises:
        ModelError: a step is of a class, or has a setting, that has no form here; or the columns have no names.
    """
    names = list(columns) or [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    if not names or len(names) != estimator.n_features_in_:
        raise ModelError(
            f"`{type(estimator).__name__}` does not name its {estimator.n_features_in_} columns.",
            looked=f"named: {', '.join(names) or 'none'}",
            left=sklearn_parts.LEFT,
            next="fit it on a table of pandas, or name the columns",
        )
    inputs = [StepColumn(name, InputColumn(name=name)) for name in names]
    while sklearn_parts.is_of(estimator, ["Pipeline"]):
        for _, step in estimator.steps[:-1]:
            inputs = _transform(step, inputs)
        estimator = estimator.steps[-1][1]
    return sklearn_models.read_model(estimator, [column.scalar for column in inputs])


def _transform(step: Any, columns: list[StepColumn]) -> list[StepColumn]:
    if step is None or step == "passthrough":
        return columns
    if sklearn_parts.is_of(step, STEPS):
        return STEPS[type(step).__name__](step, columns)
    raise sklearn_parts.unknown("step", step, list(STEPS))


def _pipeline(step: Any, columns: list[StepColumn]) -> list[StepColumn]:
    for _, inner in step.steps:
        columns = _transform(inner, columns)
    return columns


def _column_transformer(step: Any, inputs: list[StepColumn]) -> list[StepColumn]:
    outputs: list[StepColumn] = []
    for name, inner, chosen in step.transformers_:
        if inner != "drop":
            outputs += [replace(column, name="") for column in _transform(inner, _chosen(name, chosen, inputs))]
    return outputs


def _chosen(name: str, columns: Any, inputs: list[StepColumn]) -> list[StepColumn]:
    """The columns that a part of a ColumnTransformer takes: by name, number, slice or mask."""
    import numpy as np

    if isinstance(columns, slice):
        return inputs[columns]
    chosen = [columns] if isinstance(columns, str | int) else list(columns)
    if chosen and isinstance(chosen[0], bool | np.bool_):
        return [column for column, taken in zip(inputs, chosen, strict=True) if taken]
    by_name = {column.name: column for column in inputs if column.name}
    try:
        return [by_name[choice] if isinstance(choice, str) else inputs[choice] for choice in chosen]
    except (KeyError, IndexError) as error:
        raise ModelError(
            f"The part `{name}` of a ColumnTransformer takes {error}, which nothing before it gives.",
            looked=", ".join(by_name) or f"{len(inputs)} columns without names",
            left=sklearn_parts.LEFT,
        ) from None


def _each(write: Callable[[Any, int, Scalar], Scalar]) -> Callable[[Any, list[StepColumn]], list[StepColumn]]:
    """A step that makes one column of each of its columns; `write` gets the step, the column's number and its scalar."""
    return lambda step, columns: [
        replace(column, scalar=write(step, number, column.scalar)) for number, column in enumerate(columns)
    ]


def _standard(step: Any, number: int, scalar: Scalar) -> Scalar:
    operations: list[Operation] = []
    if step.with_mean:
        operations.append(("subtract", float(step.mean_[number])))
    if step.with_std:
        operations.append(("divide", float(step.scale_[number])))
    return Affine(input=scalar, operations=tuple(operations))


def _robust(step: Any, number: int, scalar: Scalar) -> Scalar:
    operations: list[Operation] = []
    if step.with_centering:
        operations.append(("subtract", float(step.center_[number])))
    if step.with_scaling:
        operations.append(("divide", float(step.scale_[number])))
    return Affine(input=scalar, operations=tuple(operations))


def _binary(step: Any, number: int, scalar: Scalar) -> Scalar:
    """1 above the threshold, else 0."""
    checked = Checked(input=scalar, limit=sklearn_parts.FINITE)
    return Bucket(input=checked, edges=(math.nextafter(float(step.threshold), math.inf),))


def _min_max(step: Any, number: int, scalar: Scalar) -> Scalar:
    if step.clip:
        raise sklearn_parts.unsupported(step, "clip", step.clip)
    return Affine(
        input=scalar, operations=(("multiply", float(step.scale_[number])), ("add", float(step.min_[number])))
    )


def _max_abs(step: Any, number: int, scalar: Scalar) -> Scalar:
    if getattr(step, "clip", False):
        raise sklearn_parts.unsupported(step, "clip", step.clip)
    return Affine(input=scalar, operations=(("divide", float(step.scale_[number])),))


def _impute(step: Any, number: int, scalar: Scalar) -> Scalar:
    missing, value = step.missing_values, step.statistics_[number]
    if step.add_indicator:
        raise sklearn_parts.unsupported(step, "add_indicator", True)
    if isinstance(missing, str) or missing is None or isinstance(value, str) or value != value:
        raise sklearn_parts.unsupported(step, "missing_values", missing)
    checked = Checked(input=scalar, missing=missing != missing, limit=sklearn_parts.FINITE)
    return Impute(input=checked, value=float(value), missing=float(missing), nulls=False)


def _bins(step: Any, number: int, scalar: Scalar) -> Scalar:
    if step.encode != "ordinal":
        raise sklearn_parts.unsupported(step, "encode", step.encode)
    inner = tuple(float(edge) for edge in step.bin_edges_[number][1:-1])
    return Bucket(input=Checked(input=scalar, limit=sklearn_parts.FINITE), edges=inner)


def _function(step: Any, columns: list[StepColumn]) -> list[StepColumn]:
    """The identity, or `numpy.digitize` with increasing bins, which puts NaN after the last bin."""
    import numpy as np

    if step.func is None:
        return columns
    arguments = step.kw_args or {}
    bins = tuple(float(edge) for edge in arguments.get("bins", ()))
    if step.func is not np.digitize or set(arguments) != {"bins"} or list(bins) != sorted(set(bins)) or step.validate:
        raise sklearn_parts.unsupported(step, "func", getattr(step.func, "__name__", step.func))
    return [
        replace(column, scalar=Bucket(input=column.scalar, edges=bins, missing=float(len(bins)))) for column in columns
    ]


def _ordinal(step: Any, number: int, scalar: Scalar) -> Scalar:
    unknown = None if step.handle_unknown == "error" else float(step.unknown_value)
    return _index(step, number, scalar, unknown, float(step.encoded_missing_value))


def _one_hot(step: Any, columns: list[StepColumn]) -> list[StepColumn]:
    """For each column as many columns as it has categories, but not the dropped one. An unknown category is 0 in all of them."""
    outputs: list[StepColumn] = []
    dropped = [None] * len(columns) if step.drop_idx_ is None else list(step.drop_idx_)
    for number, column in enumerate(columns):
        count = len(step.categories_[number])
        index = _index(step, number, column.scalar, None if step.handle_unknown == "error" else -1.0, None)
        positions = [position for position in range(count) if position != dropped[number]]
        outputs += [StepColumn("", Indicator(input=index, number=position)) for position in positions]
    return outputs


def _index(step: Any, number: int, scalar: Scalar, unknown: float | None, missing: float | None) -> Index:
    """A category's position. A missing value has `missing` (or its own position) if training saw one, else it is unknown."""
    if getattr(step, "_infrequent_enabled", False):
        raise sklearn_parts.unsupported(step, "min_frequency or max_categories", "set")
    categories: npt.NDArray[np.object_] = step.categories_[number]
    labels = [category for category in categories.tolist() if category is not None and category == category]
    if len(labels) == len(categories):
        missing = unknown
    elif missing is None:
        missing = float(len(labels))
    if any(isinstance(label, str) for label in labels):
        if not isinstance(scalar, InputColumn):
            raise sklearn_parts.unsupported(step, "categories", "text made by a step before it")
        text = replace(scalar, kind="text")
        return Index(input=text, labels=tuple(map(str, labels)), unknown=unknown, missing=missing)
    checked = Checked(input=scalar, missing=True, limit=sklearn_parts.FINITE)
    return Index(input=checked, labels=tuple(map(float, labels)), unknown=unknown, missing=missing)


STEPS: dict[str, Callable[[Any, list[StepColumn]], list[StepColumn]]] = {
    "Pipeline": _pipeline,
    "ColumnTransformer": _column_transformer,
    "StandardScaler": _each(_standard),
    "MinMaxScaler": _each(_min_max),
    "RobustScaler": _each(_robust),
    "Binarizer": _each(_binary),
    "MaxAbsScaler": _each(_max_abs),
    "SimpleImputer": _each(_impute),
    "KBinsDiscretizer": _each(_bins),
    "OrdinalEncoder": _each(_ordinal),
    "OneHotEncoder": _one_hot,
    "FunctionTransformer": _function,
}
