"""Links from a task's page in Airflow to what it made elsewhere."""

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from landfall.orchestration.lineage import TellsLineage
from landfall.spec import Settings


class ModelVersionLink(BaseOperatorLink):
    """To MLflow's page of the version that the step made, judged, promoted or scored with, as its lineage tells.

    There is none where nobody says where that page is (`LANDFALL_MLFLOW_URL`), and for a task that did nothing.
    """

    name = "Model version in MLflow"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Made when the task has ended, by its own process; empty if there is none."""
        settings = Settings.read()
        if not settings.mlflow_url or not isinstance(operator, TellsLineage) or not isinstance(operator.reported, dict):
            return ""
        lineage = operator.lineage(settings, "", operator.reported)
        versions = [each for each in (*lineage.outputs, *lineage.inputs) if each.kind == "MODEL"]
        if not versions:
            return ""
        model = versions[0].name.removeprefix("models:/").rpartition("/")[0]
        return f"{settings.mlflow_url}/#/models/{quote(model, safe='')}/versions/{quote(versions[0].version, safe='')}"
