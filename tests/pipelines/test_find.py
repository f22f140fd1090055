"""Finding pipelines, feeds and trainings by their names; an unknown one is told with the nearest."""

import pytest

from landfall.errors import SpecError
from landfall.pipelines import find_feed, find_pipeline, find_training
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST


def test_each_is_found_by_its_name() -> None:
    assert find_pipeline("bike_demand") is BIKE_DEMAND
    assert find_feed("bike_demand/forecast") is FORECAST
    assert find_training("bike_training") is BIKE_DEMAND


@pytest.mark.parametrize(
    ("find", "kind", "name", "known"),
    [
        (find_pipeline, "pipeline", "bike_demands", "bike_demand"),
        (find_training, "training DAG", "bike_trainin", "bike_training"),
    ],
)
def test_an_unknown_one_is_told_with_the_nearest(find, kind, name, known) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SpecError) as refused:
        find(name)
    assert str(refused.value) == f"There is no {kind} `{name}`. Did you mean `{known}`?\n  looked: known: {known}"


def test_a_training_s_jobs_read_the_features_of_its_feed() -> None:
    training = BIKE_DEMAND.training
    for job in (training.training, training.judging, training.drifting):
        assert job.argv(partition="2012-12-25")[:3] == [job.name, "--features", "features.bike_actuals/dt=2012-12-25"]
