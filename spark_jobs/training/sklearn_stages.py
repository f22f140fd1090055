"""A learner's feature stages, built of scikit-learn's own classes, so that a saved model loads without this project."""

import math
from typing import TYPE_CHECKING, Any

from landfall.spec.feature_stages import Buckets, FeatureStage, OneHot, Quantiles, Scale, StringIndex
from landfall.spec.learner import Learner

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def features_of(learner: Learner, table: "pd.DataFrame") -> Any:
    """A transformer, not fitted, from the learner's columns to its features in their order.

    Args:
        learner: The learner.
        table: The rows to learn from; the order of texts and the edges of quantiles are taken from them.
    """
    stage_of = {stage.output: stage for stage in learner.stages}
    return _columns(learner.features, stage_of, table)


def scaler(method: str) -> Any:
    """The scaler of a `Scale` stage or of the assembled features."""
    from sklearn import preprocessing

    if method == "min_max":
        return preprocessing.MinMaxScaler()
    return preprocessing.MaxAbsScaler() if method == "max_abs" else preprocessing.StandardScaler()


def _columns(names: tuple[str, ...], stage_of: dict[str, FeatureStage], table: "pd.DataFrame") -> Any:
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer([(name, _maker(name, stage_of, table), _roots(name, stage_of)) for name in names])


def _maker(name: str, stage_of: dict[str, FeatureStage], table: "pd.DataFrame") -> Any:
    """What makes the feature `name` from the columns that it is based on."""
    from sklearn.pipeline import make_pipeline

    if name not in stage_of:
        return "passthrough"
    inputs = _columns(stage_of[name].inputs, stage_of, table)
    values = inputs.fit_transform(table)
    if isinstance(stage_of[name], OneHot):
        return make_pipeline(inputs, _one_hot(_width(inputs, values)))
    return make_pipeline(inputs, _transformer(stage_of[name], values))


def _roots(name: str, stage_of: dict[str, FeatureStage]) -> list[str]:
    if name not in stage_of:
        return [name]
    return list(dict.fromkeys(root for inner in stage_of[name].inputs for root in _roots(inner, stage_of)))


def _transformer(stage: FeatureStage, values: "npt.NDArray[np.object_]") -> Any:
    """One stage; `values` are its inputs (rows x inputs)."""
    from sklearn import preprocessing

    if isinstance(stage, StringIndex):
        texts = _by_frequency(values)
        return preprocessing.OrdinalEncoder(
            categories=[texts], handle_unknown="use_encoded_value", unknown_value=len(texts)
        )
    if isinstance(stage, Scale):
        return scaler(stage.method)
    splits = list(stage.splits) if isinstance(stage, Buckets) else _quantiles(stage, values)
    return _buckets(splits)


def _one_hot(width: int) -> Any:
    """Whole number -> a vector of `width` numbers with one 1 in it; all zeros for any other number."""
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(categories=[[float(n) for n in range(width)]], handle_unknown="ignore", sparse_output=False)


def _width(inputs: Any, values: "npt.NDArray[np.object_]") -> int:
    """The number of different numbers, counted as Spark does: the index for texts that were never seen is one of them.

    Args:
        inputs: The fitted transformer of the one column that the vector is made of.
        values: Its output for the rows to learn from.
    """
    transformer = inputs.transformers_[0][1]
    last = transformer.steps[-1][1] if hasattr(transformer, "steps") else transformer
    if hasattr(last, "categories_"):
        return len(last.categories_[0]) + 1
    if "bins" in (getattr(last, "kw_args", None) or {}):
        return len(last.kw_args["bins"])
    return int(values.astype(float).max()) + 1


def _by_frequency(values: "npt.NDArray[np.object_]") -> list[Any]:
    """The texts, the most frequent first, equally frequent ones in alphabetical order, as in Spark's StringIndexer."""
    import pandas as pd

    counts = pd.Series(values[:, 0]).value_counts()
    return sorted(counts.index, key=lambda text: (-int(counts[text]), text))


def _quantiles(stage: FeatureStage, values: "npt.NDArray[np.object_]") -> list[float]:
    """The inner edges of equally filled buckets; fewer if values repeat."""
    import numpy as np

    buckets = stage.buckets if isinstance(stage, Quantiles) else 2
    inner = np.linspace(0, 1, buckets + 1)[1:-1]
    edges = np.nanquantile(values.astype(float), inner, method="inverted_cdf")
    return [float(edge) for edge in np.unique(edges)]


def _buckets(splits: list[float]) -> Any:
    """Number -> its bucket; NaN, which sorts after infinity, gets the bucket after the last."""
    import numpy as np
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(np.digitize, kw_args={"bins": [*splits, math.inf]})
