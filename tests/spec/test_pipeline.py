"""What a job, a feed and a pipeline refuse when they are declared."""

from dataclasses import replace

import pytest

from landfall.errors import SpecError
from landfall.pipelines.bike_demand import ACTUALS, BIKE_DEMAND, FORECAST
from landfall.spec import Job
from landfall.spec.jobs import JOBS


def refusal(declare) -> str:
    with pytest.raises(SpecError) as refused:
        declare()
    return str(refused.value)


def test_a_job_that_does_not_exist_is_named_with_the_nearest():
    assert refusal(lambda: Job(name="bike_featurs")) == (
        f"There is no Spark job `bike_featurs`. Did you mean `bike_features`?\n  looked: known: {', '.join(JOBS)}"
    )


def test_an_option_that_the_job_does_not_have_is_named_with_the_nearest():
    assert refusal(lambda: Job(name="bike_features", arguments={"citty": "Paris"})) == (
        "There is no option of the Spark job `bike_features` `citty`. Did you mean `city`?\n"
        "  looked: known: landed, features, quarantine, contract, city, state, days"
    )


@pytest.mark.parametrize(
    ("job", "arguments", "says"),
    [
        ("etl", {"landed": "elsewhere/dt={partition}"}, "landed, features, quarantine, contract"),
        ("scoring", {"features": "other.table/dt={partition}"}, "features, predictions"),
    ],
)
def test_a_declaration_cannot_say_what_the_feed_says(job, arguments, says):
    declared = getattr(ACTUALS, job)
    option = next(iter(arguments))
    wrong = replace(declared, arguments={**declared.arguments, **arguments})
    assert refusal(lambda: replace(ACTUALS, **{job: wrong})) == (
        f"Job.arguments of `{declared.name}` cannot say `{option}`.\n"
        f"  looked: the feed `bike_demand/actuals` says: {says}"
    )


def test_a_job_that_cannot_be_held_against_predictions_is_refused():
    assert refusal(lambda: replace(ACTUALS, scoring=FORECAST.scoring)).startswith(
        "There is no option of the Spark job `bike_demand_predictions` `predictions`."
    )


def test_a_feed_tells_its_jobs_what_to_read_and_its_landing_whose_it_is():
    renamed = replace(FORECAST, name="outlook", features_table="features.outlook")
    assert renamed.landing.feed == "bike_demand/outlook"
    assert (
        renamed.features.arguments["features"]
        == renamed.staging.arguments["features"]
        == ("features.outlook/dt={partition}")
    )
    assert ACTUALS.staging.arguments["predictions"] == BIKE_DEMAND.predictions.name


def test_a_feed_of_another_pipeline_is_refused():
    stranger = replace(FORECAST, pipeline="other")
    assert refusal(lambda: replace(BIKE_DEMAND, feeds=(ACTUALS, stranger))) == (
        "Feed `other/forecast` is not one of the pipeline `bike_demand`.\n  looked: Feed.pipeline is `other`"
    )


def test_a_feed_that_neither_predicts_nor_is_held_against_the_predictions_is_refused():
    aimless = replace(
        ACTUALS, scoring=Job(name="bike_demand_errors", arguments={"predictions": "a.b"}), held_against=None
    )
    assert refusal(lambda: replace(BIKE_DEMAND, feeds=(aimless, FORECAST))) == (
        "Feed `bike_demand/actuals` publishes no predictions, and is held against nothing.\n"
        "  looked: expected Feed.table or Feed.held_against to be `predictions.bike_demand`"
    )
