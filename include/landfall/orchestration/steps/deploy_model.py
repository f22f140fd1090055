"""Deploys a registered model to a table, as the form of a run says."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Context, Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from landfall.errors import ModelError
from landfall.json_values import Json
from landfall.orchestration.frames import on_demand_dag
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import model_deployed, table_rescored
from landfall.orchestration.steps.step import Step
from landfall.spec import Settings


def deployment_dag(dag_id: str, *, doc_md: str) -> DAG:
    """A DAG that deploys on demand; the form of a run says which model, to which table, and how."""
    return on_demand_dag(
        dag_id,
        params={
            "model": Param(type="string", minLength=1, title="Model", description="A registered model, such as iris."),
            "table": Param(
                type="string", minLength=1, title="Table", description="The table whose rows the model will score."
            ),
            "schema": Param(
                "public", type="string", minLength=1, title="Schema", description="The schema that the table is in."
            ),
            "model_version": _text("Version", "Empty: the champion, or the newest version if none was promoted."),
            "create_table": _flag(
                "Make the table", "Off: the table exists, with a column for each of the model's inputs."
            ),
            "primary_key": _text(
                "Primary key", "For a new table: columns, separated by commas, as in id:bigint, day:date."
            ),
            "classes": _text(
                "Classes",
                "Their names, separated by commas, in the order of the labels. Empty: the names from the training.",
            ),
            "after": _text("Fed by", "A table with a deployment, whose predictions feed this one. Empty: none."),
            "feed": _text(
                "Which column feeds what",
                "Only for an input whose name differs from that of the column that feeds it, as in species=prediction.",
            ),
            "unscorable": Param(
                "null",
                enum=["null", "error"],
                title="A row that cannot be scored",
                values_display={"null": "is kept, with a reason and no prediction", "error": "is refused, by an error"},
            ),
            "rescore": _flag("Score the rows that are there too", "Off: they stay as they are."),
        },
        tags=["table models", "deployment"],
        doc_md=doc_md,
    )


def _text(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], title=title, description=description)


def _flag(title: str, description: str) -> Param:
    return Param(False, type="boolean", title=title, description=description)


class DeployModel(Step):
    """Deploys the version; the log has every statement that was run."""

    limit = timedelta(minutes=30)  # compiling a large forest takes minutes, its statements a second each

    def run(self, context: Context, settings: Settings) -> Json:
        """What was deployed, and where."""
        from landfall.deployments import Create, Request, TableName
        from landfall.deployments.deploy import carry_out
        from landfall.deployments.request import after_of, key_of
        from landfall.deployments.rescore import IN_BULK

        form = context["params"]
        request = Request(
            table=TableName(form["schema"], form["table"]),
            model=form["model"],
            version=form["model_version"] or None,
            create=Create(primary_key=key_of(_words(form["primary_key"]))) if form["create_table"] else None,
            classes=tuple(_words(form["classes"])),
            unscorable=form["unscorable"],
            after=after_of(form["after"], _words(form["feed"])),
        )
        try:
            deployed = carry_out(settings, request, say=self.log.info)
        except ModelError as error:
            if error.__cause__:  # a server has failed, and may answer the next time
                raise
            raise AirflowFailException(str(error)) from error
        return {
            "table": str(deployed.table),
            "model": deployed.model,
            "model_version": deployed.version,
            "run_id": deployed.run_id,
            "for_a_row": deployed.for_a_row,
            "in_bulk": IN_BULK,
        }

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """A model version in, the table out."""
        return model_deployed(settings, report)


class RescoreTable(Step):
    """Scores the rows that were there before, batch by batch, if the form says so. A new try goes on where the last one ended."""

    limit = timedelta(hours=2)  # ten million rows take a minute or so: benchmarks/results/in_database_rescore.md

    def run(self, context: Context, settings: Settings) -> Json:
        """How many rows were scored, and how long it took."""
        from landfall.database import connect
        from landfall.deployments import TableName, rescore

        form = context["params"]
        if not form["rescore"]:
            raise AirflowSkipException("The form does not demand it: existing rows stay as they are.")
        tenths = {-1}

        def tell(blocks: int, of: int, rows: int) -> None:
            if (tenth := 10 * blocks // max(of, 1)) not in tenths:
                tenths.add(tenth)
                self.log.info("%d %%, %s rows", 10 * tenth, f"{rows:,}")

        with connect(settings) as conn:
            return asdict(rescore(conn, TableName(form["schema"], form["table"]), progress=tell))

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The table, in and out."""
        return table_rescored(settings, report)


def _words(text: str | None) -> list[str]:
    """The parts between commas; a comma in brackets, as in `id:numeric(7,2)`, does not separate."""
    return [word.strip() for word in re.split(r",(?![^()]*\))", text or "") if word.strip()]


def deploy() -> DeployModel:
    """The deploying step."""
    return DeployModel(task_id="deploy")


def rescore() -> RescoreTable:
    """The step that scores the rows that were there before."""
    return RescoreTable(task_id="rescore")
