"""The `landfall` program: one module a group of commands, each with `register(app)`."""

from typing import Annotated

import typer

import landfall
from landfall.cli import (
    backfill,
    data,
    demo,
    deploy,
    deployments,
    explain,
    migrate,
    models,
    partitions,
    predictions,
    report,
    runs,
    stack,
    vouch,
)


def build() -> typer.Typer:
    """The program with all its commands."""
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

    for module in (
        stack,
        migrate,
        data,
        partitions,
        explain,
        predictions,
        models,
        vouch,
        deploy,
        deployments,
        report,
        runs,
        backfill,
        demo,
    ):
        module.register(app)
    return app


def main() -> None:
    """Runs the program."""
    build()()
