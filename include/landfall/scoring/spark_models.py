"""Models of Spark ML as scorers and decisions.

A row of a saved tree is a node, numbered in pre-order (org.apache.spark.ml.tree, `DecisionTreeModelReadWrite`); an ensemble
has the number of the tree beside it, and each tree's weight in `treesMetadata`.

Trees and forests are Spark's bit for bit, and so are linear and logistic scores and the margins of Bayes, of up to 255 numbers:
as far as that Spark multiplies and adds in a plain loop. Boosted trees, and whatever is larger, go through a BLAS, which adds in
an order of its own and may leave out roundings: the difference is at most 2^-52 for each term, of the sum of the terms' sizes.
`exp` differs by an ulp between Java and C, so probabilities do by a few.
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
from landfall.scoring.trees import CategorySplit, Leaf, Node, Row, Split, Tree

Features = tuple[Scalar, ...]
Values = Callable[[dict[str, Any]], Row]


def read_model(stage: SparkStage, features: Sequence[Scalar]) -> Model:
    """The form of a model on these features.

    Raises:
        ModelError: it has `thresholds`, or another setting that has no form here.
    """
    if stage.parameters.get("thresholds"):
        raise stage.unsupported("thresholds")
    return MODELS[stage.kind](stage, tuple(features))


def _node(nodes: dict[int, dict[str, Any]], at: int, values: Values) -> Node:
    node = nodes[at]
    if node["leftChild"] < 0:
        return Leaf(values=values(node))
    left, right = (_node(nodes, node[side], values) for side in ("leftChild", "rightChild"))
    split = node["split"]
    feature, told, count = split["featureIndex"], split["leftCategoriesOrThreshold"], split["numCategories"]
    if count < 0:
        return Split(feature=feature, threshold=float(told[0]), left=left, right=right)
    members_left = len(told) <= count // 2
    members = set(told) if members_left else set(map(float, range(count))) - set(told)
    return CategorySplit(
        feature=feature, members=tuple(sorted(members)), left=left, right=right, members_left=members_left
    )


def _prediction(node: dict[str, Any]) -> Row:
    return (float(node["prediction"]),)


def _counts(node: dict[str, Any]) -> Row:
    return tuple(map(float, node["impurityStats"]))


def _shares(node: dict[str, Any]) -> Row:
    counts = _counts(node)
    total = _sum(counts)
    return tuple(count / total for count in counts) if total else (0.0,) * len(counts)


def _sum(values: Sequence[float]) -> float:
    """From left to right, each sum rounded. Python's `sum` is more precise than Spark's from 3.12 on."""
    return reduce(add, values, 0.0)


def _one_tree(stage: SparkStage, values: Values) -> tuple[Tree, ...]:
    return (Tree(root=_node({row["id"]: row for row in stage.rows()}, 0, values)),)


def _trees(stage: SparkStage, values: Callable[[float], Values]) -> tuple[Tree, ...]:
    """The trees of an ensemble; `values` is given each tree's weight."""
    nodes: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in stage.rows():
        nodes[row["treeID"]][row["nodeData"]["id"]] = row["nodeData"]
    weights = {row["treeID"]: float(row["weights"]) for row in stage.rows("treesMetadata")}
    return tuple(Tree(root=_node(nodes[tree], 0, values(weights[tree]))) for tree in sorted(nodes))


def _weighted(weight: float) -> Values:
    return lambda node: (weight * float(node["prediction"]),)


def _numbered(count: int) -> Row:
    return tuple(map(float, range(count)))


def _tree_value(stage: SparkStage, features: Features) -> Model:
    return Model(features=features, scorer=Ensemble(trees=_one_tree(stage, _prediction)), decision=Value())


def _tree_class(stage: SparkStage, features: Features) -> Model:
    """The class of the largest count in the leaf; probabilities are shares of the counts."""
    count = stage.told["numClasses"]
    scorer = Ensemble(trees=_one_tree(stage, _counts), start=(0.0,) * count)
    return Model(features=features, scorer=scorer, decision=Classes(labels=_numbered(count), probability="share"))


def _forest_value(stage: SparkStage, features: Features) -> Model:
    """The sum of the trees' predictions by their number."""
    trees = _trees(stage, lambda _: _prediction)
    return Model(features=features, scorer=Ensemble(trees=trees, over=float(len(trees))), decision=Value())


def _forest_class(stage: SparkStage, features: Features) -> Model:
    """Each tree adds the shares of its leaf's counts (`RandomForestClassificationModel.predictRaw`)."""
    count = stage.told["numClasses"]
    scorer = Ensemble(trees=_trees(stage, lambda _: _shares), start=(0.0,) * count)
    return Model(features=features, scorer=scorer, decision=Classes(labels=_numbered(count), probability="share"))


def _boosted_value(stage: SparkStage, features: Features) -> Model:
    """The sum of weight times prediction (`GBTRegressionModel.predict`, by `BLAS.ddot`)."""
    return Model(features=features, scorer=Ensemble(trees=_trees(stage, _weighted)), decision=Value())


def _boosted_class(stage: SparkStage, features: Features) -> Model:
    """A margin above 0 is class 1; the probability of class 0 is 1 / (1 + exp(2 margin)) (`LogLoss.computeProbability`)."""
    decision = Classes(labels=(0.0, 1.0), probability="logistic", steepness=2.0, direct=0)
    return Model(features=features, scorer=Ensemble(trees=_trees(stage, _weighted)), decision=decision)


def _linear(stage: SparkStage, features: Features) -> Model:
    data = stage.rows()[0]
    scorer = Linear(coefficients=(vector(data["coefficients"]),), intercepts=(float(data["intercept"]),))
    return Model(features=features, scorer=scorer, decision=Value())


def _logistic(stage: SparkStage, features: Features) -> Model:
    """Binary: class 1 where the margin is above log(t / (1 - t)) of `threshold`; multinomial: the largest margin."""
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


def _k_means(stage: SparkStage, features: Features) -> Model:
    if stage.parameters["distanceMeasure"] != "euclidean":
        raise stage.unsupported("distanceMeasure")
    rows = sorted(stage.rows(), key=lambda row: int(row["clusterIdx"]))
    scorer = Distances(centers=tuple(vector(row["clusterCenter"]) for row in rows))
    return Model(features=features, scorer=scorer, decision=Nearest())


def _bayes(stage: SparkStage, features: Features) -> Model:
    """Multinomial: `pi + theta x`, of features from 0 up. Gaussian: see `Gaussian`."""
    data, kind = stage.rows()[0], stage.parameters["modelType"]
    priors, means = vector(data["pi"]), matrix(data["theta"])
    decision = Classes(labels=_numbered(len(priors)), probability="softmax")
    if kind == "multinomial":
        checked = tuple(Checked(input=each, missing=True, least=0.0) for each in features)
        scorer = Linear(coefficients=means, intercepts=priors)
        return Model(features=checked, scorer=scorer, decision=decision)
    if kind != "gaussian":
        raise stage.unsupported("modelType")
    variances = matrix(data["sigma"])
    constants = tuple(_sum([math.log(value) for value in row]) for row in variances)
    gaussian = Gaussian(priors=priors, constants=constants, means=means, variances=variances, halved_together=True)
    return Model(features=features, scorer=gaussian, decision=decision)


MODELS: dict[str, Callable[[SparkStage, Features], Model]] = {
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
