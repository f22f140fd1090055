"""A transform is checked when it is declared, without importing it."""

import subprocess
import sys

import pytest

from landfall.errors import SpecError
from landfall.pipelines.bike_demand import FORECAST
from landfall.spec import Transform

BIKES = "spark_jobs.etl.bike_features:bike_features"


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (
            "bike_features",
            {},
            "Transform.function `bike_features` is not a function.\n  looked: expected module:function",
        ),
        (
            "pandas.io:read",
            {},
            "The transform `pandas.io:read` does not reach a cluster.\n"
            "  looked: jobs run with the packages spark_jobs and landfall\n"
            "  next: put it into a module such as spark_jobs.etl.io",
        ),
        (
            "spark_jobs.etl.bike_featurs:bike_features",
            {},
            "There is no module `spark_jobs.etl.bike_featurs`. Did you mean `spark_jobs.etl.bike_features`?\n"
            "  looked: known: spark_jobs.etl.bike_features, spark_jobs.etl.bike_weather, spark_jobs.etl.features, "
            "spark_jobs.etl.joined, spark_jobs.etl.joins, spark_jobs.etl.references",
        ),
        (
            "spark_jobs.etl.bike_features:bike_feature",
            {},
            "There is no function in `spark_jobs.etl.bike_features` `bike_feature`. Did you mean `bike_features`?\n"
            "  looked: known: hour_start, hour_of_daytype, bike_features",
        ),
        (
            BIKES,
            {"city": "Paris", "stat": "x"},
            f"There is no parameter of the transform `{BIKES}` `stat`. Did you mean `state`?\n  looked: known: city, state",
        ),
        (BIKES, {"city": "Paris"}, f"Transform.arguments of `{BIKES}` has no `state`.\n  looked: it takes city, state"),
    ],
)
def test_a_transform_that_does_not_exist_is_refused(function: str, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError) as refused:
        Transform(function=function, arguments=arguments)
    assert str(refused.value) == message


def test_a_feed_gives_its_transform_to_the_job() -> None:
    arguments = FORECAST.features.arguments
    assert arguments["transform"] == BIKES
    assert arguments["arguments"] == '{"city":"Washington","state":"D.C."}'


def test_a_declaration_imports_no_spark() -> None:
    program = "import sys, landfall.pipelines.bike_demand; print('pyspark' in sys.modules, 'spark_jobs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
