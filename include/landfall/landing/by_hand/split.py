"""Lands a person's file: one object for each of its partitions, in the partition's folder and the feed's format.

The file is read once from front to back and split into a temporary folder. So a file of any size fits into memory, its rows
may come in any order, and nothing is put before the last line has been read and accepted. Landing the same file again
overwrites the same objects.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from landfall.errors import LandingError
from landfall.landing.by_hand.refusals import command, refuse
from landfall.landing.by_hand.source import Source, open_source
from landfall.landing.by_hand.writers import Writer, writer_of
from landfall.objects.client import CONNECTIONS
from landfall.objects.errors import landing_error, translated
from landfall.objects.listing import ObjectStore, endpoint_of
from landfall.pipelines import find_feed
from landfall.spec import Calendar, Partition, Partitions

ShowProgress = Callable[[str, int, int], None]
"""Called with the progress: ("reading", bytes read, bytes in all), then ("landing", objects put, objects in all)."""

_ROWS_IN_MEMORY = 100_000


@dataclass(frozen=True, kw_only=True)
class LandedFile:
    """What a file became: its objects, their rows, the first and last partition, and where they are."""

    objects: int
    rows: int
    first: Partition
    last: Partition
    prefix: str
    left_out: tuple[str, ...]
    """Columns of the file that are not in the contract and therefore did not land."""


@dataclass(frozen=True)
class Day:
    """The rows of one partition, split off into a file of their own."""

    path: Path
    rows: int


def land(
    client: ObjectStore, bucket: str, name: str, path: Path, *,
    first: Partition | None = None, last: Partition | None = None, into: Partition | None = None,
    report: ShowProgress = lambda *_: None,
) -> LandedFile:  # fmt: skip
    """Puts the rows of the file at `path` into their partitions of the feed called `name` (`pipeline/feed`).

    Objects have the feed's format and hold the contract's columns in its order. A CSV file that lands as CSV keeps its values
    exactly; otherwise they get the contract's types, and a text of another type stays a text.

    Args:
        client: The object store.
        bucket: The bucket.
        name: The feed.
        path: The file.
        first: Partitions before it are skipped. For an hourly feed it may also be a day.
        last: Partitions after it are skipped.
        into: The partition of all rows, if the contract has no `partition_by`.
        report: Called with the progress.

    Raises:
        SpecError: there is no such feed.
        LandingError: the file is unusable or the store unreachable. Nothing landed, or the message says what did.
    """
    calendar = find_feed(name).landing.calendar
    first, last = _bound(first, calendar, 0), _bound(last, calendar, 23)
    if first and last and first > last:
        refuse(f"--from {first} is after --until {last}.", looked="the options", next=command(name, path))
    into = into and calendar.checked(into)
    with open_source(name, path, into=into) as source, TemporaryDirectory(prefix="landfall-") as folder:
        prefix = source.feed.landing.prefix
        with translated(
            f"File `{path.name}` could not be landed",
            bucket=bucket,
            endpoint=endpoint_of(client),
            left="nothing landed",
        ):
            client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1)
        days = split(source, Path(folder), first=first, last=last, report=report)
        _check_sizes(source, days)
        _put_all(client, bucket, source, days, report)
    rows = sum(day.rows for day in days.values())
    return LandedFile(
        objects=len(days),
        rows=rows,
        first=min(days),
        last=max(days),
        prefix=f"s3://{bucket}/{prefix}/",
        left_out=source.left_out,
    )


def split(
    source: Source, folder: Path, *,
    first: Partition | None = None, last: Partition | None = None, report: ShowProgress = lambda *_: None,
) -> dict[Partition, Day]:  # fmt: skip
    """Writes one file per partition into `folder`; gives them in order. Holds at most 100,000 rows or one partition in memory.

    Raises:
        LandingError: a row is unusable, there is no row from `first` to `last`, or `folder` is full.
    """
    total, writer = source.path.stat().st_size, writer_of(source.feed, source.point)
    waiting: dict[Partition, list[str]] = {}
    counts: dict[Partition, int] = {}
    skipped: set[Partition] = set()
    for number, (partition, values) in enumerate(source.rows(), 1):
        if (first and partition < first) or (last and partition > last):
            skipped.add(partition)
        else:
            waiting.setdefault(partition, []).append(writer.line(values))
            counts[partition] = counts.get(partition, 0) + 1
        if number % _ROWS_IN_MEMORY == 0:
            days_so_far = {day: Day(folder / f"{day}.csv", counts[day]) for day in waiting}
            _flush(source, writer, folder, waiting)
            _check_sizes(source, days_so_far, writer.packs)  # here already: a small gzip file must not fill the disk
            report("reading", source.bytes_read, total)
    _flush(source, writer, folder, waiting)
    report("reading", total, total)
    if not counts:
        _refuse_nothing(source, skipped, first, last)
    days = {partition: Day(folder / f"{partition}.csv", counts[partition]) for partition in sorted(counts)}
    for day in days.values():
        writer.finish(day.path)
    return days


def _bound(bound: Partition | None, calendar: Calendar, hour: int) -> Partition | None:
    """One end of a range of partitions; the day's first or last hour if partitions are hours and the end is a day."""
    if bound and calendar.hourly and bound.hour is None:
        return Partition(bound.day, hour)
    return bound and calendar.checked(bound)


def _flush(source: Source, writer: Writer, folder: Path, waiting: dict[Partition, list[str]]) -> None:
    try:
        for partition, lines in waiting.items():
            path = folder / f"{partition}.csv"
            begun = path.exists()
            with path.open("a", encoding=writer.encoding, newline="") as file:
                if not begun:
                    file.write(writer.head())
                file.writelines(lines)
    except UnicodeEncodeError as error:
        refuse(
            f"File `{source.path.name}` has a character that {writer.encoding} lacks.",
            looked=f"{error.object[error.start]!r} in {error.object[:120]!r}; the feed's CSV is in {writer.encoding}",
            next=f"correct that row, then: {command(source.name, source.path)}",
        )
    except OSError as error:
        refuse(
            f"File `{source.path.name}` could not be split into days.",
            looked=f"{folder}: {error.strerror}",
            next=f"TMPDIR=FOLDER {command(source.name, source.path)}    (a folder with room for the whole file)",
        )
    waiting.clear()


def _refuse_nothing(
    source: Source, skipped: set[Partition], first: Partition | None, last: Partition | None
) -> NoReturn:
    path = source.path
    if not skipped:
        refuse(
            f"File `{path.name}` has {source.without_rows}.", looked=str(path), next=command(source.name, "FILE.csv")
        )
    options = " ".join(f"{word} {day}" for word, day in (("from", first), ("until", last)) if day)
    refuse(
        f"File `{path.name}` has no rows {options}.",
        looked=f"{path}: it has {min(skipped)} to {max(skipped)}",
        next=f"{command(source.name, path)} --from {min(skipped)} --until {max(skipped)}",
    )


def _check_sizes(source: Source, days: dict[Partition, Day], packs: int = 1) -> None:
    """Refuses a partition whose object is too large, or whose text is, of which the object may be `packs` times smaller."""
    limit = source.feed.landing.max_object_bytes * packs
    for partition, day in days.items():
        size = day.path.stat().st_size
        if size > limit:
            refuse(
                f"The rows of {partition} in file `{source.path.name}` are too many for one object.",
                looked=f"{day.rows:,} rows, {size:,} bytes; at most {limit:,} (Landing.max_object_bytes)",
                next=f"{command(source.name, source.path)} --from DAY --until DAY    (the other days)",
            )


def _put_all(
    client: ObjectStore, bucket: str, source: Source, days: dict[Partition, Day], report: ShowProgress
) -> None:
    """Puts every day's object, several at once, and stops at the first failure."""
    from botocore.exceptions import BotoCoreError, ClientError

    landing, done = source.feed.landing, 0
    kind = landing.format.content_type
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="land") as pool:
        puts = {
            pool.submit(
                _put, client, bucket, landing.folder(partition) + landing.format.object_name, day.path, kind
            ): partition
            for partition, day in days.items()
        }
        try:
            for put in as_completed(puts):
                put.result()
                done += 1
                report("landing", done, len(days))
        except (BotoCoreError, ClientError) as error:
            stopped, left = _stopped(pool, puts, source)
            raise landing_error(error, doing=stopped, bucket=bucket, endpoint=endpoint_of(client), left=left) from error
        except KeyboardInterrupt:
            stopped, left = _stopped(pool, puts, source)
            raise LandingError(f"{stopped}: interrupted.", left=left, next=command(source.name, source.path)) from None


def _put(client: ObjectStore, bucket: str, key: str, path: Path, kind: str) -> None:
    with path.open("rb") as body:
        client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)


def _stopped(pool: ThreadPoolExecutor, puts: dict[Future[None], Partition], source: Source) -> tuple[str, str]:
    """Starts no more puts, waits for those under way, and says exactly what landed."""
    pool.shutdown(wait=True, cancel_futures=True)
    landed = Partitions.of(day for put, day in puts.items() if not put.cancelled() and not put.exception())
    missing = Partitions.of(day for day in puts.values() if day not in set(landed))
    stopped = f"Landing file `{source.path.name}` stopped after {len(landed)} of {len(puts)} partitions"
    if not landed.days:
        return stopped, "nothing landed"
    return stopped, f"landed: {landed}; not landed: {missing}; landing again overwrites"
