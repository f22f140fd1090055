"""Where a job runs is a setting: of the job, of the pipeline, of all; and a wrong one is refused."""

import pytest

from landfall.compute.choice import target_of
from landfall.errors import SettingsError
from landfall.spec import Settings

NEEDED = {"LANDFALL_DATABASE_URL": "postgresql://x", "MLFLOW_TRACKING_URI": "postgresql://y"}


def chosen(job: str, **variables: str) -> str:
    return target_of(Settings.read({**NEEDED, **variables}), "bike_demand", job)


def test_the_nearest_setting_wins() -> None:
    assert chosen("train_model") == "local"
    assert chosen("train_model", LANDFALL_COMPUTE="cluster") == "cluster"
    assert chosen("train_model", LANDFALL_COMPUTE="") == "local"
    assert chosen("train_model", LANDFALL_COMPUTE="cluster", LANDFALL_COMPUTE_BIKE_DEMAND="local") == "local"
    by_job = {"LANDFALL_COMPUTE_BIKE_DEMAND": "local", "LANDFALL_COMPUTE_TRAIN_MODEL": "Cluster"}
    assert chosen("train_model", **by_job) == "cluster"
    assert chosen("features", **by_job) == "local"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "LANDFALL_COMPUTE",
            "clustr",
            "There is no compute target (setting `LANDFALL_COMPUTE`) `clustr`. Did you mean `cluster`?",
        ),
        (
            "LANDFALL_COMPUTE_BIKE_DEMND",
            "cluster",
            "There is no pipeline or job (setting `LANDFALL_COMPUTE_BIKE_DEMND`) `bike_demnd`. Did you mean `bike_demand`?",
        ),
    ],
)
def test_a_setting_that_means_nothing_is_refused_with_the_nearest(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        chosen("features", **{variable: value})
    assert refused.value.what == said
