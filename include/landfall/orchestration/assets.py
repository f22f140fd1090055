"""The assets of a pipeline: what other DAGs may wait for. Their events carry the partition, the rows and the model version."""

from airflow.sdk import Asset, AssetWatcher

from landfall.orchestration.landing_watcher import LandingWatcher
from landfall.spec import Feed, PredictionTable


def landing_asset(feed: Feed) -> Asset:
    """What lands for a feed. Its events are about objects that no run waits for, and wake the audit; they say no more.

    Whoever uses this asset uses its watcher too: Airflow removes the watchers that the last file it has read does not name.
    """
    trigger = LandingWatcher(feed.full_name, feed.landing.to_json())
    watcher = AssetWatcher(name=f"{feed.dag_id}_landings", trigger=trigger)
    return Asset(name=f"landings.{feed.dag_id}", uri=f"landfall://landings/{feed.full_name}", watchers=[watcher])


def features_asset(feed: Feed) -> Asset:
    """The feature table of a feed."""
    return Asset(name=feed.features_table, uri=f"landfall://features/{feed.dag_id}")


def model_asset(model: str) -> Asset:
    """The champion of a registered model."""
    return Asset(name=f"models.{model}", uri=f"landfall://models/{model}")


def table_asset(table: PredictionTable) -> Asset:
    """A table that the runs of a feed publish."""
    return Asset(name=table.name, uri=f"landfall://tables/{table.name}")
