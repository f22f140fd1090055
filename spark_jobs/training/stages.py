"""A learner's feature stages and estimator, as those of Spark ML. They are declared in `landfall.spec`."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.ml import Pipeline, classification, clustering, feature, regression

from landfall.errors import ModelError
from landfall.spec.feature_stages import Buckets, FeatureStage, OneHot, Quantiles, Scale, StringIndex
from landfall.spec.learner import Estimator, Learner, Number
from spark_jobs.saved import ASSEMBLED, PREDICTION
from spark_jobs.training.rows import LEFT

if TYPE_CHECKING:
    from pyspark.ml.base import PipelineStage

CLASSES: dict[tuple[str, str], Any] = {
    ("random_forest", "regression"): regression.RandomForestRegressor,
    ("random_forest", "classification"): classification.RandomForestClassifier,
    ("gradient_boosted_trees", "regression"): regression.GBTRegressor,
    ("gradient_boosted_trees", "classification"): classification.GBTClassifier,
    ("decision_tree", "regression"): regression.DecisionTreeRegressor,
    ("decision_tree", "classification"): classification.DecisionTreeClassifier,
    ("linear", "regression"): regression.LinearRegression,
    ("logistic", "classification"): classification.LogisticRegression,
    ("k_means", "clustering"): clustering.KMeans,
}
SCALERS: dict[str, Any] = {
    "standard": feature.StandardScaler,
    "min_max": feature.MinMaxScaler,
    "max_abs": feature.MaxAbsScaler,
}


def pipeline(learner: Learner, parameters: Mapping[str, Number]) -> Pipeline:
    """The learner as a pipeline, not fitted: its stages, the assembler, the scaling, the estimator with `parameters`.

    A text, a null or NaN for which a stage has no place of its own makes the scoring fail: no prediction is made up.

    Raises:
        ModelError: the estimator has no parameter of a given name, or the parameter cannot have such a value.
    """
    stages = [stage for declared in learner.stages for stage in _stage(declared)]
    assembled = f"{ASSEMBLED}_unscaled" if learner.scaling else ASSEMBLED
    stages.append(feature.VectorAssembler(inputCols=list(learner.features), outputCol=assembled))
    if learner.scaling:
        stages.append(_scaler(learner.scaling, assembled, ASSEMBLED))
    return Pipeline(stages=[*stages, estimator(learner, parameters)])


def estimator(learner: Learner, parameters: Mapping[str, Number]) -> Any:
    """Spark ML's estimator with its parameters set. The columns and the seed come from the learner and are no parameters."""
    built = CLASSES[learner.estimator.kind, learner.estimator.task]()
    known_parameters = {param.name for param in built.params}
    fixed: dict[str, Any] = {"featuresCol": ASSEMBLED, "predictionCol": PREDICTION}
    if learner.label:
        fixed["labelCol"] = learner.label
    if "seed" in known_parameters:
        fixed["seed"] = learner.seed
    check_parameters(
        learner.estimator, parameters, {name for name in known_parameters - set(fixed) if not name.endswith("Col")}
    )
    for name, value in {**parameters, **fixed}.items():
        param = built.getParam(name)
        try:
            built.set(param, param.typeConverter(value))
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"The parameter `{name}` of `{learner.estimator.kind}` ({learner.estimator.task}) cannot be {value!r}.",
                looked=str(error),
                left=LEFT,
                next="mend Estimator.parameters or Estimator.grid of the learner",
                fault="input",
            ) from error
    return built


def check_parameters(declared: Estimator, parameters: Mapping[str, Number], known: set[str]) -> None:
    """Refuses parameters that are not known.

    Raises:
        ModelError: a parameter is unknown; the message names the nearest known one.
    """
    for name in parameters:
        if name not in known:
            kind = f"parameter of `{declared.kind}` ({declared.task}, {declared.library})"
            next_ = "mend Estimator.parameters or Estimator.grid of the learner"
            raise ModelError.unknown(kind, name, sorted(known), next=next_)


def _stage(declared: FeatureStage) -> "list[PipelineStage]":
    match declared:
        case StringIndex(column=column, output=output):
            # a text that training never saw gets the last index; equally frequent ones are ordered by the alphabet
            return [feature.StringIndexer(inputCol=column, outputCol=output, handleInvalid="keep")]
        case Quantiles(column=column, output=output, buckets=buckets):
            # exact: approximate ones would change with the order in which Spark merges its partitions
            exact = {"handleInvalid": "keep", "relativeError": 0.0}
            return [feature.QuantileDiscretizer(inputCol=column, outputCol=output, numBuckets=buckets, **exact)]
        case Buckets(column=column, output=output, splits=splits):
            ends = [-math.inf, *splits, math.inf]
            return [feature.Bucketizer(splits=ends, inputCol=column, outputCol=output, handleInvalid="keep")]
        case OneHot(column=column, output=output):
            return [feature.OneHotEncoder(inputCols=[column], outputCols=[output], handleInvalid="keep")]
        case Scale(columns=columns, output=output, method=method):
            between = f"{output}_unscaled"
            assembler = feature.VectorAssembler(inputCols=list(columns), outputCol=between)
            return [assembler, _scaler(method, between, output)]
    raise ModelError(f"The feature stage `{declared}` is unknown.", fault="input")


def _scaler(method: str, column: str, output: str) -> Any:
    options = {"withMean": True} if method == "standard" else {}
    return SCALERS[method](inputCol=column, outputCol=output, **options)
