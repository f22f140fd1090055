"""`landfall check`: what a deployment would be, with nothing written."""

from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from landfall.deployments.check import check, lines
from landfall.deployments.version import Registered
from landfall.errors import DeploymentError
from landfall.scoring import read_sklearn

ROWS = pd.DataFrame(np.random.default_rng(1).normal(size=(200, 2)), columns=["size", 'a "quoted" name'])


def registered(estimator: Any) -> Registered:
    return Registered(model="flowers", version="3", form=read_sklearn(estimator))


def tables(conn: "psycopg.Connection[Any]") -> list[Any]:
    return conn.execute("SELECT oid FROM pg_class UNION ALL SELECT oid FROM pg_proc ORDER BY 1").fetchall()


def test_a_forest_is_checked_and_nothing_is_left_of_it(database_url: str) -> None:
    labels = (ROWS["size"] > 0).map({True: "large", False: "small"})
    forest = RandomForestClassifier(n_estimators=10, max_depth=4, random_state=1).fit(ROWS, labels)
    with psycopg.connect(database_url, autocommit=True) as conn:
        before = tables(conn)
        found = check(conn, registered(forest))
        assert tables(conn) == before

    assert found.inputs == {"size": "number", 'a "quoted" name': "number"}
    filled = {"prediction", "prediction_reason", "probability_large", "probability_small", "model_version"}
    assert set(found.outputs) == filled
    assert found.form.startswith("ensemble, 10 trees with ")
    assert found.for_a_row == "CASE and IF"
    assert min(found.row_bytes, found.query_bytes) > 5000
    assert found.preparation > 0
    told = "\n".join(lines(found))
    assert told.startswith("flowers version 3 can be deployed: ensemble, 10 trees with ")
    assert "(1,000 made-up rows)" in told


def test_a_model_that_reads_texts_is_checked_too(database_url: str) -> None:
    table = ROWS.assign(sky=np.where(ROWS["size"] > 0, "it's", "clear"))
    encoder = make_column_transformer((OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["sky"]))
    with psycopg.connect(database_url, autocommit=True) as conn:
        found = check(conn, registered(make_pipeline(encoder, LinearRegression()).fit(table[["sky"]], table["size"])))

    assert found.inputs == {"sky": "text"}
    assert found.form == "linear"


def test_a_model_that_would_fill_what_it_reads_is_refused(database_url: str) -> None:
    table = ROWS.rename(columns={"size": "prediction"})
    fitted = LinearRegression().fit(table, table.iloc[:, 0])
    with psycopg.connect(database_url, autocommit=True) as conn, pytest.raises(DeploymentError):
        check(conn, registered(fitted))
