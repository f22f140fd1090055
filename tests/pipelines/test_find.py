"""Finding pipelines, feeds and trainings by their names; an unknown one is told with the nearest."""

import pytest

from landfall.errors import SpecError
from landfall.pipelines import (
    PIPELINES,
    TABLE_MODELS,
    find_feed,
    find_pipeline,
    find_table_model,
    find_trainable,
)
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST
from landfall.pipelines.iris import IRIS


def test_each_is_found_by_its_name() -> None:
    assert find_pipeline("bike_demand") is BIKE_DEMAND
    assert find_feed("bike_demand/forecast") is FORECAST
    assert find_table_model("iris") is find_trainable("iris") is IRIS
    assert find_trainable("bike_demand") is BIKE_DEMAND


def test_no_two_models_have_one_name() -> None:
    names = [
        *PIPELINES,
        *(each.training.model for each in PIPELINES.values() if each.training and each.training.model != each.name),
    ]
    assert not set(names) & set(TABLE_MODELS)


@pytest.mark.parametrize(
    ("find", "kind", "name", "known"),
    [
        (find_pipeline, "pipeline", "bike_demands", "bike_demand"),
        (find_table_model, "table model", "iriss", "iris"),
        (find_trainable, "pipeline or table model", "species_prise", "species_price"),
    ],
)
def test_an_unknown_one_is_told_with_the_nearest(find, kind, name, known) -> None:
    with pytest.raises(SpecError) as refused:
        find(name)
    every = {
        "pipeline": "bike_demand, bike_hourly, bike_weather",
        "table model": "iris, species_price, libsvm",
        "pipeline or table model": "bike_demand, bike_hourly, bike_weather, iris, species_price, libsvm",
    }.get(kind, known)
    assert str(refused.value) == f"There is no {kind} `{name}`. Did you mean `{known}`?\n  looked: known: {every}"


def test_a_table_model_where_a_pipeline_is_asked_for_is_said_to_be_one() -> None:
    with pytest.raises(SpecError) as refused:
        find_pipeline("iris")
    assert str(refused.value) == (
        "`iris` is no pipeline but a table model: it has no partitions and no gate.\n"
        "  looked: pipelines: bike_demand, bike_hourly, bike_weather\n"
        "  next: landfall models iris"
    )


def test_a_training_s_jobs_read_the_features_of_its_feed() -> None:
    training = BIKE_DEMAND.trained
    for job in (training.training, training.judging, training.drifting):
        assert job.argv(partition="2012-12-25")[:3] == [job.name, "--features", "features.bike_actuals/dt=2012-12-25"]
