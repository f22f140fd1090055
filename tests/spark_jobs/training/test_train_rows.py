"""Training a table model: the same rows give the same model, and rows that nothing can be learnt from give none."""

import hashlib
import io
from collections import Counter
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from landfall.errors import ComputeError, ModelError
from landfall.pipelines.iris import IRIS
from landfall.spec import Estimator, TableModel
from spark_jobs.__main__ import run
from spark_jobs.files import list_files, read_file, read_table
from spark_jobs.lake import Lake
from spark_jobs.scoring.predict import load_sklearn
from spark_jobs.training.held_out import DRAW, HELD, hold_out

BY_SKLEARN = replace(
    IRIS,
    learner=replace(
        IRIS.learner,
        estimator=Estimator(
            kind="decision_tree", task="classification", parameters={"max_depth": 5}, library="scikit-learn"
        ),
    ),
)


def put(learning: Any, table: pa.Table, name: str) -> str:
    """Rows as a file of the corner; its key."""
    content = io.BytesIO()
    pq.write_table(table, content)
    key = f"{learning.name}/rows/{name}.parquet"
    learning.client.put_object(Bucket=learning.bucket, Key=key, Body=content.getvalue())
    return key


def train(learning: Any, model: TableModel, key: str, name: str) -> dict[str, Any]:
    """Train `name` on the rows of a file; the report."""
    argv = model.training.argv(partition="", rows=key, model=learning.folder(name))
    return run([*argv, "--lake", learning.settings.lake], learning.spark)


def nodes(learning: Any, name: str) -> pa.Table:
    """Every node of a saved tree."""
    return read_table(learning.folder(name), "data/*.parquet").sort_by("id")


@pytest.fixture(scope="module")
def report(learning: Any) -> dict[str, Any]:
    """What training iris reported."""
    return train(learning, IRIS, put(learning, IRIS.rows(), "iris"), "iris")


def test_the_report_says_what_was_learnt_and_how(report: dict[str, Any]) -> None:
    told = {name: value for name, value in report.items() if name not in ("metrics", "importances", "sample")}
    types = dict.fromkeys(("petal_length", "petal_width", "sepal_length", "sepal_width"), "double")
    assert told == {
        "rows": 150,
        "held_rows": report["held_rows"],
        "parameters": {
            "maxDepth": 5,
            "estimator": "decision_tree",
            "library": "spark",
            "seed": 7,
            "holdout": 0.2,
        },
        "features": list(types),
        "types": types,
        "label": "species",
        "prediction": "prediction",
        "library": "spark",
        "model_sha256": "",
        "judged_model_sha256": "",
        "example": report["example"],
        "reference": report["reference"],
    }
    assert 28 <= report["held_rows"] == len(report["sample"]) <= 32
    assert set(report["example"]) == set(report["reference"]) == set(types)
    assert sum(report["importances"].values()) == pytest.approx(1)


def test_the_metrics_are_those_of_rows_that_were_held_out(report: dict[str, Any]) -> None:
    right = sum(actual == told for actual, told in report["sample"])
    assert report["metrics"]["holdout_accuracy"] == pytest.approx(right / report["held_rows"])
    assert report["metrics"]["holdout_accuracy"] > 0.85


def test_the_same_rows_in_another_order_give_the_same_model(learning: Any, report: dict[str, Any]) -> None:
    table = IRIS.rows()
    shuffled = table.take(pa.array([(number * 7) % 150 for number in range(150)]))
    assert train(learning, IRIS, put(learning, shuffled, "shuffled"), "again") == report
    assert nodes(learning, "again").equals(nodes(learning, "iris"))


def test_the_held_out_rows_are_drawn_by_the_seed_and_equal_rows_are_on_one_side(learning: Any) -> None:
    table = IRIS.rows()
    key = put(learning, pa.concat_tables([table, table.slice(0, 40)]), "twice")

    def split(seed: int) -> tuple[int, dict[int, set[bool]]]:
        learner = replace(IRIS.learner, seed=seed)
        held = hold_out(learning.spark, Lake(learning.settings.lake), key, learner, share=0.25)
        sides = held.rows.groupBy(DRAW).agg(F.collect_set(HELD).alias("sides")).collect()
        held.rows.unpersist()
        return held.count, {row[DRAW]: set(row.sides) for row in sides}

    count, drawn = split(7)
    assert count == 190
    assert all(len(sides) == 1 for sides in drawn.values())
    assert Counter(next(iter(sides)) for sides in drawn.values()) == {False: 112, True: 37}
    assert split(7) == (count, drawn)
    assert set(split(8)[1]) != set(drawn)


def test_a_model_of_scikit_learn_tells_the_digest_of_the_pickle_that_it_is(
    learning: Any, report: dict[str, Any]
) -> None:
    told = train(learning, BY_SKLEARN, f"{learning.name}/rows/iris.parquet", "pickled")
    content = read_file(f"{learning.folder('pickled')}/model.pkl")
    assert told["model_sha256"] == hashlib.sha256(content).hexdigest()
    assert told["held_rows"] == report["held_rows"]
    assert told["metrics"]["holdout_accuracy"] > 0.85
    assert load_sklearn(content, told["model_sha256"], "pickled").n_features_in_ == 4


def changed(column: str, values: Any) -> pa.Table:
    """Iris with other values in a column."""
    table = IRIS.rows()
    at = table.column_names.index(column)
    return table.set_column(at, column, values(table.column(column).to_pylist()))


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (
            changed("species", lambda old: pa.array([None, *old[1:]])),
            "The label `species` has no value in 1 of 150 rows.",
        ),
        (
            changed("petal_width", lambda old: pa.array([*old[:-2], None, float("nan")])),
            "The feature `petal_width` has no value in 2 of 150 rows.",
        ),
        (
            changed("species", lambda old: pa.array([number + 0.5 for number in old])),
            "The label `species` is not a class numbered from 0 to at most 99: 150 rows have others.",
        ),
        (
            changed("species", lambda old: pa.array([0 for _ in old])),
            "The label `species` has one class only among the rows that are not held out: there is nothing to tell apart.",
        ),
    ],
)
def test_rows_that_nothing_can_be_learnt_from_are_refused(learning: Any, table: pa.Table, what: str) -> None:
    key = put(learning, table, "refused")
    with pytest.raises(ModelError) as refused:
        train(learning, IRIS, key, "refused")
    assert str(refused.value) == (
        f"{what}\n"
        f"  looked: {learning.settings.lake}/{key}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: mend `rows` of the table model"
    )
    assert list_files(learning.folder("refused"), "*") == []


def test_a_column_that_is_not_there_is_named(learning: Any) -> None:
    key = put(learning, IRIS.rows().drop_columns(["petal_width"]), "lacking")
    with pytest.raises(ModelError) as refused:
        train(learning, IRIS, key, "refused")
    assert str(refused.value) == (
        "`petal_width`, which the learner asks for, is not a column of the rows.\n"
        f"  looked: {learning.settings.lake}/{key}; known: sepal_length, sepal_width, petal_length, species\n"
        "  left: no model was registered, the champion stays\n"
        "  next: add it to `rows` of the table model, or take it out of the learner"
    )


def test_too_few_different_rows_are_no_model(learning: Any) -> None:
    key = put(learning, pa.concat_tables([IRIS.rows().slice(0, 9)] * 3), "few")
    with pytest.raises(ModelError) as refused:
        train(learning, IRIS, key, "refused")
    assert str(refused.value) == (
        "There are 9 different rows to learn from; a model needs at least 10.\n"
        f"  looked: {learning.settings.lake}/{key}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: give more rows in `rows` of the table model"
    )


def test_rows_that_were_never_landed_are_named(learning: Any) -> None:
    with pytest.raises(ComputeError) as refused:
        train(learning, IRIS, f"{learning.name}/none.parquet", "refused")
    assert str(refused.value) == (
        "There is no file with rows where one was expected.\n"
        f"  looked: {learning.settings.lake}/{learning.name}/none.parquet\n"
        "  left: nothing was changed\n"
        "  next: landfall train MODEL    (it lands the rows first)"
    )
