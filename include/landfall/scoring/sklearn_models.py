"""Estimators of scikit-learn as scorers and decisions.

Trees and their sums are bit for bit those of the library: a forest's with `n_jobs` 1; boosted trees within an ulp a tree on
processors for which scikit-learn's C code is compiled with fused multiply-add. Sums of products go through a BLAS, which adds in
its own order: they differ by at most 2^-52 for each term, relative to the sum of the terms' sizes. `exp` differs by an ulp
between libraries.
"""

import math
from collections.abc import Callable, Container, Sequence
from typing import Any

from landfall.errors import ModelError
from landfall.scoring.form import Classes, Distances, Ensemble, Gaussian, Linear, Model, Nearest, Value
from landfall.scoring.scalars import Checked, Scalar
from landfall.scoring.trees import DEEPEST, Leaf, Node, Numbers, Split, Tree

LEFT = "nothing was compiled"
FLOAT32 = 3.4028235677973362e38
"""The largest double that does not become infinity as a float32, which is what trees get."""


def read_model(estimator: Any, features: Sequence[Scalar]) -> Model:
    """The form of a fitted estimator on these features.

    Raises:
        ModelError: its class has no form here, or it has several outputs.
    """
    if not is_of(estimator, _ESTIMATORS):
        raise unknown("estimator", estimator, list(_ESTIMATORS))
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise unsupported(estimator, "n_outputs_", estimator.n_outputs_)
    return _ESTIMATORS[type(estimator).__name__](estimator, tuple(features))


def is_of(value: Any, names: Container[str]) -> bool:
    """True if the value's own class is one of scikit-learn's with one of these names."""
    return type(value).__module__.startswith("sklearn.") and type(value).__name__ in names


def unknown(what: str, value: Any, known: list[str]) -> ModelError:
    """The error for a class that has no form here."""
    name = type(value).__name__
    return ModelError.unknown(f"form for the {what}", name, known, next="build the model of the classes that are known")


def unsupported(value: Any, name: str, setting: object) -> ModelError:
    """The error for a setting that has no form here."""
    return ModelError(
        f"`{type(value).__name__}` with `{name}` = {setting} has no form in SQL.",
        left=LEFT,
        next=f"fit it without `{name}`",
    )


def threshold(value: float) -> float:
    """The largest double that a tree sends left: a tree compares float32(x), rounded half to even, with the threshold.

    SQL can thus compare x itself with a number between two floats and needs no cast. Infinity if every finite float goes left.
    """
    import numpy as np

    below = np.float32(value)
    if float(below) > value:
        below = np.nextafter(below, np.float32(-np.inf))
    above = np.nextafter(below, np.float32(np.inf))
    if not np.isfinite(above):
        return math.inf
    middle = (float(below) + float(above)) / 2
    return middle if float(np.float32(middle)) <= value else math.nextafter(middle, -math.inf)


def _tree(fitted: Any, values: Callable[[int], Numbers], *, missing: bool) -> Node:
    """The nodes of a fitted `sklearn.tree._tree.Tree`, from its root on."""
    if fitted.max_depth > DEEPEST:
        raise ModelError(
            f"A tree is {fitted.max_depth} splits deep.",
            looked=f"expected {DEEPEST} at most",
            left=LEFT,
            next="fit it with a smaller `max_depth`",
        )
    nodes = fitted.__getstate__()["nodes"]

    def node(at: int) -> Node:
        if nodes["left_child"][at] < 0:
            return Leaf(values=values(at))
        return Split(
            feature=int(nodes["feature"][at]),
            threshold=threshold(float(nodes["threshold"][at])),
            left=node(int(nodes["left_child"][at])),
            right=node(int(nodes["right_child"][at])),
            missing_left=missing and bool(nodes["missing_go_to_left"][at]),
        )

    return node(0)


def _checked_for_trees(features: tuple[Scalar, ...], *, missing: bool) -> tuple[Scalar, ...]:
    return tuple(Checked(input=feature, missing=missing, limit=FLOAT32) for feature in features)


def _takes_missing(tree: Any) -> bool:
    """True if the tree takes missing values; the same test as `BaseDecisionTree._support_missing_values`."""
    from sklearn.utils import get_tags

    return bool(get_tags(tree).input_tags.allow_nan) and tree.monotonic_cst is None


def _forest(model: Any, features: tuple[Scalar, ...]) -> Model:
    """A tree, or the mean of trees, added from the first tree on (as with `n_jobs` 1; threads add them in any order)."""
    trees = getattr(model, "estimators_", [model])
    missing, classes = _takes_missing(trees[0]), hasattr(model, "classes_")
    scores = len(model.classes_) if classes else 1

    def read(tree: Any) -> Tree:
        values = tree.tree_.value[:, 0, :]
        return Tree(root=_tree(tree.tree_, lambda at: tuple(map(float, values[at])), missing=missing))

    return Model(
        features=_checked_for_trees(features, missing=missing),
        scorer=Ensemble(trees=tuple(map(read, trees)), start=(0.0,) * scores, over=float(len(trees))),
        decision=Classes(labels=_labels(model), probability="scores") if classes else Value(),
    )


def _boosted(model: Any, features: tuple[Scalar, ...]) -> Model:
    """As `predict_stages`: the start value of `init_`, plus learning_rate * leaf for the trees of each stage."""
    import numpy as np

    if not (isinstance(model.init_, str) or type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor")):
        raise unsupported(model, "init", type(model.init_).__name__)
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_)))[0]
    rate = float(model.learning_rate)

    def read(tree: Any, score: int) -> Tree:
        values = tree.tree_.value[:, 0, 0]
        return Tree(root=_tree(tree.tree_, lambda at: (rate * float(values[at]),), missing=False), score=score)

    trees = tuple(read(tree, score) for stage in model.estimators_ for score, tree in enumerate(stage))
    decision: Classes | Value = Value()
    if hasattr(model, "classes_") and len(model.classes_) == 2:
        steepness = 2.0 if model.loss == "exponential" else 1.0
        decision = Classes(labels=_labels(model), probability="logistic", cut_above=True, steepness=steepness)
    elif hasattr(model, "classes_"):
        decision = Classes(labels=_labels(model), probability="softmax")
    return Model(
        features=_checked_for_trees(features, missing=False),
        scorer=Ensemble(trees=trees, start=tuple(map(float, start))),
        decision=decision,
    )


def _linear(model: Any, features: tuple[Scalar, ...]) -> Model:
    if model.coef_.ndim != 1:
        raise unsupported(model, "coef_", f"{model.coef_.shape[0]} outputs")
    scorer = Linear(coefficients=_rows([model.coef_]), intercepts=(float(model.intercept_),))
    return Model(features=_required(features), scorer=scorer, decision=Value())


def _logistic(model: Any, features: tuple[Scalar, ...]) -> Model:
    scorer = Linear(coefficients=_rows(model.coef_), intercepts=tuple(map(float, model.intercept_)))
    decision = Classes(labels=_labels(model), probability="logistic" if scorer.scores == 1 else "softmax")
    return Model(features=_required(features), scorer=scorer, decision=decision)


def _k_means(model: Any, features: tuple[Scalar, ...]) -> Model:
    scorer = Distances(centers=_rows(model.cluster_centers_), expanded=True)
    return Model(features=_required(features), scorer=scorer, decision=Nearest())


def _gaussian(model: Any, features: tuple[Scalar, ...]) -> Model:
    import numpy as np

    constants = [-0.5 * np.sum(np.log(2.0 * np.pi * row)) for row in model.var_]
    scorer = Gaussian(
        priors=tuple(map(float, np.log(model.class_prior_))),
        constants=tuple(map(float, constants)),
        means=_rows(model.theta_),
        variances=_rows(model.var_),
    )
    return Model(
        features=_required(features), scorer=scorer, decision=Classes(labels=_labels(model), probability="softmax")
    )


def _multinomial(model: Any, features: tuple[Scalar, ...]) -> Model:
    scorer = Linear(coefficients=_rows(model.feature_log_prob_), intercepts=tuple(map(float, model.class_log_prior_)))
    return Model(
        features=_required(features), scorer=scorer, decision=Classes(labels=_labels(model), probability="softmax")
    )


def _required(features: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    return tuple(Checked(input=feature) for feature in features)


def _rows(matrix: Any) -> tuple[Numbers, ...]:
    return tuple(tuple(map(float, row)) for row in matrix)


def _labels(model: Any) -> tuple[float, ...] | tuple[str, ...]:
    labels = model.classes_.tolist()
    if any(isinstance(label, str) for label in labels):
        return tuple(map(str, labels))
    return tuple(map(float, labels))


_ESTIMATORS: dict[str, Callable[[Any, tuple[Scalar, ...]], Model]] = {
    "DecisionTreeRegressor": _forest,
    "DecisionTreeClassifier": _forest,
    "RandomForestRegressor": _forest,
    "RandomForestClassifier": _forest,
    "GradientBoostingRegressor": _boosted,
    "GradientBoostingClassifier": _boosted,
    "LinearRegression": _linear,
    "LogisticRegression": _logistic,
    "KMeans": _k_means,
    "GaussianNB": _gaussian,
    "MultinomialNB": _multinomial,
}
