"""Bike demand: the number of riders in each hour of a day, predicted from the day's weather forecast.

Two feeds land in S3. Both have the hourly schema of the UCI bike sharing data (doi:10.24432/C5W894). `actuals` is known when a
day is over, and has the counts of riders; it is late at noon of the next day. `forecast` lands a day ahead, without counts; it
is late when its day begins. City and state are constants of this pipeline.
"""

from datetime import timedelta

from landfall.spec import (
    Column,
    Contract,
    Drift,
    ErrorBound,
    Estimator,
    Feed,
    Freshness,
    Gate,
    Landing,
    Learner,
    Pipeline,
    PredictionTable,
    Retraining,
    Training,
    Transform,
)

CITY, STATE = "Washington", "D.C."
MODEL = "bike_demand"

FORECAST_HOURS = Contract(
    columns=(
        Column(name="instant", type="int", minimum=0),
        Column(name="dteday", type="date"),
        Column(name="season", type="int", minimum=1, maximum=4),
        Column(name="yr", type="int", minimum=0, maximum=100),
        Column(name="mnth", type="int", minimum=1, maximum=12),
        Column(name="hr", type="int", minimum=0, maximum=23),
        Column(name="holiday", type="int", minimum=0, maximum=1),
        Column(name="weekday", type="int", minimum=0, maximum=6),
        Column(name="workingday", type="int", minimum=0, maximum=1),
        Column(name="weathersit", type="int", minimum=1, maximum=4),
        Column(name="temp", type="double", minimum=0, maximum=1),
        Column(name="atemp", type="double", minimum=0, maximum=1),
        Column(name="hum", type="double", minimum=0, maximum=1),
        Column(name="windspeed", type="double", minimum=0, maximum=1),
    ),
    key=("dteday", "hr"),
    partition_by="dteday",
)
ACTUAL_HOURS = Contract(
    columns=(
        *FORECAST_HOURS.columns,
        Column(name="casual", type="int", minimum=0),
        Column(name="registered", type="int", minimum=0),
        Column(name="cnt", type="int", minimum=0),
    ),
    key=FORECAST_HOURS.key,
    partition_by=FORECAST_HOURS.partition_by,
)

PREDICTIONS = PredictionTable(
    name="predictions.bike_demand",
    columns={"city": "text", "state": "text", "time": "timestamptz", "predicted": "double precision"},
    key=("city", "state", "time"),
)
ERRORS = PredictionTable(
    name="predictions.bike_demand_errors",
    columns={
        "city": "text",
        "state": "text",
        "time": "timestamptz",
        "predicted": "double precision",
        "actual": "double precision",
        "error": "double precision",
    },
    key=("city", "state", "time"),
)

FEATURES = Transform(function="spark_jobs.etl.bike_features:bike_features", arguments={"city": CITY, "state": STATE})

FORECAST = Feed(
    pipeline="bike_demand",
    name="forecast",
    dag_id="bike_forecast",
    ahead=1,
    landing=Landing(prefix="bike_sharing/forecast", deadline=timedelta(0)),
    contract=FORECAST_HOURS,
    features_table="features.bike_forecast",
    quarantine_table="quarantine.bike_forecast",
    transform=FEATURES,
    table=PREDICTIONS,
    model=MODEL,
)
ACTUALS = Feed(
    pipeline="bike_demand",
    name="actuals",
    dag_id="bike_actuals",
    ahead=-1,
    landing=Landing(prefix="bike_sharing/actuals", deadline=timedelta(hours=36)),
    contract=ACTUAL_HOURS,
    features_table="features.bike_actuals",
    quarantine_table="quarantine.bike_actuals",
    transform=FEATURES,
    table=ERRORS,
    held_against=PREDICTIONS,
    label="cnt",
)
FOREST = Learner(
    features=(
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
    ),
    label="cnt",
    # Each split looks at 0.7 of the features. 64 bins are enough for each of the 48 daytype hours to have its own.
    estimator=Estimator(
        kind="random_forest",
        task="regression",
        parameters={
            "numTrees": 20,
            "maxDepth": 12,
            "minInstancesPerNode": 4,
            "featureSubsetStrategy": "0.7",
            "maxBins": 64,
        },
    ),
    seed=7,
)
TRAINING = Training(
    dag_id="bike_training",
    model=MODEL,
    feed=ACTUALS,
    learner=FOREST,
    freshness=Freshness(
        retraining=Retraining(
            schedule="@weekly",
            new_partitions=28,
            # In a first year the season alone moves temp by 1 to 7 and hum by up to 1.6: benchmarks/results/retraining_year.md.
            drift=(Drift(feature="temp", above=2.5), Drift(feature="hum", above=1.0)),
            error=ErrorBound(above=2.0, partitions=3),
        ),
        gate=Gate(metric="rmse", margin=0.0, slices=("workingday", "weathersit"), lowest=0, highest=5000),
    ),
)
BIKE_DEMAND = Pipeline(
    name="bike_demand",
    feeds=(ACTUALS, FORECAST),
    table=PREDICTIONS,
    training=TRAINING,
)
