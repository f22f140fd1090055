"""`landfall check`: says whether a version of a model can be deployed, how large its SQL is, and how long it takes."""

from dataclasses import asdict
from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, answering


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(check)


def check(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A registered model, such as iris.")],
    model_version: Annotated[
        str | None,
        typer.Option("--model-version", metavar="N", help="Which version; by default the champion, or the newest."),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", metavar="ID", help="The MLflow run that made the version.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show whether a model can be deployed: what it reads and fills, the size of its SQL, and the time of a row.

    Nothing is written. Exits with 1 if a part of the model has no form in SQL, and names that part.
    """
    from landfall.database import connect
    from landfall.deployments.check import check as checked
    from landfall.deployments.check import lines
    from landfall.deployments.registered import find_registered
    from landfall.stack import settings

    with answering(json) as out:
        version = find_registered(settings(), model, model_version, run_id)
        with connect(settings()) as database:
            found = checked(database, version)
        shown = "\n".join(lines(found))
        out.answer({"deployable": True, **asdict(found)}, f"{shown}\nnext: landfall deploy {model} --table TABLE")
