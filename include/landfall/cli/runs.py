"""`landfall train`: a run in Airflow, waited for."""

from typing import Annotated

import typer

from landfall import database, freshness
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.table_models import train_table_model
from landfall.errors import SpecError
from landfall.freshness.watching import GATE, HINDCAST
from landfall.models.registry import version
from landfall.pipelines import find_trainable
from landfall.runs import AirflowApi
from landfall.spec import Partition, TableModel, Training
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(train)


def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pipeline or a table model: bike_demand, iris.")],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD", help="Last day to learn from; by default the last that landed. For a pipeline only."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Train a challenger in Airflow, and wait.

    A pipeline's learns from what has landed, and serves or is refused; a table model's learns from its rows.
    """
    with answering(json) as out:
        found = find_trainable(name)
        if not isinstance(found, TableModel):
            _train(out, found.training, str(Partition.parse(until)) if until else "")
        elif until:
            raise SpecError(
                f"`{name}` learns from a table of rows: there is no last day.",
                looked=f"--until {until}",
                left="nothing was started",
                next=f"landfall train {name}",
            )
        else:
            train_table_model(out, found)


def _train(out: Output, training: Training, until: str) -> None:
    where = settings()
    with out.progress(f"training {training.model}") as progress:
        api = AirflowApi(where)
        run_id = api.trigger(training.dag_id, conf={"until": until} if until else {})
        api.wait(training.dag_id, run_id, progress.step)
        trained = api.xcom(training.dag_id, run_id, "train")
    told = version(where, training.model, trained["version"])
    with database.connect(where) as conn:
        promoted = freshness.notice(where, conn, training.model).version == told.version
    why = told.tags.get("landfall.verdict", "")
    kept = told.tags.get(GATE) == HINDCAST
    outcome = "serves" if promoted else f"is {'kept for hindcasts' if kept else 'refused'}, the champion stays"
    snapshot = trained["snapshot"]
    numbers = ", ".join(f"{name.removeprefix('holdout_')} {value:.4g}" for name, value in trained["metrics"].items())
    text = (
        f"model version {trained['version']} {outcome}: learnt from "
        f"{snapshot['days']} days ({snapshot['first']} to {snapshot['last']}); on the newest days, held out: {numbers}"
        f"{'' if promoted else chr(10) + why}"
    )
    out.answer(
        {"run_id": run_id, "model": training.model, "promoted": promoted, "hindcast": kept, "why": why, **trained}, text
    )
