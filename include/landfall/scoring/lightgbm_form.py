"""Reads a model of LightGBM from its own text, as `Booster.save_model` and `mlflow.lightgbm` write it; nothing in it can run.

LightGBM computes in doubles: a feature goes left if it is at most the threshold. NaN goes where the split says if training saw
missing values in the feature; else it counts as 0 (`Tree::NumericalDecision` in include/LightGBM/tree.h). A number not further
from 0 than 1e-35 is read as 0 (`RowPairFunctionFromDenseMatric` in src/c_api.cpp). The trees are added from the first on
(`GBDT::PredictRaw`), so the sum is LightGBM's bit for bit; `exp` differs by an ulp between libraries.
"""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

from landfall.errors import ModelError
from landfall.scoring.boosted import Fork, Link, damaged, grown, named, no_form
from landfall.scoring.form import Classes, Ensemble, Model, Value
from landfall.scoring.scalars import Checked
from landfall.scoring.trees import Leaf, Node, Tree

LIGHTGBM = "LightGBM"
VALUES: dict[str, Link] = {
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "cross_entropy": "logistic",
}
"""Objective -> how the sum becomes the prediction. `binary` and `multiclass` predict classes."""
ZERO = 1.0000000180025095e-35
"""`kZeroThreshold`, which is 1e-35 as a float32."""
CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING = {0: "none", 4: "zero", 8: "nan"}
"""Bits 2 and 3 of a split's `decision_type`."""


def read_lightgbm(content: bytes, columns: Sequence[str] = ()) -> Model:
    """The form of a model in LightGBM's text.

    Args:
        content: The file.
        columns: The table's columns in the order of the features; used if the file only numbers them.

    Raises:
        ModelError: the file is damaged, or the model has no form in SQL: linear trees, categorical splits, zero as missing, or an
            objective that is not known here.
    """
    try:
        head, *blocks = content.decode().split("\nTree=")
        return _model(_fields(head), [_fields(block) for block in blocks], content, columns)
    except (KeyError, ValueError) as error:
        raise damaged(LIGHTGBM, f"{type(error).__name__}: {error}") from error


def _fields(block: str) -> dict[str, str]:
    """The lines `name=value` up to the first empty line; a line without a value is a name alone."""
    return dict(line.partition("=")[::2] for line in block.split("\n\n")[0].splitlines() if line)


def _model(
    head: Mapping[str, str], blocks: Sequence[Mapping[str, str]], content: bytes, columns: Sequence[str]
) -> Model:
    if "version" not in head:
        raise damaged(LIGHTGBM, "it has no version")
    if _categories(content):
        raise no_form(LIGHTGBM, "columns of categories")
    groups, features = int(head["num_tree_per_iteration"]), int(head["max_feature_idx"]) + 1
    inside = head["feature_names"].split()
    if inside == [f"Column_{number}" for number in range(features)] and columns:
        inside = []
    trees = tuple(Tree(root=_tree(block, features), score=number % groups) for number, block in enumerate(blocks))
    return Model(
        features=tuple(Checked(input=name, missing=True) for name in named(inside, columns, features, LIGHTGBM)),
        scorer=Ensemble(
            trees=trees,
            start=(0.0,) * groups,
            over=float(len(blocks) // groups) if "average_output" in head else 1.0,
        ),
        decision=_decision(head.get("objective", "regression").split(), groups),
    )


def _categories(content: bytes) -> bool:
    """True if it was trained on columns of pandas's type `category`, whose codes are kept at the end of the file."""
    with suppress(ValueError):
        return bool(json.loads(content.rpartition(b"\npandas_categorical:")[2].split(b"\n")[0]))
    return False


def _decision(objective: Sequence[str], groups: int) -> Value | Classes:
    name, settings = objective[0], dict(word.partition(":")[::2] for word in objective[1:])
    if "sqrt" in settings:
        raise no_form(LIGHTGBM, "`reg_sqrt`")
    if link := VALUES.get(name):
        return Value(link=link)
    if name == "binary":
        return Classes(labels=(0.0, 1.0), probability="logistic", steepness=float(settings["sigmoid"]))
    if name == "multiclass":
        return Classes(labels=tuple(map(float, range(groups))), probability="softmax")
    known = [*VALUES, "binary", "multiclass"]
    raise ModelError.unknown("objective of LightGBM", name, known, next="train it with one of these")


def _tree(block: Mapping[str, str], features: int) -> Node:
    if block.get("is_linear", "0") != "0":
        raise no_form(LIGHTGBM, "`linear_tree`")
    values = [float(value) for value in block["leaf_value"].split()]
    if len(values) == 1:
        return Leaf(values=(values[0],))
    chosen, kinds, left, right = (
        [int(number) for number in block[name].split()]
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    thresholds = [_as_read(float(value)) for value in block["threshold"].split()]
    splits = len(thresholds)

    def node(number: int) -> Leaf | Fork:
        if number >= splits:
            return Leaf(values=(values[number - splits],))
        kind = kinds[number]
        if kind & CATEGORICAL:
            raise no_form(LIGHTGBM, "categorical splits")
        missing = MISSING[kind & 12]
        if missing == "zero":
            raise no_form(LIGHTGBM, "`zero_as_missing`")
        return Fork(
            feature=chosen[number],
            threshold=thresholds[number],
            missing_left=bool(kind & DEFAULT_LEFT) if missing == "nan" else thresholds[number] >= 0,
            left=below(left[number]),
            right=below(right[number]),
        )

    def below(number: int) -> int:
        """The number of a node; LightGBM counts leaves as -1, -2, ..., here they come after the splits."""
        return number if number >= 0 else splits + ~number

    return grown(node, features, LIGHTGBM)


def _as_read(threshold: float) -> float:
    """The threshold that splits numbers themselves as the given one splits what is read of them."""
    if -ZERO <= threshold < 0:
        return math.nextafter(-ZERO, -math.inf)
    return ZERO if 0 <= threshold < ZERO else threshold
