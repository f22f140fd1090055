"""Models of every kind in a table: what a row gets by the trigger and in place is what the expressions give, bit for bit.

That those are the library's numbers is what tests/scoring is about.
"""

import math
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest

from landfall.deployments import rescore
from landfall.scoring import PostgreSQL, compile_model, read_sklearn

ODD = (math.nan, math.inf, -math.inf, 1e308, 3.5e38, -5e-324, -0.0, None)
COLUMNS = ("a", "b", "c d", 'e"f')


def table(rows: int = 300) -> tuple[pd.DataFrame, Any]:
    random = np.random.default_rng(7)
    values = random.normal(size=(rows, len(COLUMNS)))
    return pd.DataFrame(values, columns=list(COLUMNS)), (values[:, 0] * values[:, 1] + values[:, 2] > 0).astype(int)


def models() -> dict[str, Any]:
    from sklearn.cluster import KMeans
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    return {
        "tree": DecisionTreeClassifier(max_depth=5, random_state=0),
        "forest": RandomForestClassifier(20, max_depth=5, random_state=0),
        "large forest": RandomForestRegressor(80, random_state=0),
        "boosted": GradientBoostingClassifier(n_estimators=10, random_state=0),
        "linear": LinearRegression(),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "clusters": KMeans(5, n_init=1, random_state=0),
        "bayes": GaussianNB(),
    }


def bits(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(struct.pack(">d", each).hex() if isinstance(each, float) else each for each in row) for row in rows]


@pytest.mark.parametrize("name", list(models()))
def test_trigger_and_rescore_give_what_the_expressions_give(corner, name):
    seen, label = table()
    form = read_sklearn(models()[name].fit(seen, label))
    rows = [tuple(row) for row in seen.head(60).to_numpy().tolist()]
    rows += [tuple(odd if n == at else 0.5 for n in range(4)) for odd in ODD for at in range(4)]
    corner.run('CREATE TABLE seen (id int PRIMARY KEY, a float8, b float8, "c d" float8, "e""f" float8)')
    with corner.conn.cursor().copy("COPY seen FROM STDIN") as copy:
        for number, row in enumerate(rows):
            copy.write_row((number, *row))
    corner.run("CREATE TABLE later (LIKE seen)")
    corner.run("INSERT INTO later SELECT * FROM seen")

    corner.deploy(form, "1", create=corner.key, model=name)
    corner.run('INSERT INTO t (id, a, b, "c d", "e""f") SELECT * FROM seen')
    done = corner.deploy(form, "1", "later", model=name)
    rescore(corner.conn, corner.table("later"))

    probabilities = [each for each in done.filled if each.startswith("probability_")]
    names = ", ".join(["id", "prediction", "prediction_reason", *probabilities])
    compiled = compile_model(form, PostgreSQL())
    expected = bits(sorted(corner.run(compiled.query("seen", ["id"], probabilities)), key=lambda row: row[0]))
    assert len({row[1] for row in expected}) > 2 or name in ("tree", "forest", "boosted", "logistic", "bayes")
    assert bits(corner.run(f"SELECT {names} FROM t ORDER BY id")) == expected
    assert bits(corner.run(f"SELECT {names} FROM later ORDER BY id")) == expected
    ways = {"large forest": "arrays", **dict.fromkeys(("linear", "logistic", "clusters", "bayes"), "expressions")}
    assert done.for_a_row == ways.get(name, "CASE and IF")
