"""Links from a task's page in Airflow to what the task made elsewhere."""

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from landfall.orchestration.lineage.provider import TellsLineage
from landfall.orchestration.pages.explain_page import PREFIX
from landfall.spec import Settings


class ExplainLink(BaseOperatorLink):
    """A link to the page that explains the run's partition: see `landfall.orchestration.pages.explain_page`."""

    name = "Explain this partition"
    place = ""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The link, made by the task's own process when the task has ended; empty for a step without a partition."""
        from airflow.sdk.configuration import conf

        if not getattr(operator, "feed", None) or not getattr(operator, "partition", ""):
            return ""
        base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
        path = "/".join(quote(part, safe="") for part in (operator.feed.dag_id, *operator.feed.full_name.split("/")))
        return f"{base}{PREFIX}/explain/{path}/{quote(operator.partition, safe='')}{self.place}"


class PublicationLink(ExplainLink):
    """A link to the same page, at the part about the publication that readers see."""

    name = "Publication"
    place = "#published"


class ModelVersionLink(BaseOperatorLink):
    """A link to MLflow's page of the version that the step made, judged, promoted or scored with, as its lineage says.

    There is no link if nobody says where that page is (`LANDFALL_MLFLOW_URL`), or for a task that did nothing.
    """

    name = "Model version in MLflow"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The link, made by the task's own process when the task has ended; empty if there is none."""
        settings = Settings.read()
        if not settings.mlflow_url or not isinstance(operator, TellsLineage) or not isinstance(operator.reported, dict):
            return ""
        lineage = operator.lineage(settings, "", operator.reported)
        versions = [dataset for dataset in (*lineage.outputs, *lineage.inputs) if dataset.kind == "MODEL"]
        if not versions:
            return ""
        model = versions[0].name.removeprefix("models:/").rpartition("/")[0]
        return f"{settings.mlflow_url}/#/models/{quote(model, safe='')}/versions/{quote(versions[0].version, safe='')}"
