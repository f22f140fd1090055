"""`landfall train`: starts a training in Airflow and waits for it."""

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
from landfall.spec import TableModel, Training
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(train)


def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pipeline or a table model: bike_demand, iris.")],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="PARTITION",
            help="Last day or hour to learn from; by default the last that landed. Only for a pipeline.",
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Train a challenger in Airflow, and wait.

    A pipeline's challenger learns from what has landed, and then serves or is refused. A table model's learns from its rows.
    """
    with answering(json) as out:
        model = find_trainable(name)
        if not isinstance(model, TableModel):
            training = model.trained
            if until:
                training.feed.landing.calendar.last(until)  # refuses what is no partition
            _train(out, training, until or "")
        elif until:
            raise SpecError(
                f"`{name}` learns from a table of rows: there is no last day.",
                looked=f"--until {until}",
                left="nothing was started",
                next=f"landfall train {name}",
            )
        else:
            train_table_model(out, model)


def _train(out: Output, training: Training, until: str) -> None:
    servers = settings()
    with out.progress(f"training {training.model}") as progress:
        api = AirflowApi(servers)
        run_id = api.trigger(training.dag_id, conf={"until": until} if until else {})
        api.wait(training.dag_id, run_id, progress.step)
        trained = api.xcom(training.dag_id, run_id, "train")
    trained_version = version(servers, training.model, trained["version"])
    with database.connect(servers) as conn:
        promoted = freshness.notice(servers, conn, training.model).version == trained_version.version
    why = trained_version.tags.get("landfall.verdict", "")
    kept = trained_version.tags.get(GATE) == HINDCAST
    outcome = "serves" if promoted else f"is {'kept for hindcasts' if kept else 'refused'}, the champion stays"
    snapshot, grain = trained["snapshot"], training.feed.landing.calendar.grain
    numbers = ", ".join(f"{name.removeprefix('holdout_')} {value:.4g}" for name, value in trained["metrics"].items())
    text = (
        f"model version {trained['version']} {outcome}: learnt from "
        f"{snapshot['days']} {grain}s ({snapshot['first']} to {snapshot['last']}); on the newest {grain}s, held out: {numbers}"
        f"{'' if promoted else chr(10) + why}"
    )
    out.answer(
        {"run_id": run_id, "model": training.model, "promoted": promoted, "hindcast": kept, "why": why, **trained}, text
    )
