"""A learner's feature stages made of scikit-learn's own classes, so that a saved model loads where this project is not."""

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
        table: The rows to learn from: the order of texts and the edges of quantiles are taken from them here.
    """
    made = {stage.output: stage for stage in learner.stages}
    return _columns(learner.features, made, table)


def scaler(method: str) -> Any:
    """The scaler of a `Scale` stage or of the assembled features."""
    from sklearn import preprocessing

    if method == "min_max":
        return preprocessing.MinMaxScaler()
    return preprocessing.MaxAbsScaler() if method == "max_abs" else preprocessing.StandardScaler()


def _columns(names: tuple[str, ...], made: dict[str, FeatureStage], table: "pd.DataFrame") -> Any:
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer([(name, _made(name, made, table), _roots(name, made)) for name in names])


def _made(name: str, made: dict[str, FeatureStage], table: "pd.DataFrame") -> Any:
    """What makes the feature `name` of the columns that it goes back to."""
    from sklearn.pipeline import make_pipeline

    if name not in made:
        return "passthrough"
    inputs = _columns(made[name].inputs, made, table)
    values = inputs.fit_transform(table)
    if isinstance(made[name], OneHot):
        return make_pipeline(inputs, _one_hot(_width(inputs, values)))
    return make_pipeline(inputs, _transformer(made[name], values))


def _roots(name: str, made: dict[str, FeatureStage]) -> list[str]:
    if name not in made:
        return [name]
    return list(dict.fromkeys(root for each in made[name].inputs for root in _roots(each, made)))


def _transformer(stage: FeatureStage, values: "npt.NDArray[np.object_]") -> Any:
    """One stage, of which `values` are the inputs (rows x inputs)."""
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
    """Whole number -> a vector of so many numbers with one 1 in it; zeros for any other number."""
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(categories=[[float(n) for n in range(width)]], handle_unknown="ignore", sparse_output=False)


def _width(inputs: Any, values: "npt.NDArray[np.object_]") -> int:
    """How many numbers there are to tell apart, as Spark counts them: the index of a text that was never seen is one.

    Args:
        inputs: The fitted transformer of the one column that the vector is made of.
        values: What it gave of the rows to learn from.
    """
    made = inputs.transformers_[0][1]
    last = made.steps[-1][1] if hasattr(made, "steps") else made
    if hasattr(last, "categories_"):
        return len(last.categories_[0]) + 1
    if "bins" in (getattr(last, "kw_args", None) or {}):
        return len(last.kw_args["bins"])
    return int(values.astype(float).max()) + 1


def _by_frequency(values: "npt.NDArray[np.object_]") -> list[Any]:
    """The texts, the most frequent first, equally frequent ones by the alphabet: as Spark's StringIndexer has them."""
    import pandas as pd

    counted = pd.Series(values[:, 0]).value_counts()
    return sorted(counted.index, key=lambda text: (-int(counted[text]), text))


def _quantiles(stage: FeatureStage, values: "npt.NDArray[np.object_]") -> list[float]:
    """The inner edges of equally filled buckets; fewer where values repeat."""
    import numpy as np

    buckets = stage.buckets if isinstance(stage, Quantiles) else 2
    inner = np.linspace(0, 1, buckets + 1)[1:-1]
    edges = np.nanquantile(values.astype(float), inner, method="inverted_cdf")
    return [float(edge) for edge in np.unique(edges)]


def _buckets(splits: list[float]) -> Any:
    """Number -> its bucket; NaN, which sorts behind infinity, gets the one after the last."""
    import numpy as np
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(np.digitize, kw_args={"bins": [*splits, math.inf]})
