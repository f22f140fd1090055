"""Trees of scikit-learn and their sums: forests, gradient boosting, and gradient boosting of histograms."""

from collections.abc import Callable
from typing import Any

from landfall.errors import ModelError
from landfall.scoring.float32 import FLOAT32, threshold
from landfall.scoring.form import Classes, Ensemble, Model, Value
from landfall.scoring.scalars import Checked, Scalar
from landfall.scoring.sklearn_parts import LEFT, labels_of, link_of, unsupported
from landfall.scoring.trees import DEEPEST, Leaf, Node, Numbers, Split, Tree


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


def forest(model: Any, features: tuple[Scalar, ...]) -> Model:
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
        decision=Classes(labels=labels_of(model), probability="scores") if classes else Value(),
    )


def boosted(model: Any, features: tuple[Scalar, ...]) -> Model:
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
        decision = Classes(labels=labels_of(model), probability="logistic", cut_above=True, steepness=steepness)
    elif hasattr(model, "classes_"):
        decision = Classes(labels=labels_of(model), probability="softmax")
    return Model(
        features=_checked_for_trees(features, missing=False),
        scorer=Ensemble(trees=trees, start=tuple(map(float, start))),
        decision=decision,
    )


def histogram(model: Any, features: tuple[Scalar, ...]) -> Model:
    """As `_raw_predict`: the baseline, plus one leaf a tree, in doubles. NaN goes where the node says; nothing is refused."""
    import numpy as np

    if model.is_categorical_ is not None and any(model.is_categorical_):
        raise unsupported(model, "categorical_features", "set")

    def node(nodes: Any, at: int) -> Node:
        one = nodes[at]
        if one["is_leaf"]:
            return Leaf(values=(float(one["value"]),))
        return Split(
            feature=int(one["feature_idx"]),
            threshold=float(one["num_threshold"]),
            left=node(nodes, int(one["left"])),
            right=node(nodes, int(one["right"])),
            missing_left=bool(one["missing_go_to_left"]),
        )

    trees = tuple(
        Tree(root=node(predictor.nodes, 0), score=score)
        for iteration in model._predictors
        for score, predictor in enumerate(iteration)
    )
    decision: Classes | Value = Value(link=link_of(model, model._loss.link))
    if hasattr(model, "classes_"):
        decision = Classes(labels=labels_of(model), probability="logistic" if len(model.classes_) == 2 else "softmax")
    return Model(
        features=tuple(Checked(input=feature, missing=True) for feature in features),
        scorer=Ensemble(trees=trees, start=tuple(map(float, np.ravel(model._baseline_prediction)))),
        decision=decision,
    )
