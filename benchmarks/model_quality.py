"""RMSE of the bike demand model on a month it has not seen, beside scikit-learn's random forest on the raw columns.

    python benchmarks/model_quality.py HOUR.csv [--train-until 2011-09-30] [--forecast-until 2011-10-31]

HOUR.csv is the published hourly file (doi:10.24432/C5W894), or its first year. Needs a running stack: the days go through
the same jobs as in production (`features`, `train_model`, `judge_models`), under table names of their own.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from report import write

from landfall.compute.local.warm import WarmSpark
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import ACTUALS, TRAINING
from landfall.spec import Partition, Partitions
from landfall.stack import environment, settings

RAW = [
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
]


def rmse(off: "pd.Series[float]") -> float:
    """Root of the mean square."""
    return float((off**2).mean() ** 0.5)


def peer(hours: pd.DataFrame, until: str, last: str) -> float:
    """The RMSE of RandomForestRegressor(100, min_samples_leaf=2, random_state=0)."""
    from sklearn.ensemble import RandomForestRegressor

    known = hours[hours.dteday <= until]
    asked = hours[(hours.dteday > until) & (hours.dteday <= last)]
    model = RandomForestRegressor(100, min_samples_leaf=2, random_state=0, n_jobs=-1).fit(known[RAW], known.cnt)
    return rmse(model.predict(asked[RAW]) - asked.cnt)


def ours(path: Path, until: str, last: str) -> float:
    """The RMSE of the pipeline's own model, by its own jobs, on hours that pass its contract."""
    from landfall.landing.by_hand.split import land

    where = settings()
    landed = land(connect(where.s3), where.s3.bucket, "bike_demand/actuals", path, last=Partition.parse(last))
    spark = WarmSpark(remote=where.spark_remote, lake=where.lake)
    days = str(Partitions.between(landed.first, landed.last))
    table = {"features": f"quality.features/dt={days}", "quarantine": f"quality.quarantine/dt={days}"}
    spark.run(ACTUALS.features.argv(partition=days, **table, days="missing"))
    folders = {"model": f"{where.lake}/quality/model", "judged": f"{where.lake}/quality/judged"}
    trained = spark.run(TRAINING.training.argv(partition="", features="quality.features/dt=", until=until, **folders))
    print({name: trained[name] for name in ("rows", "snapshot", "parameters", "metrics")})
    first = Partition.parse(until).day + pd.Timedelta(days=1)
    window = f"quality.features/dt={first}..{last}"
    report: Any = spark.run(TRAINING.judging.argv(partition="", features=window, challenger=folders["model"]))
    return float(report["challenger"]["metrics"]["rmse"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--train-until", default="2011-09-30")
    parser.add_argument("--forecast-until", default="2011-10-31")
    options = parser.parse_args()
    os.environ.update({name: value for name, value in environment().items() if name not in os.environ})
    theirs = peer(pd.read_csv(options.file), options.train_until, options.forecast_until)
    mine = ours(options.file, options.train_until, options.forecast_until)
    write(
        "model_quality",
        f"Bike demand: trained until {options.train_until}, forecast until {options.forecast_until}",
        [
            "| model | RMSE, riders an hour |",
            "|---|---|",
            f"| Landfall's `bike_demand` (Spark, 20 trees, depth 12) | {mine:.1f} |",
            f"| scikit-learn random forest, 100 trees, raw columns | {theirs:.1f} |",
            "",
            f"Ratio: {mine / theirs:.3f}. Aim: at most 1.05.",
        ],
    )


if __name__ == "__main__":
    main()
