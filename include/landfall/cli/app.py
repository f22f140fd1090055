"""The `landfall` program: which commands there are, and the file that holds each.

A file of commands is imported when one of its commands is typed. So `landfall --help` imports none of them, and
`landfall lookup` neither what trains nor what deploys (tests/cli/test_imports.py).
"""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

import landfall

COMMANDS = {
    "stack": {
        "up": "Start the embedded stack, or mend the parts of one that runs, and wait.",
        "down": "Stop the embedded stack; its data is kept.",
        "ps": "List the parts of the stack: state, address, process.",
        "logs": "Show the end of a part's log.",
        "doctor": "Check what this machine needs for the stack, and say how to mend what is missing.",
    },
    "init": {"init": "Make a project of your own that has Landfall as a dependency."},
    "new": {"new": "Write the first files of a pipeline, from one sample file."},
    "migrate": {"migrate": "Bring Landfall's own tables to the present version."},
    "data": {
        "sample": "Write made-up files to land.",
        "land": "Split a file by partition and put each part into its folder, in the feed's format.",
        "mend-etags": "Compute the ETags again that landed objects have lost.",
    },
    "partitions": {
        "status": "Show where the partitions stand.",
        "plan": "Show what would run, and why; nothing is started.",
    },
    "explain": {"explain": "Show all that is known of one partition, and what to type next."},
    "predictions": {
        "lookup": "Show the prediction of one key.",
        "publications": "List the publications of a prediction table, newest first.",
        "sql": "Run SQL on the predictions database, or open a prompt.",
    },
    "serve": {"serve": "Answer look-ups over HTTP."},
    "mirror": {"mirror": "Copy what is published to DynamoDB."},
    "keys": {"keys": "Make, list and revoke the keys of the lookup service."},
    "models": {
        "models": "List the versions of a model, newest first.",
        "promote": "Make a version the champion, whatever its gate said.",
        "rollback": "Go back to the model version that served before, or to earlier rows of one day.",
        "served": "Show which model version served at a time, and why.",
    },
    "vouch": {"vouch": "Say that a model version which Landfall did not make may be loaded."},
    "check": {"check": "Show whether a model can be deployed, and how large its SQL is."},
    "deploy": {
        "deploy": "Let a model score every row of a table as it is inserted.",
        "redeploy": "Replace the version of a model that scores a table.",
        "undeploy": "Take the model away from a table; its rows stay.",
        "rescore": "Score the rows that the present version has not scored.",
    },
    "deployments": {"deployments": "List the tables that models score, and the versions that scored them."},
    "report": {"report": "Show how a pipeline has been doing, as text, numbers or one page."},
    "alerts": {"alerts": "Show what is wrong and who was told, and send a test."},
    "runs": {"train": "Train a challenger in Airflow, and wait."},
    "backfill": {
        "backfill": "Run every partition of a range that has landed again, and wait.",
        "apply": "Run what `landfall plan` shows, and wait.",
    },
    "stream": {"stream": "Start, watch and feed streams: rows scored as they arrive."},
    "changes": {
        "url": "Print the URL of a source database, whose changes are captured.",
        "changes": "Start and watch models that learn from a database's changes.",
    },
    "picture": {"picture": "Show whether PNG files can be read as pictures, or why not."},
    "psql": {"psql": "Open PostgreSQL's own client in a database of the stack."},
    "demo": {"demo": "Start the stack, land, train, publish and look a prediction up."},
}
"""File of this folder -> its commands, each with its line in `landfall --help`. `landfall NAME --help` shows the docstring."""


def build(files: Iterable[str] = tuple(COMMANDS)) -> typer.Typer:
    """The program with the commands of these files, by default with all. Imports the files.

    Each has a function `register(app)`, which adds its commands.
    """
    app = _empty()
    for file in files:
        import_module(f"landfall.cli.{file}").register(app)
    return app


def listing() -> typer.Typer:
    """The program as `landfall --help` shows it: every command by name and line, none of which can be run."""
    app = _empty()
    for commands in COMMANDS.values():
        for name, line in commands.items():
            app.command(name, help=line)(lambda: None)
    return app


def main() -> None:
    """Runs the program: with the file of the command that was typed; without one, with the listing."""
    typed = sys.argv[1:2]
    files = [file for file, commands in COMMANDS.items() if commands.keys() & typed]
    completes = "_LANDFALL_COMPLETE" in os.environ  # a shell asks for names and options, of whatever is typed so far
    app = build() if completes else build(files) if files else listing()
    app()


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="landfall",
        help="Data lands, predictions follow.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        rich_markup_mode="markdown",
    )

    def show_version(asked: bool) -> None:
        if asked:
            typer.echo(f"landfall {landfall.__version__}")
            raise typer.Exit

    @app.callback()
    def options(
        version: Annotated[
            bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
        ] = False,
    ) -> None:
        pass

    return app
