"""`landfall train`: a run in Airflow, waited for."""

from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, answering
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
    """Train a model on what has landed, in Airflow, and wait until it serves."""
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
        errors = trained["metrics"]
        snapshot = trained["snapshot"]
        text = (
            f"model version {trained['version']} serves: learnt from {snapshot['days']} days "
            f"({snapshot['first']} to {snapshot['last']}); on the newest days, held out: RMSE "
            f"{errors['holdout_rmse']:.1f}, MAE {errors['holdout_mae']:.1f} riders an hour, R2 {errors['holdout_r2']:.2f}"
        )
        out.answer({"run_id": run_id, "model": training.model, **trained}, text)
