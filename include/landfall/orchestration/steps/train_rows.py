"""Train a table model: its rows become a file in the bucket, and a fit on them is tracked in MLflow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from landfall.json_values import Json
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import rows_landed, rows_learnt
from landfall.orchestration.pages.links import ModelVersionLink
from landfall.orchestration.steps.log_lines import count, outline
from landfall.orchestration.steps.spark_step import Ask
from landfall.orchestration.steps.step import Step
from landfall.orchestration.steps.tracks_training import TracksTraining
from landfall.pipelines import find_table_model
from landfall.spec import Job, RowsFile, Settings
from landfall.spec.training_reports import RowsTrainedReport

FIT = timedelta(hours=2)
"""The longest that a fit may take."""
MODEL = "table_model(params.model)"
"""The model that the run's form names, as an expression for templates: see `table_model_dag`."""


class LandRows(Step):
    """Puts the rows of the model that the run's form names into the bucket."""

    def run(self, context: Context, settings: Settings) -> Json:
        """The model, and the file with its rows."""
        from landfall.landing.rows import land_rows
        from landfall.objects.client import connect

        model = find_table_model(context["params"]["model"])
        file = land_rows(connect(settings.s3), settings.s3.bucket, model)
        self.log.info("%d rows of `%s` are in %s", file.rows, model.name, file.key)
        return {"model": model.name, "file": asdict(file)}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Nothing in, the file out."""
        return rows_landed(settings, report)


class TrainRows(TracksTraining):
    """Fits on the landed rows and registers a version: the challenger. The champion stays."""

    template_fields: Sequence[str] = ("argv",)
    operator_extra_links = (ModelVersionLink(),)

    def __init__(self, **kwargs: Any) -> None:
        rendered = {"learner": f"{{{{ {MODEL}.learner.to_json() }}}}", "holdout": f"{{{{ {MODEL}.holdout }}}}"}
        super().__init__(job=Job(name="train_rows", arguments=rendered, limit=FIT), partition="", **kwargs)

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """A fit on the rows, into the folder of a new MLflow run."""
        landed = context["ti"].xcom_pull(task_ids="land_rows")
        file, model = RowsFile(**landed["file"]), find_table_model(landed["model"])
        tags = {"landfall.reason": "trained by hand", "landfall.rows": file.tag}
        if model.classes:
            tags["landfall.classes"] = json.dumps(model.classes)
        run, memo = self.start(context, settings, model.name, tags)
        return self.ask({**memo, "file": asdict(file)}, rows=file.key, model=run.model_path)

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """The version, its metrics on held-out rows, and the file of rows."""
        learner = find_table_model(memo["model"]).learner
        version, fitted = self.register(settings, RowsTrainedReport, report, memo, learner)
        self.log.info(
            "Version %s of `%s` is the challenger: it learnt from %s; on %s that were held out: %s",
            version.version,
            version.name,
            count(fitted.rows, "row"),
            count(fitted.held_rows, "row"),
            outline(fitted.metrics),
        )
        return {
            "model": version.name,
            "version": version.version,
            "rows": fitted.rows,
            "held_rows": fitted.held_rows,
            "metrics": dict(fitted.metrics),
            "classes": list(version.classes),
            "file": memo["file"],
        }

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The file in, a model version out."""
        return rows_learnt(settings, report)


def land_rows() -> LandRows:
    """The step that lands the rows."""
    return LandRows(task_id="land_rows")


def train_rows() -> TrainRows:
    """The fitting step."""
    return TrainRows(task_id="train_rows")
