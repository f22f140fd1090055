"""`landfall train`: a run in Airflow, waited for."""

from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, answering
from landfall.models.registry import champion_version, version
from landfall.runs import AirflowApi
from landfall.spec import Partition


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(train)


def train(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline, such as bike_demand.")],
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day to learn from; by default the last that landed.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Train a challenger on what has landed, in Airflow, and wait until it serves or is refused."""
    from landfall.pipelines import find_pipeline
    from landfall.stack import settings

    with answering(json) as out:
        training = find_pipeline(pipeline).training
        conf = {"until": str(Partition.parse(until))} if until else {}
        where = settings()
        with out.progress(f"training {training.model}") as progress:
            api = AirflowApi(where)
            run_id = api.trigger(training.dag_id, conf=conf)
            api.wait(training.dag_id, run_id, progress.step)
            trained = api.xcom(training.dag_id, run_id, "train")
        told = version(where, training.model, trained["version"])
        promoted = champion_version(where, training.model) == told.version
        why = told.tags.get("landfall.verdict", "")
        snapshot = trained["snapshot"]
        numbers = ", ".join(
            f"{name.removeprefix('holdout_')} {value:.4g}" for name, value in trained["metrics"].items()
        )
        text = (
            f"model version {trained['version']} {'serves' if promoted else 'is refused, the champion stays'}: learnt from "
            f"{snapshot['days']} days ({snapshot['first']} to {snapshot['last']}); on the newest days, held out: {numbers}"
            f"{'' if promoted else chr(10) + why}"
        )
        out.answer({"run_id": run_id, "model": training.model, "promoted": promoted, "why": why, **trained}, text)
