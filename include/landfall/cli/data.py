"""`landfall sample`, `land`, `mend-etags`: makes data to try, puts files where their runs wait for them, mends a store."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, cast

import typer

from landfall.cli.output import JsonFlag, Output, answering
from landfall.landing.by_hand.split import LandedFile, ShowProgress
from landfall.landing.by_hand.split import land as land_file
from landfall.samples import write_sample
from landfall.spec import Partition


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(sample)
    app.command()(land)
    app.command("mend-etags")(mend_etags)


def sample(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline, such as bike_demand.")],
    out_folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the files; made if it does not exist.")
    ],
    days: Annotated[int, typer.Option(metavar="N", help="How many days of actuals.")] = 365,
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day of actuals; by default yesterday (UTC).")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write made-up files to land: actuals of N days, forecasts of the same days and two more. A day always has the same rows."""
    with answering(json) as out:
        files = write_sample(pipeline, out_folder, days, Partition.parse(until).day if until else _yesterday())
        listed = [
            {
                "feed": f"{pipeline}/{f.feed}",
                "path": str(f.path),
                "rows": f.rows,
                "first": str(f.first),
                "last": str(f.last),
            }
            for f in files
        ]
        lines = [f"{f.path}  {f.rows:,} rows, {f.first} to {f.last}" for f in files]
        lines += ["next:", *(f"  landfall land {pipeline}/{f.feed} {shlex.quote(str(f.path))}" for f in files)]
        out.answer({"files": listed}, "\n".join(lines))


def land(
    feed: Annotated[str, typer.Argument(metavar="PIPELINE/FEED", help="Such as bike_demand/actuals.")],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, JSON lines (.jsonl) or Parquet (.parquet); packed by gzip: .gz."),
    ],
    first: Annotated[str | None, typer.Option("--from", metavar="PARTITION", help="First partition to land.")] = None,
    last: Annotated[
        str | None, typer.Option("--until", metavar="PARTITION", help="Last partition to land, included.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option("--partition", metavar="PARTITION", help="Where all rows go, if they do not say it themselves."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Split a file by partition and put each part into its folder, in the feed's format. Landing again overwrites.

    The values are not checked here.
    """
    from landfall.objects.client import connect
    from landfall.stack import settings

    with answering(json) as out:
        start, end, fixed = (Partition.parse(text) if text else None for text in (first, last, into))
        s3 = settings().s3
        with _bar(out, f"landing {file.name}") as show:
            landed = land_file(connect(s3), s3.bucket, feed, file, first=start, last=end, into=fixed, report=show)
        out.answer({**asdict(landed), "first": str(landed.first), "last": str(landed.last)}, _sentence(landed))


def mend_etags(
    everything: Annotated[
        bool, typer.Option("--all", help="The whole bucket (tables and models too), not only what landed.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Compute the lost ETags of landed objects again, such as after a copy of the S3 server's folder by plain tar.

    The server copies each object without an ETag onto itself. Its bytes stay, and its ETag is the old one, unless the object
    was put in parts: then its partition is run again. The command may be repeated, and may run while data lands.
    """
    from landfall.database import connect as connect_database
    from landfall.ledger.record import known_etags
    from landfall.objects.client import connect
    from landfall.objects.etags import CopyingStore
    from landfall.objects.etags import mend_etags as mend
    from landfall.pipelines import PIPELINES
    from landfall.stack import settings

    with answering(json) as out:
        servers = settings()
        feeds = [feed for pipeline in PIPELINES.values() for feed in pipeline.feeds]
        prefixes = [""] if everything else [f"{feed.landing.prefix}/" for feed in feeds]
        with out.bar("computing ETags") as bar:
            mended = mend(cast(CopyingStore, connect(servers.s3)), servers.s3.bucket, prefixes, bar)
        with connect_database(servers) as conn:
            before = known_etags(conn, servers.s3.bucket, list(mended.etags))
        changed = sorted(key for key, etag in mended.etags.items() if before.get(key, etag) != etag)
        out.answer(
            {"objects": mended.objects, "mended": len(mended.etags), "changed": changed},
            f"{len(mended.etags):,} of {mended.objects:,} objects had no ETag and have one now; {len(changed):,} have another "
            "one than before" + (", because they were put in parts: their partitions are run again" if changed else ""),
        )


def _yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)


def _sentence(landed: LandedFile) -> str:
    count = f"{landed.objects:,} object{'s' * (landed.objects != 1)}, {landed.rows:,} rows"
    left_out = f"\nleft out, not in the contract: {', '.join(landed.left_out)}" if landed.left_out else ""
    return f"landed {count}, {landed.first} to {landed.last}, under {landed.prefix}{left_out}"


@contextmanager
def _bar(out: Output, what: str) -> Iterator[ShowProgress]:
    """On a terminal a bar for reading and one for landing; elsewhere two plain lines. Always on stderr."""
    if not out.errors.is_terminal:
        with out.progress(what) as progress:
            yield lambda stage, done, total: progress.step(f"{stage}: {total:,}") if done == total else None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out.errors, transient=True) as bar:
        tasks = {stage: bar.add_task(stage, total=None) for stage in ("reading", "landing")}
        yield lambda stage, done, total: bar.update(tasks[stage], completed=done, total=total)
