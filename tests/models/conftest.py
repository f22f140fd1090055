"""What the tests of the registry share: MLflow on a real PostgreSQL with artifacts in a folder, and a training's report."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from landfall.spec import Settings

Report = dict[str, Any]


@pytest.fixture
def plain_mlflow(local_settings: Settings) -> Iterator[None]:
    """The environment of somebody who has MLflow and no Landfall."""
    import mlflow

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", local_settings.mlflow_tracking_uri)
        mlflow.set_tracking_uri(local_settings.mlflow_tracking_uri)
        yield
        mlflow.set_tracking_uri(None)


@pytest.fixture
def name() -> str:
    """A model that no other test has."""
    return f"test_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def report() -> Report:
    """What a training job reports."""
    return {
        "rows": 720,
        "snapshot": {
            "table": "features.test",
            "version": 4,
            "first": "2012-06-01",
            "last": "2012-07-02",
            "days": 31,
            "partitions": "2012-06-01..2012-06-29,2012-07-01..2012-07-02",
            "judged_until": "2012-06-25",
        },
        "parameters": {"numTrees": 3, "seed": 7},
        "metrics": {"holdout_rmse": 1.5, "holdout_r2": None},
        "features": ["temp", "weather"],
        "types": {"temp": "double", "weather": "string"},
        "label": "cnt",
        "prediction": "prediction",
        "importances": {"temp": 0.75, "weather": 0.25},
        "sample": [[1.0, 1.5], [2.0, 2.5], [2.0, 2.5]],
        "example": {"temp": 0.5, "weather": "clear"},
        "tried": [{"parameters": {"numTrees": 3}, "metric": 1.5}],
        "library": "spark",
        "reference": {"temp": {"edges": [0.1, 0.2], "counts": [1, 2, 3], "rows": 6}},
    }
