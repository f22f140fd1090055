"""What a job, a feed and a pipeline refuse when they are declared."""

from dataclasses import replace

import pytest

from landfall.errors import SpecError
from landfall.pipelines.bike_demand import ACTUALS, BIKE_DEMAND, FORECAST
from landfall.spec import Job, Pipeline
from landfall.spec.jobs import JOBS

OBSERVATIONS = replace(
    FORECAST.table,
    name="predictions.observations",
    columns={
        "city": "text",
        "state": "text",
        "time": "timestamptz",
        "temp": "double precision",
        "hum": "double precision",
    },
)
"""A table with two columns outside of its key."""


def refusal(declare) -> str:
    with pytest.raises(SpecError) as refused:
        declare()
    return str(refused.value)


def test_a_job_that_does_not_exist_is_named_with_the_nearest():
    assert refusal(lambda: Job(name="featurs")) == (
        f"There is no Spark job `featurs`. Did you mean `features`?\n  looked: known: {', '.join(JOBS)}"
    )


def test_an_option_that_the_job_does_not_have_is_named_with_the_nearest():
    assert refusal(lambda: Job(name="features", arguments={"partition": "2012-12-25"})) == (
        "There is no option of the Spark job `features` `partition`. Did you mean `partitions`?\n"
        "  looked: known: landing, partitions, features, quarantine, contract, transform, arguments, tables, days"
    )


def test_what_a_feed_publishes_is_made_by_the_job_that_fits():
    assert FORECAST.staging == Job(
        name="predictions",
        arguments={
            "features": "features.bike_forecast/dt={partition}",
            "key": "city,state,time",
            "predicted": "predicted",
        },
    )
    assert ACTUALS.staging == Job(
        name="errors",
        arguments={
            "features": "features.bike_actuals/dt={partition}",
            "predictions": "predictions.bike_demand",
            "key": "city,state,time",
            "predicted": "predicted",
            "actual": "cnt",
        },
    )
    plain = replace(FORECAST, model="", table=OBSERVATIONS)
    assert plain.staging == Job(
        name="rows",
        arguments={"features": "features.bike_forecast/dt={partition}", "columns": "city,state,time,temp,hum"},
    )


def test_a_table_of_predictions_has_one_column_for_them():
    assert refusal(lambda: replace(FORECAST, table=OBSERVATIONS)) == (
        "`predictions.observations` needs exactly one column outside of its key, for the prediction.\n"
        "  looked: outside of the key (city, state, time): temp, hum"
    )


def test_a_feed_is_scored_or_held_against_predictions_but_not_both():
    assert refusal(lambda: replace(ACTUALS, model="bike_demand")) == (
        "Feed `bike_demand/actuals` has both a model and a table that it is held against."
    )
    assert refusal(lambda: replace(ACTUALS, label="")) == (
        "Feed `bike_demand/actuals` needs both held_against and label, or neither."
    )


def test_a_feed_and_the_table_that_it_publishes_have_the_same_partitions():
    hourly = replace(FORECAST.landing, folder_format="dt=%Y-%m-%d/hr=%H", timezone="America/New_York")
    by_hour = replace(FORECAST.contract, partition_hour="hr")
    assert refusal(lambda: replace(FORECAST, landing=hourly, contract=by_hour)) == (
        "Feed `bike_demand/forecast` cannot publish hours of America/New_York in `predictions.bike_demand`.\n"
        "  looked: PredictionTable.calendar is days of UTC"
    )
    table = replace(FORECAST.table, calendar=hourly.calendar)
    assert replace(FORECAST, landing=hourly, contract=by_hour, table=table).table.added["partition"] == "text"


def test_a_feed_tells_its_jobs_what_to_read_and_its_landing_whose_it_is():
    renamed = replace(FORECAST, name="outlook", features_table="features.outlook")
    assert renamed.landing.feed == "bike_demand/outlook"
    assert (
        renamed.features.arguments["features"]
        == renamed.staging.arguments["features"]
        == ("features.outlook/dt={partition}")
    )
    assert ACTUALS.staging.arguments["predictions"] == BIKE_DEMAND.table.name


def test_a_feed_of_another_pipeline_is_refused():
    stranger = replace(FORECAST, pipeline="other")
    assert refusal(lambda: replace(BIKE_DEMAND, feeds=(ACTUALS, stranger))) == (
        "Feed `other/forecast` is not one of the pipeline `bike_demand`.\n  looked: Feed.pipeline is `other`"
    )


def test_a_feed_is_scored_by_the_model_that_its_pipeline_trains():
    assert refusal(lambda: replace(BIKE_DEMAND, feeds=(ACTUALS, replace(FORECAST, model="other")))) == (
        "Feed `bike_demand/forecast` is scored by `other`, which its pipeline does not train.\n"
        "  looked: Pipeline.training: bike_demand"
    )


def test_a_pipeline_reads_a_table_that_one_of_its_feeds_publishes():
    assert refusal(lambda: replace(BIKE_DEMAND, table=OBSERVATIONS)) == (
        "No feed of `bike_demand` publishes `predictions.observations`.\n"
        "  looked: they publish predictions.bike_demand_errors, predictions.bike_demand"
    )


def test_a_pipeline_may_have_no_model():
    plain = Pipeline(name="bike_demand", feeds=(replace(FORECAST, model="", table=OBSERVATIONS),), table=OBSERVATIONS)
    assert plain.dag_ids == ("bike_forecast",)
    assert refusal(lambda: plain.trained) == (
        "The pipeline `bike_demand` has no model.\n  looked: its declaration\n  next: landfall status bike_demand"
    )
