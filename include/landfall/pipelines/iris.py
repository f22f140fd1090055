"""Iris: the species of a flower from four measures in centimetres, and the price of the flower from its species.

The data are 150 flowers, 50 of each species (R. A. Fisher, 1936, doi:10.1111/j.1469-1809.1936.tb02137.x), which come with
scikit-learn. The prices are made up: see `priced_flowers`. The second model is there to be chained: its input `species` is what
the first model predicts.
"""

from typing import TYPE_CHECKING

from landfall.spec import Estimator, Learner, OneHot, StringIndex, TableModel

if TYPE_CHECKING:
    import pyarrow as pa

MEASURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
SPECIES = ("setosa", "versicolor", "virginica")
BASE = {"setosa": 2.0, "versicolor": 3.5, "virginica": 6.0}
"""Species -> the base price of a flower in euros, to which its measures add."""
PER_PETAL, PER_SEPAL = 0.5, 0.25
"""The euros for each centimetre of petal length, and of sepal width."""
HAGGLING = 0.1
"""The standard deviation, in euros, of the noise that is added to the price."""
SEED = 1936


def flowers() -> "pa.Table":
    """One row for each flower: four doubles in cm, and `species`, which is 0, 1 or 2."""
    import pyarrow as pa
    from sklearn.datasets import load_iris

    iris = load_iris()
    columns = {name: iris.data[:, position] for position, name in enumerate(MEASURES)}
    return pa.table({**columns, "species": iris.target.astype("int64")})


def priced_flowers() -> "pa.Table":
    """One row for each flower: `species` as text, `petal_length` and `sepal_width` in cm, and `price` in euros, to the cent.

    price = BASE[species] + 0.5 petal_length + 0.25 sepal_width + noise. The noise is normal, and the same for the same `SEED`.
    """
    import numpy as np
    import pyarrow as pa

    table = flowers()
    species = [SPECIES[number] for number in table.column("species").to_pylist()]
    petal, sepal = table.column("petal_length").to_numpy(), table.column("sepal_width").to_numpy()
    noise = np.random.default_rng(SEED).normal(0, HAGGLING, len(species))
    price = np.array([BASE[name] for name in species]) + PER_PETAL * petal + PER_SEPAL * sepal + noise
    return pa.table({"species": species, "petal_length": petal, "sepal_width": sepal, "price": price.round(2)})


IRIS = TableModel(
    name="iris",
    learner=Learner(
        features=MEASURES,
        label="species",
        estimator=Estimator(kind="decision_tree", task="classification", parameters={"maxDepth": 5}),
    ),
    rows=flowers,
    classes=SPECIES,
)
SPECIES_PRICE = TableModel(
    name="species_price",
    learner=Learner(
        features=("species_vector", "petal_length", "sepal_width"),
        label="price",
        # The vector has a number for each species, so with the intercept there is one coefficient too many. A little ridge
        # regularization chooses among the equal solutions.
        estimator=Estimator(kind="linear", task="regression", parameters={"regParam": 0.001}),
        stages=(
            StringIndex(column="species", output="species_number"),
            OneHot(column="species_number", output="species_vector"),
        ),
    ),
    rows=priced_flowers,
)
