"""Trains a challenger: makes the features of every landed day, and a fit that MLflow tracks."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.json_values import Json
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import features_collected, model_trained
from landfall.orchestration.pages.links import ModelVersionLink
from landfall.orchestration.steps.log_lines import count, outline
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.orchestration.steps.tracks_training import TracksTraining
from landfall.spec import Partition, Partitions, Settings, Training
from landfall.spec.reports import FeaturesReport
from landfall.spec.training_reports import TrainedReport

UNTIL = "{{ params.until or '' }}"


class CollectFeatures(SparkStep):
    """Makes, in one job, the features of landed days that have none yet. Days that cannot be used are named.

    A day without predictions needs no run of its own then: the training has already made its features, and notes this in the
    ledger. The step emits no asset event: it would trigger the DAG that is running.
    """

    template_fields: Sequence[str] = ("until",)

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(job=training.collecting, partition="", pipeline=training.pipeline, **kwargs)
        self.training, self.until = training, UNTIL

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """The job that makes the features of every complete day that has landed."""
        from landfall.database import connect as connect_database
        from landfall.ledger.landed import list_feed
        from landfall.objects.client import connect

        feed = self.training.feed
        until = feed.landing.calendar.last(self.until) if self.until else None
        with connect_database(settings) as database:
            landed = list_feed(database, connect(settings.s3), settings.s3.bucket, feed)
        days = Partitions.of(day for day in landed.objects if not landed.lacks[day] and (not until or day <= until))
        if not len(days):
            raise AirflowSkipException(f"Nothing has landed under {feed.landing.prefix}/: nothing to learn from.")
        self.argv = feed.features.argv(partition=str(days))
        objects = {
            str(day): {key: landed_object.etag for key, landed_object in landed.objects[day].items()} for day in days
        }
        return self.ask({"objects": objects}, days="missing")

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """Landed days, rows made now, refused days."""
        from landfall.database import connect
        from landfall.ledger.collected import note_collected

        features = FeaturesReport.of(report)
        refused = [day.partition for day in features.refused]
        for day in features.refused:
            self.log.warning("Left out of training: %s", day)
        if against := self.training.feed.held_against:
            feed, objects = self.training.feed.full_name, memo["objects"]
            with connect(settings) as database:
                read = note_collected(database, against, feed, objects, context["run_id"], features.partitions, refused)
            self.log.info(
                "%d days need no run of their own: their features are made, and nothing was predicted for them", read
            )
        days = Partitions.of(Partition.parse(day) for day in memo["objects"])
        self.log.info(
            "%s that have landed can be learnt from, %s; %s made now, %s refused",
            count(len(days), "day"),
            f"{days!s:.200}",
            count(features.rows, "row"),
            count(len(refused), "day"),
        )
        return {"landed": str(days), "rows": features.rows, "refused": refused}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Landed objects in, features out."""
        return features_collected(settings, self.training, report)


class Train(TracksTraining):
    """Fits on the snapshot and registers a version: the challenger."""

    template_fields: Sequence[str] = ("argv", "until")
    operator_extra_links = (ModelVersionLink(),)

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(job=training.training, partition="", pipeline=training.pipeline, **kwargs)
        self.training, self.until = training, UNTIL

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """A fit on the snapshot, into the folders of a new MLflow run."""
        run, memo = self.start(context, settings, self.training.model, {"landfall.reason": self._reason(context)})
        calendar = self.training.feed.landing.calendar
        options = {"until": str(calendar.last(self.until))} if self.until else {}
        return self.ask(memo, model=run.model_path, judged=run.judged_path, **options)

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """The version, its errors on held-out days, and its snapshot."""
        version, fitted = self.register(settings, TrainedReport, report, memo, self.training.learner)
        self.log.info(
            "Version %s of `%s` is the challenger: it learnt from %s; held out: %s",
            version.version,
            self.training.model,
            count(fitted.rows, "row"),
            outline(fitted.metrics),
        )
        return {
            "version": version.version,
            "rows": fitted.rows,
            "metrics": dict(fitted.metrics),
            "snapshot": dict(fitted.snapshot),
        }

    def _reason(self, context: Context) -> str:
        decided = context["ti"].xcom_pull(task_ids="decide")
        return str(decided["reason"]) if decided else "trained by hand"

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The snapshot in, a model version out."""
        return model_trained(settings, self.training, report)


def collect_features(training: Training) -> CollectFeatures:
    """The step that completes the feature table.

    If the feed's rows are compared with predictions, a day without predictions then needs no run of its own.
    """
    return CollectFeatures(task_id="collect_features", training=training)


def train(training: Training) -> Train:
    """The fitting step."""
    return Train(task_id="train", training=training)
