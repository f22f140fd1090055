"""The assets of a pipeline: what other DAGs may wait for. Their events carry partition, rows and model version."""

from airflow.sdk import Asset, AssetWatcher

from landfall.orchestration.landing_watcher import LandingWatcher
from landfall.spec import Feed, Pipeline, Training


def landing_asset(pipeline: Pipeline, feed: Feed) -> Asset:
    """What lands for a feed and no run is waiting for. Its events wake the audit; they carry no truth."""
    name = f"{pipeline.name}/{feed.name}"
    watcher = AssetWatcher(name=f"{feed.dag_id}_landings", trigger=LandingWatcher(feed=name))
    return Asset(name=f"landings.{feed.dag_id}", uri=f"landfall://landings/{name}", watchers=[watcher])


def features_asset(feed: Feed) -> Asset:
    """The feature table of a feed."""
    return Asset(name=feed.features_table, uri=f"landfall://features/{feed.dag_id}")


def model_asset(training: Training) -> Asset:
    """The champion of a registered model."""
    return Asset(name=f"models.{training.model}", uri=f"landfall://models/{training.model}")


def table_asset(feed: Feed) -> Asset:
    """The table that a feed's runs publish."""
    return Asset(name=feed.table.name, uri=f"landfall://tables/{feed.table.name}")
