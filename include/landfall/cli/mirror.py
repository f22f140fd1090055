"""`landfall mirror`: copies what is published to DynamoDB."""

from dataclasses import asdict
from typing import Annotated

import typer

from landfall import database
from landfall.cli.output import JsonFlag, answering
from landfall.cli.predictions import TableOf, table_of
from landfall.publishing.mirror import MirrorStore, client
from landfall.publishing.mirror import mirror as copy
from landfall.spec import Partition
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(mirror)


def mirror(
    pipeline: TableOf,
    partitions: Annotated[
        list[str] | None, typer.Argument(metavar="[PARTITION]...", help="Partitions; without any, all of the table.")
    ] = None,
    create: Annotated[bool, typer.Option("--create", help="Make the DynamoDB table first, if it is missing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Copy what is published to the DynamoDB table that its declaration names.

    Rows are written beside those that readers see, then one item switches the readers. What has not changed is left alone, so
    this may run as often as you like. Region and credentials are those of AWS's own tools.
    """
    with answering(json) as out:
        names = [str(Partition.parse(name)) for name in partitions or ()]
        store = MirrorStore(client(), table_of(pipeline))
        if create and store.make():
            out.remark(f"made `{store.where}`")
        with database.connect(settings()) as conn:
            done = list(copy(conn, store, names))
        if json:
            out.json([asdict(copied) for copied in done])
            return
        for copied in done:
            if copied.outcome != "unchanged":
                out.say(f"{copied.partition}  {copied.outcome}, {copied.rows} rows written, {copied.deleted} deleted")
        out.say(f"{len(done)} partitions, {sum(copied.outcome != 'unchanged' for copied in done)} changed")
