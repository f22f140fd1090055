"""The predictions as Feast would hold them: one feature view by city, state and time."""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, String

KEYS = [Entity(name=name, join_keys=[name], value_type=ValueType.STRING) for name in ("city", "state", "time")]
PREDICTIONS = FeatureView(
    name="bike_demand",
    entities=KEYS,
    ttl=timedelta(days=36500),
    schema=[
        *(Field(name=name, dtype=String) for name in ("city", "state", "time")),
        Field(name="predicted", dtype=Float64),
        Field(name="model_version", dtype=String),
    ],
    source=FileSource(path="rows.parquet", timestamp_field="published_at"),
)
