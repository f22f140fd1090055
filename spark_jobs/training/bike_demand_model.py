"""The model of bike demand: a random forest that gives an hour's riders from its calendar and weather.

The newest days are held out first, to tell how far off the model is on days it has not seen; the model that is saved has
then learnt from all of them. The same snapshot and seed give the same model.
"""

import argparse

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import RandomForestRegressor
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec.partition import Partition
from spark_jobs.tables import TablePartitions, delta_version, read_version

FEATURES = [
    "season",
    "yr",
    "mnth",
    "hr",
    "holiday",
    "weekday",
    "workingday",
    "weathersit",
    "temp",
    "atemp",
    "hum",
    "windspeed",
    "hour_of_daytype",
]
LABEL = "cnt"
PREDICTION = "prediction"
"""The model's output column. MLflow's `pyfunc` flavor reads no other."""
MINIMUM_DAYS = 7


def arguments(parser: argparse.ArgumentParser) -> None:
    """The training snapshot, where the model goes, and how it is fitted."""
    parser.add_argument("--features", type=TablePartitions.parse, required=True)
    parser.add_argument("--model", required=True, help="folder the fitted Spark PipelineModel is written to")
    parser.add_argument("--until", type=Partition.parse, help="last day to learn from; default: the last there is")
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--holdout-days", type=int, default=14)


def ordered(rows: DataFrame) -> DataFrame:
    """The rows in an order and in Spark partitions that do not depend on how they are stored: bagging draws by both."""
    return rows.repartition(2, "dt").sortWithinPartitions("time")


def forest(trees: int, depth: int, seed: int) -> Pipeline:
    """Assembler and forest, not fitted. A split looks at 0.7 of the features, and a bin holds each of 48 daytype hours."""
    regressor = RandomForestRegressor(
        featuresCol="features",
        labelCol=LABEL,
        predictionCol=PREDICTION,
        numTrees=trees,
        maxDepth=depth,
        minInstancesPerNode=4,
        featureSubsetStrategy="0.7",
        maxBins=64,
        seed=seed,
    )
    return Pipeline(stages=[VectorAssembler(inputCols=FEATURES, outputCol="features"), regressor])


def errors(model: PipelineModel, rows: DataFrame) -> dict[str, float]:
    """RMSE, MAE (riders an hour) and R2 of `model` on `rows`."""
    off = F.col(PREDICTION) - F.col(LABEL)
    sums = (
        model.transform(rows)
        .agg(F.avg(off * off).alias("mse"), F.avg(F.abs(off)).alias("mae"), F.var_pop(LABEL).alias("variance"))
        .collect()[0]
    )
    r2 = 1 - sums.mse / sums.variance if sums.variance else 0.0
    return {"rmse": sums.mse**0.5, "mae": sums.mae, "r2": r2}


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Fit, hold out, fit again, save. Reports the snapshot, the parameters and the held-out errors."""
    version = delta_version(spark, options.lake, options.features.name)
    table = read_version(spark, options.lake, options.features, version)
    if options.until:
        table = table.where(F.col("dt") <= F.lit(options.until.day))
    days = [str(row.dt) for row in table.select("dt").distinct().orderBy("dt").collect()]
    if len(days) < MINIMUM_DAYS:
        raise ModelError(
            f"`{options.features.name}` has {len(days)} days of actuals; a model needs at least {MINIMUM_DAYS}.",
            looked=f"{options.features.name}, version {version}, {options.features.partitions or 'every day'}",
            left="no model was registered, the champion stays",
            next="land more days: `landfall land bike_demand/actuals FILE.csv`, then `landfall train bike_demand`",
        )
    held = days[-min(options.holdout_days, len(days) // 5) :]
    pipeline = forest(options.trees, options.depth, options.seed)
    rows = ordered(table).persist()
    try:
        seen = pipeline.fit(rows.where(F.col("dt") < F.lit(held[0]).cast("date")))
        metrics = errors(seen, rows.where(F.col("dt") >= F.lit(held[0]).cast("date")))
        model = pipeline.fit(rows)
        count = rows.count()
    finally:
        rows.unpersist()
    model.write().overwrite().save(options.model)
    return {
        "rows": count,
        "snapshot": {
            "table": options.features.name,
            "version": version,
            "first": days[0],
            "last": days[-1],
            "days": len(days),
        },
        "parameters": {"trees": options.trees, "depth": options.depth, "seed": options.seed, "holdout_days": len(held)},
        "metrics": {f"holdout_{name}": value for name, value in metrics.items()},
        "features": FEATURES,
        "label": LABEL,
    }
