"""Reads a model of XGBoost from its own file, JSON or UBJSON, which holds numbers and names and can run nothing.

XGBoost computes in float32: a feature is rounded to float32 and goes left if it is LESS than the split's condition; a missing one
goes where the split says. The sum begins with the base score and gets one leaf after the other, each time rounded to float32
(`PredictByAllTrees` in src/predictor/cpu_predictor.cc). The form keeps both, so the sum is XGBoost's bit for bit. What follows it
(`exp`, in float32 there) is computed in doubles here: it differs by at most 1e-6, relative to 1 or the number.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landfall.errors import ModelError
from landfall.scoring.boosted import Fork, Link, damaged, grown, named, no_form
from landfall.scoring.float32 import FLOAT32, threshold
from landfall.scoring.form import Classes, Ensemble, Model, Value
from landfall.scoring.scalars import Checked
from landfall.scoring.trees import Leaf, Tree
from landfall.scoring.ubjson import Reader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

XGBOOST = "XGBoost"
VALUES: dict[str, Link] = {
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity",
    "rank:pairwise": "identity",
    "rank:ndcg": "identity",
    "rank:map": "identity",
    "reg:logistic": "logistic",
    "binary:logitraw": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}
"""Objective -> how the sum becomes the prediction. `binary:logistic`, `multi:softprob` and `multi:softmax` predict classes."""
OF_A_SHARE = ("reg:logistic", "binary:logistic", "binary:logitraw")
"""Objectives whose base score is a probability."""
HALF = 8.940696716308594e-08
"""3/4 of 2^-23. Of a larger sum, the probability in float32 is more than a half; `XGBClassifier` then says the second class."""


def read_xgboost(content: bytes, columns: Sequence[str] = (), *, best: bool = False) -> Model:
    """The form of a model that `Booster.save_model` or `mlflow.xgboost` has written.

    Args:
        content: The file.
        columns: The table's columns in the order of the features; used if the file does not name them.
        best: True if only the iterations up to the best one count, as `XGBModel.predict` does after early stopping.

    Raises:
        ModelError: the file is damaged, or the model has no form in SQL: categorical splits, vector leaves, `gblinear`, or an
            objective that is not known here.
    """
    document = Reader(content).document() if content[:1] == b"{" and content[1:2] in b"iUIlL" else _json(content)
    try:
        return _model(document["learner"], columns, best=best)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(XGBOOST, f"{type(error).__name__}: {error}") from error


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(XGBOOST, f"it is neither JSON nor UBJSON: {error}") from error


def _model(learner: Mapping[str, Any], columns: Sequence[str], *, best: bool) -> Model:
    booster, parameters, objective = (
        learner["gradient_booster"],
        learner["learner_model_param"],
        learner["objective"]["name"],
    )
    if booster["name"] not in ("gbtree", "dart"):
        raise no_form(XGBOOST, f"the booster `{booster['name']}`")
    if int(parameters.get("num_target", 1)) > 1:
        raise no_form(XGBOOST, f"{parameters['num_target']} targets")
    groups, features = max(1, int(parameters["num_class"])), int(parameters["num_feature"])
    grove = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    weights = booster["weight_drop"] if booster["name"] == "dart" else [1.0] * len(grove["trees"])
    count = len(grove["trees"])
    if best and "best_iteration" in learner.get("attributes", {}):
        a_round = groups * max(1, int(grove["gbtree_model_param"]["num_parallel_tree"]))
        count = min(count, (int(learner["attributes"]["best_iteration"]) + 1) * a_round)
    trees = zip(grove["trees"][:count], grove["tree_info"], weights, strict=False)
    names = named(learner.get("feature_names", []), columns, features, XGBOOST)
    return Model(
        features=tuple(Checked(input=name, missing=True, limit=FLOAT32) for name in names),
        scorer=Ensemble(
            trees=tuple(_tree(tree, int(group), weight, features) for tree, group, weight in trees),
            start=_start(parameters["base_score"], objective, groups),
            single=True,
        ),
        decision=_decision(objective, groups),
    )


def _decision(objective: str, groups: int) -> Value | Classes:
    if link := VALUES.get(objective):
        return Value(link=link)
    if objective == "binary:logistic":
        return Classes(labels=(0.0, 1.0), probability="logistic", cut=HALF)
    if objective in ("multi:softprob", "multi:softmax"):
        return Classes(labels=tuple(map(float, range(groups))), probability="softmax")
    known = [*VALUES, "binary:logistic", "multi:softprob", "multi:softmax"]
    raise ModelError.unknown("objective of XGBoost", objective, known, next="train it with one of these")


def _start(base_score: str, objective: str, groups: int) -> tuple[float, ...]:
    """The sums before the first tree: the base score, through the inverse of the objective's link, in float32."""
    import numpy as np

    written = json.loads(base_score)
    base = np.atleast_1d(np.asarray(written, dtype=np.float32))
    if len(base) not in (1, groups):
        raise damaged(XGBOOST, f"base_score has {len(base)} numbers for {groups} scores")
    one = np.float32(1)
    if objective in OF_A_SHARE:
        base = -_log(one / base - one)
    elif VALUES.get(objective) == "exp":
        base = _log(base)
    return tuple(float(base[group % len(base)]) for group in range(groups))


def _log(values: "npt.NDArray[np.float32]") -> "npt.NDArray[np.float32]":
    """The logarithm, correctly rounded, as C's `logf` gives it; numpy's own for float32 differs from that by an ulp at times."""
    import numpy as np

    return np.array([math.log(float(value)) for value in values], dtype=np.float32)


def _tree(tree: Mapping[str, Any], group: int, weight: float, features: int) -> Tree:
    import numpy as np

    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise no_form(XGBOOST, "leaves of several values")
    if any(tree.get("split_type", ())):
        raise no_form(XGBOOST, "categorical splits")
    left, right, conditions = tree["left_children"], tree["right_children"], tree["split_conditions"]
    chosen, default = tree["split_indices"], tree["default_left"]

    def node(number: int) -> Leaf | Fork:
        condition = np.float32(conditions[number])
        if left[number] == -1:
            return Leaf(values=(float(np.float32(weight) * condition),))
        return Fork(
            feature=chosen[number],
            threshold=_less(condition),
            missing_left=bool(default[number]),
            left=_below(left[number]),
            right=_below(right[number]),
        )

    return Tree(root=grown(node, features, XGBOOST), score=group)


def _below(number: int) -> int:
    """The number of a node below another; a list would take a negative one for a node from its end."""
    if number < 0:
        raise IndexError(number)
    return number


def _less(condition: "np.float32") -> float:
    """The largest double whose float32 is less than the condition."""
    import numpy as np

    below = np.nextafter(condition, np.float32(-np.inf))
    return threshold(float(below)) if np.isfinite(below) else -math.inf
