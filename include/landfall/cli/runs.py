"""`landfall train`, `backfill`: runs in Airflow, waited for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from landfall.cli.airflow_api import ENDED, AirflowApi, Json
from landfall.cli.output import JsonFlag, Output, answering
from landfall.errors import RunError
from landfall.spec import Feed, Partition, Partitions, Settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(train)
    app.command()(backfill)


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


def backfill(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline, such as bike_demand.")],
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First partition.")],
    last: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="Last partition, included.")],
    json: JsonFlag = False,
) -> None:
    """Run every partition that has landed in a range again, through Airflow's own backfill, and wait."""
    from landfall.pipelines import find_pipeline
    from landfall.stack import settings

    with answering(json) as out:
        feeds = sorted(find_pipeline(pipeline).feeds, key=lambda feed: -feed.ahead)
        asked = Partitions.between(Partition.parse(first), Partition.parse(last))
        where = settings()
        api = AirflowApi(where)
        work = {feed.dag_id: _landed(where, feed, asked) for feed in feeds}
        if not any(len(days) for days in work.values()):
            raise RunError(
                f"Nothing of `{pipeline}` has landed from {first} to {last}.",
                looked=", ".join(f"{where.s3.bucket}/{feed.landing.prefix}/" for feed in feeds),
                left="nothing was started",
                next=f"landfall land {pipeline}/{feeds[0].name} FILE.csv",
            )
        runs = {dag_id: _backfill(out, api, dag_id, days) for dag_id, days in work.items() if len(days)}
        failed = [(dag_id, run) for dag_id, ended in runs.items() for run in ended if run["state"] == "failed"]
        told = {dag_id: [{"partition": run["logical_date"][:10], "state": run["state"]} for run in ended]
                for dag_id, ended in runs.items()}  # fmt: skip
        if failed:
            days = ", ".join(f"{dag_id} {run['logical_date'][:10]}" for dag_id, run in failed[:10])
            why = api.why(failed[0][0], failed[0][1]["dag_run_id"])
            raise RunError(
                f"{len(failed)} of {sum(map(len, runs.values()))} runs failed: {days}. First: {why.what}",
                looked=why.looked,
                left="the other partitions are published",
                next="mend what the message names, then the same command again",
            )
        out.answer(told, "\n".join(f"{dag_id}: {len(ended)} partitions done" for dag_id, ended in runs.items()))


def _landed(where: Settings, feed: Feed, asked: Partitions) -> Partitions:
    from landfall.landing.store import connect, landed_partitions

    found, _ = landed_partitions(connect(where.s3), where.s3.bucket, feed.landing)
    return Partitions.of(set(found) & set(asked))


def _ranges(days: Partitions) -> Iterator[Partitions]:
    """Runs of days without a gap: a backfill in Airflow is one range."""
    for text in str(days).split(","):
        yield Partitions.parse(text)


def _backfill(out: Output, api: AirflowApi, dag_id: str, days: Partitions) -> list[Json]:
    """Backfill `days` range after range (Airflow runs one backfill a DAG at a time); the runs as they ended."""
    ended: list[Json] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out.errors) as bar:
        task = bar.add_task(dag_id, total=len(days))
        for each in _ranges(days):
            first, last = each.days[0], each.days[-1]
            if first.start >= datetime.now(UTC):  # Airflow backfills no range that lies ahead as a whole
                for day in each:
                    api.wait(dag_id, api.run_partition(dag_id, day), lambda _: None)
            else:
                number = api.backfill(dag_id, first, last)
                for _ in api.until_backfilled(number):
                    done = sum(run["state"] in ENDED for run in api.runs(dag_id, first, last))
                    bar.update(task, completed=len(ended) + done)
            wanted = {str(day) for day in each}
            ended += [run for run in api.runs(dag_id, first, last) if run["logical_date"][:10] in wanted]
            bar.update(task, completed=len(ended))
    return ended
