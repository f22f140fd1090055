"""Links from a task's page in Airflow to what it made elsewhere."""

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from landfall.orchestration.lineage.provider import TellsLineage
from landfall.orchestration.pages.explain_page import PREFIX
from landfall.spec import Settings


class ExplainLink(BaseOperatorLink):
    """To the page that explains the partition of the run: see `landfall.orchestration.pages.explain_page`."""

    name = "Explain this partition"
    place = ""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Made when the task has ended, by its own process; empty for a step that has no partition."""
        from airflow.sdk.configuration import conf

        if not getattr(operator, "feed", None) or not getattr(operator, "partition", ""):
            return ""
        base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
        where = "/".join(quote(each, safe="") for each in (operator.feed.dag_id, *operator.feed.full_name.split("/")))
        return f"{base}{PREFIX}/explain/{where}/{quote(operator.partition, safe='')}{self.place}"


class PublicationLink(ExplainLink):
    """To the same page, where it tells of the publication that readers see."""

    name = "Publication"
    place = "#published"


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
