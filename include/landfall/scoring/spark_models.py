"""Models of Spark ML as scorers and decisions.

A row of a saved tree is a node, numbered in pre-order (org.apache.spark.ml.tree, `DecisionTreeModelReadWrite`). The rows of an
ensemble have the tree's number beside it, and `treesMetadata` has the weight of each tree.

Trees and forests are Spark's bit for bit. So are linear and logistic scores and the margins of Bayes of up to 255 numbers, for
which Spark multiplies and adds in a plain loop. Boosted trees, and anything larger, go through a BLAS, which adds in its own
order and may skip roundings: they differ by at most 2^-52 for each term, relative to the sum of the terms' sizes. `exp` differs
by an ulp between Java and C, and so probabilities differ by a few.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any

from landfall.scoring.form import Classes, Distances, Ensemble, Gaussian, Linear, Model, Nearest, Value
from landfall.scoring.scalars import Checked, Scalar
from landfall.scoring.spark_saved import SparkStage, matrix, number, vector
from landfall.scoring.trees import CategorySplit, Leaf, Node, Numbers, Split, Tree

Scalars = tuple[Scalar, ...]
Values = Callable[[dict[str, Any]], Numbers]


def read_model(stage: SparkStage, features: Sequence[Scalar]) -> Model:
    """The form of a model on these features.

    Raises:
        ModelError: the model has a setting that has no form here.
    """
    return MODELS[stage.kind](stage, tuple(features))


def size_of(stage: SparkStage) -> int:
    """How many numbers a model reads of a row."""
    if "numFeatures" in stage.metadata:  # trees and their ensembles
        return int(stage.metadata["numFeatures"])
    data = stage.rows()[0]
    wide = data.get("coefficientMatrix") or data.get("theta")
    return int(wide["numCols"]) if wide else len(vector(data.get("coefficients") or data["clusterCenter"]))


def _node(nodes: dict[int, dict[str, Any]], at: int, values: Values) -> Node:
    node = nodes[at]
    if node["leftChild"] < 0:
        return Leaf(values=values(node))
    left, right = (_node(nodes, node[side], values) for side in ("leftChild", "rightChild"))
    split = node["split"]
    feature, left_values, count = split["featureIndex"], split["leftCategoriesOrThreshold"], split["numCategories"]
    if count < 0:
        return Split(feature=feature, threshold=float(left_values[0]), left=left, right=right)
    members_left = len(left_values) <= count // 2
    members = set(left_values) if members_left else set(map(float, range(count))) - set(left_values)
    return CategorySplit(
        feature=feature, members=tuple(sorted(members)), left=left, right=right, members_left=members_left
    )


def _prediction(node: dict[str, Any]) -> Numbers:
    return (float(node["prediction"]),)


def _counts(node: dict[str, Any]) -> Numbers:
    return tuple(map(float, node["impurityStats"]))


def _shares(node: dict[str, Any]) -> Numbers:
    counts = _counts(node)
    total = _sum(counts)
    return tuple(count / total for count in counts) if total else (0.0,) * len(counts)


def _sum(values: Sequence[float]) -> float:
    """The sum from left to right, rounded at each step. From Python 3.12 on `sum` is more precise than Spark."""
    return reduce(add, values, 0.0)


def _one_tree(stage: SparkStage, values: Values) -> tuple[Tree, ...]:
    return (Tree(root=_node({row["id"]: row for row in stage.rows()}, 0, values)),)


def _trees(stage: SparkStage, values: Callable[[float], Values]) -> tuple[Tree, ...]:
    """The trees of an ensemble; `values` gets the weight of each tree."""
    nodes: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in stage.rows():
        nodes[row["treeID"]][row["nodeData"]["id"]] = row["nodeData"]
    weights = {row["treeID"]: float(row["weights"]) for row in stage.rows("treesMetadata")}
    return tuple(Tree(root=_node(nodes[tree], 0, values(weights[tree]))) for tree in sorted(nodes))


def _weighted(weight: float) -> Values:
    return lambda node: (weight * float(node["prediction"]),)


def _numbered(count: int) -> Numbers:
    return tuple(map(float, range(count)))


def _tree_value(stage: SparkStage, features: Scalars) -> Model:
    return Model(features=features, scorer=Ensemble(trees=_one_tree(stage, _prediction)), decision=Value())


def _tree_class(stage: SparkStage, features: Scalars) -> Model:
    """The class with the largest count in the leaf; probabilities are the shares of the counts."""
    count = stage.metadata["numClasses"]
    scorer = Ensemble(trees=_one_tree(stage, _counts), start=(0.0,) * count)
    return Model(features=features, scorer=scorer, decision=Classes(labels=_numbered(count), probability="share"))


def _forest_value(stage: SparkStage, features: Scalars) -> Model:
    """The sum of the trees' predictions divided by the number of trees."""
    trees = _trees(stage, lambda _: _prediction)
    return Model(features=features, scorer=Ensemble(trees=trees, over=float(len(trees))), decision=Value())


def _forest_class(stage: SparkStage, features: Scalars) -> Model:
    """Each tree adds the shares of its leaf's counts (`RandomForestClassificationModel.predictRaw`)."""
    count = stage.metadata["numClasses"]
    scorer = Ensemble(trees=_trees(stage, lambda _: _shares), start=(0.0,) * count)
    return Model(features=features, scorer=scorer, decision=Classes(labels=_numbered(count), probability="share"))


def _boosted_value(stage: SparkStage, features: Scalars) -> Model:
    """The sum of weight times prediction (`GBTRegressionModel.predict`, by `BLAS.ddot`)."""
    return Model(features=features, scorer=Ensemble(trees=_trees(stage, _weighted)), decision=Value())


def _boosted_class(stage: SparkStage, features: Scalars) -> Model:
    """A margin above 0 is class 1. Class 0 has the probability 1 / (1 + exp(2 margin)) (`LogLoss.computeProbability`)."""
    decision = Classes(labels=(0.0, 1.0), probability="logistic", steepness=2.0, direct=0)
    return Model(features=features, scorer=Ensemble(trees=_trees(stage, _weighted)), decision=decision)


def _linear(stage: SparkStage, features: Scalars) -> Model:
    data = stage.rows()[0]
    scorer = Linear(coefficients=(vector(data["coefficients"]),), intercepts=(float(data["intercept"]),))
    return Model(features=features, scorer=scorer, decision=Value())


def _logistic(stage: SparkStage, features: Scalars) -> Model:
    """Binary: class 1 if the margin is above log(t / (1 - t)), t being `threshold`. Multinomial: the largest margin."""
    data = stage.rows()[0]
    coefficients, intercepts = matrix(data["coefficientMatrix"]), vector(data["interceptVector"])
    scorer = Linear(coefficients=coefficients, intercepts=intercepts)
    if data["isMultinomial"]:
        decision = Classes(labels=_numbered(data["numClasses"]), probability="softmax")
        return Model(features=features, scorer=scorer, decision=decision)
    share = number(stage.parameters["threshold"])
    cut = math.copysign(math.inf, share - 0.5) if share in (0, 1) else math.log(share / (1 - share))
    decision = Classes(labels=(0.0, 1.0), probability="logistic", cut=cut, direct=0)
    return Model(features=features, scorer=scorer, decision=decision)


def _k_means(stage: SparkStage, features: Scalars) -> Model:
    if stage.parameters["distanceMeasure"] != "euclidean":
        raise stage.unsupported("distanceMeasure")
    rows = sorted(stage.rows(), key=lambda row: int(row["clusterIdx"]))
    scorer = Distances(centers=tuple(vector(row["clusterCenter"]) for row in rows))
    return Model(features=features, scorer=scorer, decision=Nearest())


def _bayes(stage: SparkStage, features: Scalars) -> Model:
    """Multinomial: `pi + theta x`, for features that are not negative. Gaussian: see `form.Gaussian`."""
    data, kind = stage.rows()[0], stage.parameters["modelType"]
    priors, means = vector(data["pi"]), matrix(data["theta"])
    decision = Classes(labels=_numbered(len(priors)), probability="softmax")
    if kind == "multinomial":
        checked = tuple(Checked(input=feature, missing=True, least=0.0) for feature in features)
        scorer = Linear(coefficients=means, intercepts=priors)
        return Model(features=checked, scorer=scorer, decision=decision)
    if kind != "gaussian":
        raise stage.unsupported("modelType")
    variances = matrix(data["sigma"])
    constants = tuple(_sum([math.log(value) for value in row]) for row in variances)
    gaussian = Gaussian(priors=priors, constants=constants, means=means, variances=variances, halved_together=True)
    return Model(features=features, scorer=gaussian, decision=decision)


MODELS: dict[str, Callable[[SparkStage, Scalars], Model]] = {
    "DecisionTreeRegressionModel": _tree_value,
    "DecisionTreeClassificationModel": _tree_class,
    "RandomForestRegressionModel": _forest_value,
    "RandomForestClassificationModel": _forest_class,
    "GBTRegressionModel": _boosted_value,
    "GBTClassificationModel": _boosted_class,
    "LinearRegressionModel": _linear,
    "LogisticRegressionModel": _logistic,
    "KMeansModel": _k_means,
    "NaiveBayesModel": _bayes,
}
