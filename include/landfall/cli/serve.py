"""`landfall serve`: answers look-ups over HTTP, in the foreground."""

import os
from typing import Annotated

import typer

from landfall.cli.output import answering
from landfall.stack import environment


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(serve)


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on. Another than this machine's: put TLS in front.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 18080,
    public: Annotated[bool, typer.Option("--public", help="Answer those who show no key, too.")] = False,
) -> None:
    """Answer look-ups over HTTP until Ctrl-C: predictions by key, to those who show a key of `landfall keys create`.

    `landfall up` runs the same service as its part `serving`. This is for another port or address, or with --public.
    """
    from landfall.serving.server import serve as answer
    from landfall.serving.settings import ServingSettings

    with answering(False) as out:
        settings = ServingSettings.read({**environment(), **os.environ}, public=public)
        out.errors.print(f"http://{host}:{port}/docs    Ctrl-C ends it", highlight=False)
        answer(settings, host=host, port=port)
