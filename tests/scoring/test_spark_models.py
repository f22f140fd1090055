"""Models of Spark ML, saved and read without a JVM: PostgreSQL and Spark SQL score as `transform` does."""

import math
import random
from pathlib import Path
from typing import Any

import pytest

import spark_jobs.files
from landfall.scoring.form import Classes, Ensemble, Linear, Model
from landfall.scoring.scalars import InputColumn
from landfall.scoring.spark_form import read_spark
from landfall.scoring.trees import CategorySplit, splits

KINDS = {
    "a": "number",
    "b": "number",
    'c "--': "number",
    "sky": "text",
    "hour": "number",
    "value": "number",
    "kind": "number",
    "half": "number",
}
NUMBERS = ("a", "b", 'c "--')


def hours(count: int = 90) -> list[dict[str, Any]]:
    """Rows to learn from: three numbers, a text, a whole number, and a value and two kinds of class made of them."""
    drawn = random.Random(5)
    rows = []
    for _ in range(count):
        a, b, c = drawn.gauss(0, 1), drawn.gauss(0, 1) * 1e-3, drawn.gauss(0, 1) * 1e3
        sky, hour = drawn.choice(["clear", "it's", "a\\b", "fog"]), float(drawn.randrange(4))
        value = 3 * a + 1000 * b + (sky == "fog") * 2 + hour + (c > 0)
        kind = float((value > 0) + (value > 2))
        rows.append(
            {
                **dict(zip(NUMBERS, (a, b, c), strict=True)),
                "sky": sky,
                "hour": hour,
                "value": value,
                "kind": kind,
                "half": float(value > 1),
            }
        )
    return rows


def stages() -> dict[str, list[Any]]:
    """Name -> pipeline. All assemblers let NaN pass, so that Spark has a number for every row."""
    from pyspark.ml import classification, clustering, feature, regression

    def assembled(*columns: str, out: str = "features") -> Any:
        return feature.VectorAssembler(inputCols=list(columns), outputCol=out, handleInvalid="keep")

    def scaled(scaler: Any) -> list[Any]:
        return [assembled(*NUMBERS, out="raw"), scaler.setInputCol("raw").setOutputCol("features")]

    index = feature.StringIndexer(inputCol="sky", outputCol="sky_index", handleInvalid="keep")
    bucket = feature.QuantileDiscretizer(
        inputCol="a", outputCol="a_bucket", numBuckets=4, handleInvalid="keep", relativeError=0.0
    )
    fixed = feature.Bucketizer(
        inputCol="b", outputCol="b_bucket", splits=[-math.inf, -1e-3, 0.0, 1e-3, math.inf], handleInvalid="keep"
    )
    hot = feature.OneHotEncoder(
        inputCols=["sky_index", "hour"], outputCols=["sky_hot", "hour_hot"], handleInvalid="keep"
    )
    filled = feature.Imputer(inputCols=["a", "b"], outputCols=["a_filled", "b_filled"], strategy="median")
    everything = [
        index,
        bucket,
        fixed,
        hot,
        filled,
        assembled("sky_hot", "a_bucket", "b_bucket", "hour_hot", "a_filled", "b_filled"),
    ]
    plain, standard = [assembled(*NUMBERS)], scaled(feature.StandardScaler(withMean=True))
    kind, half, value = {"labelCol": "kind"}, {"labelCol": "half"}, {"labelCol": "value"}
    return {
        "a tree of values": [index, assembled("sky_index", *NUMBERS), regression.DecisionTreeRegressor(**value)],
        "a tree of classes": [*plain, classification.DecisionTreeClassifier(**kind, maxDepth=4)],
        "a forest of classes": [*everything, classification.RandomForestClassifier(**kind, numTrees=4, seed=1)],
        "a forest of values": [*standard, regression.RandomForestRegressor(**value, numTrees=3, seed=1)],
        "boosted values": [*plain, regression.GBTRegressor(**value, maxIter=6, maxDepth=3, seed=1)],
        "boosted classes": [*plain, classification.GBTClassifier(**half, maxIter=4, maxDepth=3, seed=1)],
        "linear": [*scaled(feature.MinMaxScaler(min=-1.0, max=2.0)), regression.LinearRegression(**value)],
        "logistic of two": [*standard, classification.LogisticRegression(**half, threshold=0.4)],
        "logistic of three": [*scaled(feature.MaxAbsScaler()), classification.LogisticRegression(**kind, maxIter=20)],
        "k-means": [*scaled(feature.StandardScaler()), clustering.KMeans(k=3, seed=1)],
        "Gaussian Bayes": [*plain, classification.NaiveBayes(**kind, modelType="gaussian")],
        "multinomial Bayes": [*scaled(feature.MinMaxScaler()), classification.NaiveBayes(**kind)],
    }


TREES = ("a tree of values", "a tree of classes", "a forest of classes", "a forest of values")
BOUNDS = {
    "boosted values": 1e-15,
    "boosted classes": 1e-15,
    "linear": 0.0,
    "logistic of two": 1e-15,
    "logistic of three": 1e-15,
    "k-means": 0.0,
    "Gaussian Bayes": 1e-14,
    "multinomial Bayes": 1e-15,
}
"""How far a number may be off, relative to 1 or itself, whichever is larger. 0: the same bit for bit."""


class Saved:
    """Models of Spark, each fitted and saved once."""

    def __init__(self, rows: Any, folder: Path) -> None:
        self.rows, self.folder = rows, folder
        self.train = rows.frame(hours(), KINDS).persist()
        self.stages = stages()

    def fit(self, name: str) -> tuple[Any, Model]:
        """The fitted pipeline, and its form."""
        from pyspark.ml import Pipeline

        fitted = Pipeline(stages=self.stages[name]).fit(self.train)
        url = f"file://{self.folder}/{name.replace(' ', '_')}"
        fitted.write().overwrite().save(url)
        return fitted, read_spark(url, spark_jobs.files)


@pytest.fixture(scope="module")
def saved(spark_rows: Any, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("models")
    folder.chmod(0o777)
    return Saved(spark_rows, folder)


def transformed(fitted: Any, frame: Any, model: Model) -> list[tuple[Any, ...]]:
    """(prediction, probability of each class) of Spark's own `transform`, which is given NaN for null, as in training."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    chosen = [F.col("prediction").cast("double")]
    if hasattr(model.decision, "labels"):
        chosen.append(vector_to_array("probability"))
    found = fitted.transform(frame).orderBy("row id").select(*chosen).collect()
    return [(row[0], *(row[1] if len(row) > 1 else ())) for row in found]


def without_null(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: math.nan if value is None and KINDS[name] == "number" else value for name, value in row.items()}
        for row in rows
    ]


def hard_rows(model: Model, exactness: Any, *, trees: bool) -> list[dict[str, Any]]:
    """Rows on every threshold and beside it, and for trees odd numbers, no number and texts that training never saw."""
    rows = hours(30)
    number = 0
    for feature, value in exactness.thresholds(model) if isinstance(model.scorer, Ensemble) else ():
        name = model.inputs[0].name if len(model.inputs) == 1 else column_name(model, feature)
        if name in NUMBERS:
            for near in exactness.around([value]):
                number += 1
                rows.append({**rows[number % 30], name: near})
    if trees:
        rows += [{**rows[n], name: odd} for n, odd in enumerate([*exactness.odd, None]) for name in NUMBERS]
        rows += [{**rows[0], "sky": sky} for sky in (None, "snow", "FOG")]
        rows += [{**rows[0], "hour": hour} for hour in (4.0, 2.5, -1.0)]
        rows += [{**rows[0], "b": near} for near in exactness.around([-1e-3, 0.0, 1e-3])]
    return rows


def column_name(model: Model, feature: int) -> str:
    scalar = model.features[feature]
    while not isinstance(scalar, InputColumn):
        scalar = scalar.input
    return scalar.name


@pytest.mark.parametrize("name", TREES)
def test_trees_give_sparks_numbers_bit_for_bit(name, saved, database, exactness):
    """Also on a threshold and beside it, of NaN, null, infinity, and of texts and categories that training never saw."""
    fitted, model = saved.fit(name)
    rows = hard_rows(model, exactness, trees=True)
    expected = transformed(fitted, saved.rows.frame(without_null(rows), KINDS), model)
    scored = database.score(model, rows)
    assert scored == database.score_by_trigger(model, rows)
    assert [exactness.bits(row[2:]) for row in scored] == [
        exactness.bits(row[2:]) for row in saved.rows.score(model, rows)
    ]
    nodes = [node for tree in model.scorer.trees for node in splits(tree.root)]
    assert any(isinstance(node, CategorySplit) for node in nodes) == (
        name in ("a tree of values", "a forest of classes")
    )
    for row, wanted, (prediction, reason, *shares) in zip(rows, expected, scored, strict=True):
        if reason is None:
            assert exactness.bits([prediction, *shares]) == exactness.bits(wanted), row
        else:
            assert "beyond 1e+300" in reason, (row, reason)


@pytest.mark.parametrize("name", BOUNDS)
def test_sums_of_products_are_sparks_within_a_bound(name, saved, database, exactness):
    """A class is the same; a number is within what `exp` and, for boosted trees, another order of the sum make of it."""
    fitted, model = saved.fit(name)
    rows = hard_rows(model, exactness, trees=False)
    expected = transformed(fitted, saved.rows.frame(without_null(rows), KINDS), model)
    for score in (database.score, saved.rows.score):
        scored = score(model, rows)
        reasons = [row[1] for row in scored]
        assert set(reasons) <= {None, *(f"{column} is below 0.0" for column in NUMBERS)}
        assert reasons[0] is None
        for wanted, (prediction, reason, *shares) in zip(expected, scored, strict=True):
            if reason is None:
                exactness.close([prediction, *shares], wanted, BOUNDS[name])
                if shares:
                    assert prediction == wanted[0]


def test_every_stage_gives_sparks_number_bit_for_bit(saved, database, exactness):
    """The features themselves, each as a score, of rows for which none of them is NaN."""
    from pyspark.ml import feature, regression
    from pyspark.ml.functions import vector_to_array

    *everything, _, _ = saved.stages["a forest of classes"]
    scalers = [
        feature.StandardScaler(withMean=True, inputCol="raw", outputCol="s1"),
        feature.StandardScaler(inputCol="raw", outputCol="s2"),
        feature.MinMaxScaler(min=-1.0, max=2.0, inputCol="raw", outputCol="s3"),
        feature.MaxAbsScaler(inputCol="raw", outputCol="s4"),
    ]
    raw = feature.VectorAssembler(inputCols=list(NUMBERS), outputCol="raw", handleInvalid="keep")
    made = ["sky_hot", "hour_hot", "a_bucket", "b_bucket", "a_filled", "b_filled", "s1", "s2", "s3", "s4"]
    assembled = feature.VectorAssembler(inputCols=made, outputCol="features", handleInvalid="keep")
    linear = regression.LinearRegression(labelCol="value", maxIter=1)
    saved.stages["stages"] = [*everything, raw, *scalers, assembled, linear]
    fitted, read = saved.fit("stages")
    count = len(read.features)
    identity = tuple(tuple(float(n == m) for n in range(count)) for m in range(count))
    model = Model(
        features=read.features,
        scorer=Linear(coefficients=identity, intercepts=(0.0,) * count),
        decision=Classes(labels=tuple(map(float, range(count))), probability="scores"),
    )
    rows = hard_rows(model, exactness, trees=True)
    frame = saved.rows.frame(without_null(rows), KINDS)
    found = fitted.transform(frame).orderBy("row id").select(vector_to_array("features")).collect()
    compared, scored = 0, database.score(model, rows)
    assert scored == saved.rows.score(model, rows)
    for row, wanted, (_, reason, *scores) in zip(rows, found, scored, strict=True):
        if reason is None:
            compared += 1
            assert exactness.bits(scores) == exactness.bits(value + 0.0 for value in wanted[0]), row
        else:
            assert "beyond" in reason or "is NaN" in reason or "is null" in reason, (row, reason)
    assert compared > 60


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"sky": None}, "sky is null"),
    ({"sky": "snow"}, "sky has a value that the model never saw"),
    ({"a": 11.0}, "a is outside of -10.0 to 10.0"),
    ({"a": math.nan}, "a is NaN"),
    ({"hour": 9.0}, "hour is outside of the 4 categories"),
    ({"b": math.nan}, "b is NaN"),
    ({"b": None}, "b is null"),
]


def test_a_row_that_spark_refuses_has_a_reason(saved, database):
    from pyspark.errors import PySparkException
    from pyspark.ml import feature, regression

    saved.stages["strict"] = [
        feature.StringIndexer(inputCol="sky", outputCol="sky_index"),
        feature.Bucketizer(inputCol="a", outputCol="a_bucket", splits=[-10.0, 0.0, 10.0]),
        feature.OneHotEncoder(inputCol="hour", outputCol="hour_hot"),
        feature.VectorAssembler(inputCols=["sky_index", "a_bucket", "hour_hot", "b"], outputCol="features"),
        regression.DecisionTreeRegressor(labelCol="value", maxDepth=2),
    ]
    fitted, model = saved.fit("strict")
    rows = [{**hours(1)[0], **change} for change, _ in REFUSED]
    assert database.score(model, rows) == [(None, reason) for _, reason in REFUSED]
    assert saved.rows.score(model, rows) == [(None, reason) for _, reason in REFUSED]
    for row in rows:
        with pytest.raises(PySparkException):
            fitted.transform(saved.rows.frame([row], KINDS)).select("prediction").collect()
