"""Bike sharing by the hour: one snapshot lands for each hour, and each hour is published by itself.

Two feeds land as JSON lines, one folder for each hour. A `snapshot` has the riders of an hour and is known when the hour is
over. A `forecast` lands up to a day ahead, without riders. The rows are those of the UCI bike sharing data, as in `bike_demand`;
`landfall land bike_hourly/snapshots hour.csv` writes the hours of that file. The model is trained again after a number of rows.
"""

from dataclasses import replace
from datetime import timedelta

from landfall.pipelines import bike_demand
from landfall.pipelines.bike_demand import ACTUAL_HOURS, FEATURES, FORECAST_HOURS, FOREST
from landfall.spec import (
    Calendar,
    Feed,
    Freshness,
    Gate,
    JsonLines,
    Landing,
    Pipeline,
    Promotion,
    Retraining,
    Training,
)

MODEL = "bike_hourly"
DAY, WEEK = 24, 7 * 24
FOLDERS = "dt=%Y-%m-%d/hr=%H"
HOURS = Calendar("hour")

PREDICTIONS = replace(bike_demand.PREDICTIONS, name="predictions.bike_hourly", calendar=HOURS)
ERRORS = replace(bike_demand.ERRORS, name="predictions.bike_hourly_errors", calendar=HOURS)
FORECAST = Feed(
    pipeline="bike_hourly",
    name="forecast",
    dag_id="bike_hourly_forecast",
    ahead=DAY,
    landing=Landing(
        prefix="bike_sharing/hourly_forecast", folder_format=FOLDERS, format=JsonLines(), deadline=timedelta(0)
    ),
    contract=replace(FORECAST_HOURS, partition_hour="hr"),
    features_table="features.bike_hourly_forecast",
    quarantine_table="quarantine.bike_hourly_forecast",
    transform=FEATURES,
    table=PREDICTIONS,
    model=MODEL,
)
SNAPSHOTS = Feed(
    pipeline="bike_hourly",
    name="snapshots",
    dag_id="bike_hourly_snapshots",
    ahead=-1,
    landing=Landing(
        prefix="bike_sharing/hourly", folder_format=FOLDERS, format=JsonLines(), deadline=timedelta(hours=2)
    ),
    contract=replace(ACTUAL_HOURS, partition_hour="hr"),
    features_table="features.bike_hourly",
    quarantine_table="quarantine.bike_hourly",
    transform=FEATURES,
    table=ERRORS,
    held_against=PREDICTIONS,
    label="cnt",
)
TRAINING = Training(
    dag_id="bike_hourly_training",
    model=MODEL,
    feed=SNAPSHOTS,
    # A model learns from 28 days at least, and the newest of its partitions are held out: two weeks of hours.
    learner=replace(FOREST, holdout=2 * WEEK, minimum=4 * WEEK),
    freshness=Freshness(
        retraining=Retraining(schedule=None, new_rows=4 * WEEK, window=WEEK, patience=WEEK),
        gate=Gate(metric="rmse", margin=0.0, slices=("workingday", "weathersit"), lowest=0, highest=5000),
        promotion=Promotion(rescore=DAY),
    ),
)
BIKE_HOURLY = Pipeline(name="bike_hourly", feeds=(SNAPSHOTS, FORECAST), table=PREDICTIONS, training=TRAINING)
