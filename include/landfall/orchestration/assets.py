"""The assets of a pipeline: what other DAGs may wait for. Their events carry partition, rows and model version."""

from airflow.sdk import Asset

from landfall.spec import Feed, Training


def features_asset(feed: Feed) -> Asset:
    """The feature table of a feed."""
    return Asset(name=feed.features.arguments["features"].partition("/")[0], uri=f"landfall://features/{feed.dag_id}")


def model_asset(training: Training) -> Asset:
    """The champion of a registered model."""
    return Asset(name=f"models.{training.model}", uri=f"landfall://models/{training.model}")


def table_asset(feed: Feed) -> Asset:
    """The table that a feed's runs publish."""
    return Asset(name=feed.table.name, uri=f"landfall://tables/{feed.table.name}")
