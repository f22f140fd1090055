"""The models of the in-database benchmarks: seeded, so that every process that asks for one has the same.

Only scikit-learn is needed, at the version that is pinned: `orbital_sql.py` runs where nothing of Landfall is installed. Iris
is the real data set; the others learn from 20,000 generated rows whose labels are wrong in 15 of 100, so that their trees grow
as large as they may: 44,640 leaves in the forest of 100 trees.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

SEED = 7
TRAINED_ON = 20_000
FEATURES = tuple(f"f{number}" for number in range(10))
IRIS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model that is measured.

    Args:
        name: What it is called on the command line.
        title: What it is called in a table.
        columns: Its inputs.
        classes: How many it has; 0: it gives a number.
        make: The estimator, not fitted.
        share: The share of a bulk statement's rows that it is given: large forests are slow.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    classes: int
    make: Callable[[], Any]
    share: float = 1.0


CASES = {
    case.name: case
    for case in (
        Case(
            name="iris",
            title="tree of iris",
            columns=IRIS,
            classes=3,
            make=lambda: DecisionTreeClassifier(random_state=SEED),
        ),
        Case(
            name="tree",
            title="tree of depth 5",
            columns=FEATURES,
            classes=3,
            make=lambda: DecisionTreeClassifier(max_depth=5, random_state=SEED),
        ),
        Case(
            name="forest20",
            title="20 trees of depth 5",
            columns=FEATURES,
            classes=2,
            make=lambda: RandomForestClassifier(20, max_depth=5, random_state=SEED),
            share=0.5,
        ),
        Case(
            name="forest100",
            title="100 trees of depth 10",
            columns=FEATURES,
            classes=2,
            make=lambda: RandomForestClassifier(100, max_depth=10, random_state=SEED),
            share=0.05,
        ),
        Case(name="logistic", title="logistic regression", columns=FEATURES, classes=2, make=LogisticRegression),
        Case(
            name="kmeans",
            title="k-means, 8 centres",
            columns=FEATURES,
            classes=0,
            make=lambda: KMeans(8, n_init=1, random_state=SEED),
        ),
    )
}


@cache
def fitted(name: str) -> Any:
    """The estimator of a case, fitted."""
    case = CASES[name]
    if name == "iris":
        data = load_iris()
        return case.make().fit(data.data, data.target)
    values, labels = _generated(max(2, case.classes))
    return case.make().fit(values, labels)


@cache
def sample(name: str, rows: int) -> np.ndarray:
    """Rows to score, a line each. Those of iris are its own, each moved a little, so that they are not 150 over and over."""
    random = np.random.default_rng(SEED)
    known = load_iris().data if name == "iris" else _generated(max(2, CASES[name].classes))[0]
    picked = known[random.integers(0, len(known), rows)]
    return picked + random.normal(0, 0.05, picked.shape)


def expected(name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What scikit-learn says of rows: the predictions, and the probabilities, a column a class (none: no columns)."""
    model = fitted(name)
    shares = model.predict_proba(values) if CASES[name].classes else np.empty((len(values), 0))
    return model.predict(values), shares


def digest(name: str) -> str:
    """A mark of the model, by which two processes find that they have the same."""
    predictions, shares = expected(name, sample(name, 1000))
    return hashlib.sha256(predictions.tobytes() + shares.tobytes()).hexdigest()


@cache
def _generated(classes: int) -> tuple[np.ndarray, np.ndarray]:
    made: tuple[np.ndarray, np.ndarray] = make_classification(
        TRAINED_ON,
        len(FEATURES),
        n_informative=8,
        n_redundant=0,
        n_classes=classes,
        flip_y=0.15,
        random_state=SEED,
    )
    return made
