"""`landfall migrate`: Landfall's own tables in the predictions database, brought to this version."""

from typing import Annotated

import typer

from landfall import database
from landfall.cli.output import JsonFlag, answering
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command("migrate")(migrate)


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be run.")] = False,
    json: JsonFlag = False,
) -> None:
    """Bring Landfall's own tables in the predictions database to this version; `landfall up` does it for its own database.

    Each migration is a transaction. What was run before is not run again.
    """
    with answering(json) as out, database.connect(settings(), migrated=False) as conn:
        before = database.applied(conn)
        due = database.pending(conn) if dry_run else database.migrate(conn)
        told = {
            "database": database.place(conn),
            "applied": [line.name for line in before],
            "pending" if dry_run else "migrated": [migration.name for migration in due],
        }
        word = "would run" if dry_run else "ran"
        lines = [f"{word} {migration.name}" for migration in due] or ["nothing to do"]
        out.answer(told, "\n".join([f"{told['database']}: {len(before)} migrations before", *lines]))
