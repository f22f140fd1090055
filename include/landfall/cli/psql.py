"""`landfall psql`: PostgreSQL's own client, in a database of the stack, without a password in its arguments."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer
from psycopg.conninfo import conninfo_to_dict

from landfall.cli.output import answering
from landfall.errors import SettingsError
from landfall.stack import environment, settings
from landfall.stack.postgres import binaries

VARIABLES = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE", "options": "PGOPTIONS",
}  # fmt: skip
"""Part of a URL -> the variable that psql reads it from. Everybody on the machine can see a process's arguments."""
PREDICTIONS = "predictions"


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(psql)


def psql(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="`predictions`, or a source database, such as flowers.")
    ] = PREDICTIONS,
) -> None:
    """Open psql in a database: the predictions as their reader, or a source database as its owner.

    What follows NAME goes to psql: landfall psql flowers -f rows.sql.
    """
    with answering(json=False):
        servers, written = settings(), {**environment(), **os.environ}
        known = {PREDICTIONS: written.get("LANDFALL_READER_URL", servers.database_url), **servers.sources}
        if name not in known:
            raise SettingsError.unknown("database", name, sorted(known), next="landfall up --with cdc")
    open_psql(known[name], context.args)


def open_psql(url: str, arguments: Sequence[str]) -> None:
    """Becomes psql in the database of `url`; does not return."""
    parts = conninfo_to_dict(url)
    given = {VARIABLES[part]: str(value) for part, value in parts.items() if part in VARIABLES}
    program = str(binaries() / "psql")
    os.execvpe(program, [program, *arguments], {**os.environ, **given})  # noqa: S606
