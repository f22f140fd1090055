"""Estimators of scikit-learn as scorers and decisions.

Trees and their sums are bit for bit those of the library: a forest's with `n_jobs` 1; boosted trees within an ulp a tree on
processors for which scikit-learn's C code is compiled with fused multiply-add. Sums of products go through a BLAS, which adds in
its own order: they differ by at most 2^-52 for each term, relative to the sum of the terms' sizes. `exp` differs by an ulp
between libraries.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from landfall.scoring.form import Classes, Distances, Gaussian, Linear, Model, Nearest, Value
from landfall.scoring.scalars import Bucket, Checked, Scalar
from landfall.scoring.sklearn_parts import FINITE, is_of, labels_of, link_of, unknown, unsupported
from landfall.scoring.sklearn_trees import boosted, forest, histogram
from landfall.scoring.trees import Numbers


def read_model(estimator: Any, features: Sequence[Scalar]) -> Model:
    """The form of a fitted estimator on these features.

    Raises:
        ModelError: its class has no form here, or it has several outputs.
    """
    if not is_of(estimator, ESTIMATORS):
        raise unknown("estimator", estimator, list(ESTIMATORS))
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise unsupported(estimator, "n_outputs_", estimator.n_outputs_)
    return ESTIMATORS[type(estimator).__name__](estimator, tuple(features))


def _linear(model: Any, features: tuple[Scalar, ...]) -> Model:
    """One output: a sum. The generalized linear models (Poisson, Gamma, Tweedie) say by their link what becomes of it."""
    import numpy as np

    if model.coef_.ndim != 1:
        raise unsupported(model, "coef_", f"{model.coef_.shape[0]} outputs")
    scorer = Linear(coefficients=_rows([model.coef_]), intercepts=(float(np.ravel(model.intercept_)[0]),))
    link = link_of(model, model._base_loss.link) if hasattr(model, "_base_loss") else "identity"
    return Model(features=_required(features), scorer=scorer, decision=Value(link=link))


def _logistic(model: Any, features: tuple[Scalar, ...]) -> Model:
    scorer = Linear(coefficients=_rows(model.coef_), intercepts=tuple(map(float, model.intercept_)))
    decision = Classes(labels=labels_of(model), probability="logistic" if scorer.scores == 1 else "softmax")
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
        features=_required(features), scorer=scorer, decision=Classes(labels=labels_of(model), probability="softmax")
    )


def _multinomial(model: Any, features: tuple[Scalar, ...]) -> Model:
    scorer = Linear(coefficients=_rows(model.feature_log_prob_), intercepts=tuple(map(float, model.class_log_prior_)))
    return Model(
        features=_required(features), scorer=scorer, decision=Classes(labels=labels_of(model), probability="softmax")
    )


def _bernoulli(model: Any, features: tuple[Scalar, ...]) -> Model:
    """As `BernoulliNB._joint_log_likelihood`: a sum over the features that are 1, which are those above `binarize`."""
    import numpy as np

    if model.binarize is not None:
        edge = math.nextafter(float(model.binarize), math.inf)
        features = tuple(Bucket(input=Checked(input=feature, limit=FINITE), edges=(edge,)) for feature in features)
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    scorer = Linear(
        coefficients=_rows(model.feature_log_prob_ - absent),
        intercepts=tuple(map(float, model.class_log_prior_ + absent.sum(axis=1))),
    )
    return Model(
        features=_required(features), scorer=scorer, decision=Classes(labels=labels_of(model), probability="softmax")
    )


def _required(features: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    return tuple(Checked(input=feature) for feature in features)


def _rows(matrix: Any) -> tuple[Numbers, ...]:
    return tuple(tuple(map(float, row)) for row in matrix)


ESTIMATORS: dict[str, Callable[[Any, tuple[Scalar, ...]], Model]] = {
    "DecisionTreeRegressor": forest,
    "DecisionTreeClassifier": forest,
    "RandomForestRegressor": forest,
    "RandomForestClassifier": forest,
    "ExtraTreeRegressor": forest,
    "ExtraTreeClassifier": forest,
    "ExtraTreesRegressor": forest,
    "ExtraTreesClassifier": forest,
    "GradientBoostingRegressor": boosted,
    "GradientBoostingClassifier": boosted,
    "HistGradientBoostingRegressor": histogram,
    "HistGradientBoostingClassifier": histogram,
    **dict.fromkeys(
        (
            "LinearRegression",
            "Ridge",
            "RidgeCV",
            "Lasso",
            "LassoCV",
            "ElasticNet",
            "ElasticNetCV",
            "Lars",
            "LassoLars",
            "BayesianRidge",
            "HuberRegressor",
            "TheilSenRegressor",
            "SGDRegressor",
            "LinearSVR",
            "PoissonRegressor",
            "GammaRegressor",
            "TweedieRegressor",
        ),
        _linear,
    ),
    "LogisticRegression": _logistic,
    "KMeans": _k_means,
    "GaussianNB": _gaussian,
    "MultinomialNB": _multinomial,
    "BernoulliNB": _bernoulli,
}
