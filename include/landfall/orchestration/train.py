"""Train a model: features of every landed day, a fit tracked in MLflow, promotion."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.orchestration.assets import features_asset, model_asset
from landfall.orchestration.step import SparkStep, Step
from landfall.spec import Partition, Partitions, Settings, Training

UNTIL = "{{ params.until or '' }}"


class CollectFeatures(SparkStep):
    """Make, in one job, the features of days that have landed and have none yet. Days that cannot be used are named."""

    template_fields: Sequence[str] = ("until",)

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(job=training.feed.features, partition="", outlets=[features_asset(training.feed)], **kwargs)
        self.training, self.until = training, UNTIL

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """Days landed, rows made now, days refused."""
        from landfall.landing.store import connect, landed_partitions

        feed = self.training.feed
        landed, _ = landed_partitions(connect(settings.s3), settings.s3.bucket, feed.landing)
        days = Partitions.of(day for day in landed if not self.until or day <= Partition.parse(self.until))
        if not len(days):
            raise AirflowSkipException(f"Nothing has landed under {feed.landing.prefix}/: nothing to learn from.")
        self.argv = feed.features.argv(partition=str(days))
        report = self.spark(settings, days="missing")
        for refused in report["refused"]:
            self.log.warning("Left out of training: %s", refused)
        self.note(context, features_asset(feed), {"partition": str(days), "rows": report["rows"]})
        return {
            "landed": str(days),
            "rows": report["rows"],
            "refused": [each["partition"] for each in report["refused"]],
        }


class Train(SparkStep):
    """Fit on the snapshot and register a version."""

    template_fields: Sequence[str] = ("argv", "until")

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(job=training.training, partition="", **kwargs)
        self.training, self.until = training, UNTIL

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """Version, held-out errors and snapshot."""
        from landfall.models.registry import fail, register, start_training

        run = start_training(settings, self.training.model, {"landfall.run_id": context["run_id"]})
        try:
            more = {"until": self.until} if self.until else {}
            report = self.spark(settings, model=run.model_path, **more)
            version = register(settings, run, self.training.model, report)
        except BaseException:
            fail(settings, run)
            raise
        return {
            "version": version.version,
            "rows": report["rows"],
            "metrics": report["metrics"],
            "snapshot": report["snapshot"],
        }


class Promote(Step):
    """Make the newly trained version the champion."""

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(outlets=[model_asset(training)], **kwargs)
        self.training = training

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """The version that serves from now on."""
        from landfall.models.registry import promote

        trained = context["ti"].xcom_pull(task_ids="train")
        promote(settings, self.training.model, trained["version"])
        extra = {"model_version": trained["version"], "rows": trained["rows"], **trained["metrics"]}
        self.note(context, model_asset(self.training), extra)
        return {"model_version": trained["version"]}


def collect_features(training: Training) -> CollectFeatures:
    """The step that completes the feature table."""
    return CollectFeatures(task_id="collect_features", training=training)


def train(training: Training) -> Train:
    """The fitting step."""
    return Train(task_id="train", training=training)


def promote(training: Training) -> Promote:
    """The promoting step."""
    return Promote(task_id="promote", training=training)
