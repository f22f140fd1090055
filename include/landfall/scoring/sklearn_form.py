"""The form of a fitted estimator or pipeline of scikit-learn, an object in memory: no file is read, no pickle is loaded.

Only the classes named here are known, no subclass of them: what a class of somebody else's does is not in its numbers. What
is read are the fitted attributes that scikit-learn documents, and of a tree its nodes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from landfall.errors import ModelError
from landfall.scoring import sklearn_models
from landfall.scoring.form import Model
from landfall.scoring.scalars import Affine, Bucket, Checked, Column, Impute, Index, Indicator, Operation, Scalar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FINITE = 1.7976931348623157e308
"""The largest double: `check_array` refuses what is beyond."""


@dataclass(frozen=True)
class Seen:
    """One column of the array or table that a step is given: its name, if it is a table, and what it is made of."""

    name: str
    scalar: Scalar


def read_sklearn(estimator: Any, columns: Sequence[str] = ()) -> Model:
    """The form of a fitted estimator, or of a pipeline that ends in one.

    Args:
        estimator: The fitted object.
        columns: The table's columns, in the order that it was fitted on; empty: as in its `feature_names_in_`.

    Raises:
        ModelError: a step is of a class or has a setting that has no form here, or nothing names the columns.
    """
    names = list(columns) or [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    if not names or len(names) != estimator.n_features_in_:
        raise ModelError(
            f"`{type(estimator).__name__}` does not tell the names of its {estimator.n_features_in_} columns.",
            looked=f"named: {', '.join(names) or 'none'}",
            left=sklearn_models.LEFT,
            next="fit it on a table of pandas, or name the columns",
        )
    seen = [Seen(name, Column(name=name)) for name in names]
    while sklearn_models.is_of(estimator, ["Pipeline"]):
        for _, step in estimator.steps[:-1]:
            seen = _transform(step, seen)
        estimator = estimator.steps[-1][1]
    return sklearn_models.read_model(estimator, [each.scalar for each in seen])


def _transform(step: Any, seen: list[Seen]) -> list[Seen]:
    if step is None or step == "passthrough":
        return seen
    if sklearn_models.is_of(step, _STEPS):
        return _STEPS[type(step).__name__](step, seen)
    raise sklearn_models.unknown("step", step, list(_STEPS))


def _pipeline(step: Any, seen: list[Seen]) -> list[Seen]:
    for _, each in step.steps:
        seen = _transform(each, seen)
    return seen


def _column_transformer(step: Any, seen: list[Seen]) -> list[Seen]:
    made: list[Seen] = []
    for name, each, columns in step.transformers_:
        if each != "drop":
            made += [replace(one, name="") for one in _transform(each, _chosen(name, columns, seen))]
    return made


def _chosen(name: str, columns: Any, seen: list[Seen]) -> list[Seen]:
    """The columns that a part of a ColumnTransformer takes, by name, number, slice or mask."""
    import numpy as np

    if isinstance(columns, slice):
        return seen[columns]
    listed = [columns] if isinstance(columns, str | int) else list(columns)
    if listed and isinstance(listed[0], bool | np.bool_):
        return [each for each, taken in zip(seen, listed, strict=True) if taken]
    by_name = {each.name: each for each in seen if each.name}
    try:
        return [by_name[each] if isinstance(each, str) else seen[each] for each in listed]
    except (KeyError, IndexError) as error:
        raise ModelError(
            f"The part `{name}` of a ColumnTransformer takes {error}, which nothing before it gives.",
            looked=", ".join(by_name) or f"{len(seen)} columns without names",
            left=sklearn_models.LEFT,
        ) from None


def _each(write: Callable[[Any, int, Scalar], Scalar]) -> Callable[[Any, list[Seen]], list[Seen]]:
    """A step that makes one column of each, by the step, the column's number and its scalar."""
    return lambda step, seen: [replace(each, scalar=write(step, n, each.scalar)) for n, each in enumerate(seen)]


def _standard(step: Any, number: int, scalar: Scalar) -> Scalar:
    operations: list[Operation] = []
    if step.with_mean:
        operations.append(("subtract", float(step.mean_[number])))
    if step.with_std:
        operations.append(("divide", float(step.scale_[number])))
    return Affine(input=scalar, operations=tuple(operations))


def _min_max(step: Any, number: int, scalar: Scalar) -> Scalar:
    if step.clip:
        raise sklearn_models.unsupported(step, "clip", step.clip)
    return Affine(
        input=scalar, operations=(("multiply", float(step.scale_[number])), ("add", float(step.min_[number])))
    )


def _max_abs(step: Any, number: int, scalar: Scalar) -> Scalar:
    if getattr(step, "clip", False):
        raise sklearn_models.unsupported(step, "clip", step.clip)
    return Affine(input=scalar, operations=(("divide", float(step.scale_[number])),))


def _impute(step: Any, number: int, scalar: Scalar) -> Scalar:
    missing, value = step.missing_values, step.statistics_[number]
    if step.add_indicator:
        raise sklearn_models.unsupported(step, "add_indicator", True)
    if isinstance(missing, str) or missing is None or isinstance(value, str) or value != value:
        raise sklearn_models.unsupported(step, "missing_values", missing)
    checked = Checked(input=scalar, missing=missing != missing, limit=FINITE)
    return Impute(input=checked, value=float(value), missing=float(missing), nulls=False)


def _bins(step: Any, number: int, scalar: Scalar) -> Scalar:
    if step.encode != "ordinal":
        raise sklearn_models.unsupported(step, "encode", step.encode)
    inner = tuple(float(edge) for edge in step.bin_edges_[number][1:-1])
    return Bucket(input=Checked(input=scalar, limit=FINITE), edges=inner)


def _function(step: Any, seen: list[Seen]) -> list[Seen]:
    """Nothing, or `numpy.digitize` with increasing bins, which puts NaN behind the last."""
    import numpy as np

    if step.func is None:
        return seen
    told = step.kw_args or {}
    bins = tuple(float(edge) for edge in told.get("bins", ()))
    if step.func is not np.digitize or set(told) != {"bins"} or list(bins) != sorted(set(bins)) or step.validate:
        raise sklearn_models.unsupported(step, "func", getattr(step.func, "__name__", step.func))
    return [replace(each, scalar=Bucket(input=each.scalar, edges=bins, missing=float(len(bins)))) for each in seen]


def _ordinal(step: Any, number: int, scalar: Scalar) -> Scalar:
    unknown = None if step.handle_unknown == "error" else float(step.unknown_value)
    return _index(step, number, scalar, unknown, float(step.encoded_missing_value))


def _one_hot(step: Any, seen: list[Seen]) -> list[Seen]:
    """As many columns for each as it has categories, without the dropped one. An unknown category is 0 in all of them."""
    made: list[Seen] = []
    dropped = [None] * len(seen) if step.drop_idx_ is None else list(step.drop_idx_)
    for number, each in enumerate(seen):
        count = len(step.categories_[number])
        index = _index(step, number, each.scalar, None if step.handle_unknown == "error" else -1.0, None)
        kept = [position for position in range(count) if position != dropped[number]]
        made += [Seen("", Indicator(input=index, number=position)) for position in kept]
    return made


def _index(step: Any, number: int, scalar: Scalar, unknown: float | None, missing: float | None) -> Index:
    """A category's position. What is missing has `missing` (or its position) if training saw it, else it is unknown."""
    if getattr(step, "_infrequent_enabled", False):
        raise sklearn_models.unsupported(step, "min_frequency or max_categories", "set")
    categories: npt.NDArray[np.object_] = step.categories_[number]
    labels = [each for each in categories.tolist() if each is not None and each == each]
    if len(labels) == len(categories):
        missing = unknown
    elif missing is None:
        missing = float(len(labels))
    if any(isinstance(each, str) for each in labels):
        if not isinstance(scalar, Column):
            raise sklearn_models.unsupported(step, "categories", "text made by a step before it")
        text = replace(scalar, kind="text")
        return Index(input=text, labels=tuple(map(str, labels)), unknown=unknown, missing=missing)
    checked = Checked(input=scalar, missing=True, limit=FINITE)
    return Index(input=checked, labels=tuple(map(float, labels)), unknown=unknown, missing=missing)


_STEPS: dict[str, Callable[[Any, list[Seen]], list[Seen]]] = {
    "Pipeline": _pipeline,
    "ColumnTransformer": _column_transformer,
    "StandardScaler": _each(_standard),
    "MinMaxScaler": _each(_min_max),
    "MaxAbsScaler": _each(_max_abs),
    "SimpleImputer": _each(_impute),
    "KBinsDiscretizer": _each(_bins),
    "OrdinalEncoder": _each(_ordinal),
    "OneHotEncoder": _one_hot,
    "FunctionTransformer": _function,
}
