"""`landfall vouch`: a person says that a model version may be loaded although Landfall did not write it."""

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
    """The registered model for the name of a pipeline, or for its own name."""
    return PIPELINES[name].trained.model if name in PIPELINES else name


def vouch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pipeline, a table model, or any registered model.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version that `landfall models` lists.")],
    json: JsonFlag = False,
) -> None:
    """Allow a version that Landfall did not make to be loaded. Loading a pickle runs the code in it: know who wrote it.

    What is noted is the version as it is now: its run, its place, and the SHA-256 of its pickle. Its place must be among this
    project's artifacts. It does not serve until it is promoted.
    """
    from landfall.deployments.vouching import vouch

    with answering(json) as out:
        servers, model = settings(), model_of(name)
        chosen = find_version(servers, model, version)
        note = vouch(servers, chosen, by_run="landfall vouch")
        noted: dict[str, object] = {
            "model": model,
            "version": note.version,
            "run_id": note.run_id,
            "source": note.source,
            "library": note.library,
            "sha256": note.sha256,
            "registered_at": plain(chosen.created_at),
        }
        kind = f"a pickle, SHA-256 {note.sha256}" if note.sha256 else "no pickle"
        out.answer(
            noted,
            f"you vouch for version {note.version} of `{model}`: {kind}, of run {note.run_id or 'none'}, at {note.source}, "
            f"registered {chosen.created_at:%Y-%m-%d %H:%M:%S} UTC",
        )
