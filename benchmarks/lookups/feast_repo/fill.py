"""Fills Feast's online store with the first hour of a day for 1,000 cities."""

from datetime import UTC, datetime

import pandas as pd
from definitions import KEYS, PREDICTIONS
from feast import FeatureStore

ROWS = pd.DataFrame(
    {
        "city": [f"City{n}" for n in range(1000)],
        "state": "D.C.",
        "time": "1356393600000",
        "predicted": [n * 0.5 for n in range(1000)],
        "model_version": "1",
        "published_at": datetime.now(UTC),
    }
)
ROWS.to_parquet("rows.parquet")
store = FeatureStore(".")
store.apply([*KEYS, PREDICTIONS])
store.write_to_online_store("bike_demand", ROWS)
