"""`landfall vouch`: a person says that a model version may be loaded though Landfall did not write it."""

from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, answering
from landfall.database.statements import plain
from landfall.models.registry import version as find_version
from landfall.pipelines import PIPELINES
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(vouch)


def model_of(name: str) -> str:
    """The registered model that a person calls by the name of its pipeline, or by its own."""
    return PIPELINES[name].training.model if name in PIPELINES else name


def vouch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pipeline, a table model, or any registered model.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version that `landfall models` lists.")],
    json: JsonFlag = False,
) -> None:
    """Say that a version which Landfall did not make may be loaded. A pickle runs what it says: know who wrote it.

    What is noted is the version as it is now: its run, its place, and the SHA-256 of its pickle. Its place must be among this
    project's artifacts. It serves no earlier than it is promoted.
    """
    from landfall.deployments.vouching import vouch

    with answering(json) as out:
        where, model = settings(), model_of(name)
        found = find_version(where, model, version)
        note = vouch(where, found, by_run="landfall vouch")
        told: dict[str, object] = {
            "model": model,
            "version": note.version,
            "run_id": note.run_id,
            "source": note.source,
            "library": note.library,
            "sha256": note.sha256,
            "registered_at": plain(found.created_at),
        }
        kind = f"a pickle, SHA-256 {note.sha256}" if note.sha256 else "no pickle"
        out.answer(
            told,
            f"you vouch for version {note.version} of `{model}`: {kind}, of run {note.run_id or 'none'}, at {note.source}, "
            f"registered {found.created_at:%Y-%m-%d %H:%M:%S} UTC",
        )
