"""Lands a CSV file: one object for each of its days, in the folder of the day's partition.

The file is read once from front to back and split into a temporary folder. So a file of any size fits into memory, its days
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
from landfall.landing.by_hand.source import CsvSource, command, open_source, refuse
from landfall.objects.client import CONNECTIONS
from landfall.objects.errors import landing_error, translated
from landfall.objects.listing import ObjectStore, endpoint_of
from landfall.spec import Partition, Partitions

OBJECT_NAME = "hours.csv"
"""The name of a partition's one object; it is always the same, so that landing again overwrites it."""

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
    """The rows of one day, split off into a file of their own (with header)."""

    path: Path
    rows: int


def land(
    client: ObjectStore, bucket: str, name: str, path: Path, *,
    first: Partition | None = None, last: Partition | None = None, report: ShowProgress = lambda *_: None,
) -> LandedFile:  # fmt: skip
    """Puts each day of the CSV file at `path` into its partition of the feed called `name` (`pipeline/feed`).

    Days before `first` or after `last` are skipped. Objects hold the contract's columns in its order, with the values
    exactly as in the file.

    Raises:
        SpecError: there is no such feed.
        LandingError: the file is unusable or the store unreachable. Nothing landed, or the message says what did.
    """
    if first and last and first > last:
        refuse(f"--from {first} is after --until {last}.", looked="the options", next=command(name, path))
    with open_source(name, path) as source, TemporaryDirectory(prefix="landfall-") as folder:
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
    source: CsvSource, folder: Path, *,
    first: Partition | None = None, last: Partition | None = None, report: ShowProgress = lambda *_: None,
) -> dict[Partition, Day]:  # fmt: skip
    """Writes one file per day into `folder`; gives them in day order. Holds at most 100,000 rows in memory.

    Raises:
        LandingError: a row is unusable, there is no row from `first` to `last`, or `folder` is full.
    """
    total = source.path.stat().st_size
    waiting: dict[Partition, list[str]] = {}
    counts: dict[Partition, int] = {}
    skipped: set[Partition] = set()
    for number, (partition, values) in enumerate(source.rows(), 1):
        if (first and partition < first) or (last and partition > last):
            skipped.add(partition)
        else:
            waiting.setdefault(partition, []).append(csv_line(values))
            counts[partition] = counts.get(partition, 0) + 1
        if number % _ROWS_IN_MEMORY == 0:
            days_so_far = {day: Day(folder / f"{day}.csv", counts[day]) for day in waiting}
            _flush(source, folder, waiting)
            _check_sizes(source, days_so_far)  # here already: a small gzip file must not fill the disk
            report("reading", source.bytes_read, total)
    _flush(source, folder, waiting)
    report("reading", total, total)
    if not counts:
        _refuse_nothing(source, skipped, first, last)
    return {partition: Day(folder / f"{partition}.csv", counts[partition]) for partition in sorted(counts)}


def csv_line(values: list[str]) -> str:
    """The values as one line of CSV; a value is quoted only if it could not be read back otherwise."""
    line = ",".join(values)
    if line.count(",") == len(values) - 1 and '"' not in line and "\r" not in line and "\n" not in line:
        return line + "\n"
    return (
        ",".join(f'"{v.replace(chr(34), chr(34) * 2)}"' if any(m in v for m in ',"\r\n') else v for v in values) + "\n"
    )


def _flush(source: CsvSource, folder: Path, waiting: dict[Partition, list[str]]) -> None:
    try:
        for partition, lines in waiting.items():
            path = folder / f"{partition}.csv"
            begun = path.exists()
            with path.open("a", encoding="utf-8", newline="") as file:
                if not begun:
                    file.write(csv_line(list(source.feed.contract.names)))
                file.writelines(lines)
    except OSError as error:
        refuse(
            f"File `{source.path.name}` could not be split into days.",
            looked=f"{folder}: {error.strerror}",
            next=f"TMPDIR=FOLDER {command(source.name, source.path)}    (a folder with room for the whole file)",
        )
    waiting.clear()


def _refuse_nothing(
    source: CsvSource, skipped: set[Partition], first: Partition | None, last: Partition | None
) -> NoReturn:
    path = source.path
    if not skipped:
        refuse(f"File `{path.name}` has a header and no rows.", looked=str(path), next=command(source.name, "FILE.csv"))
    options = " ".join(f"{word} {day}" for word, day in (("from", first), ("until", last)) if day)
    refuse(
        f"File `{path.name}` has no rows {options}.",
        looked=f"{path}: it has {min(skipped)} to {max(skipped)}",
        next=f"{command(source.name, path)} --from {min(skipped)} --until {max(skipped)}",
    )


def _check_sizes(source: CsvSource, days: dict[Partition, Day]) -> None:
    limit = source.feed.landing.max_object_bytes
    for partition, day in days.items():
        size = day.path.stat().st_size
        if size > limit:
            refuse(
                f"The rows of {partition} in file `{source.path.name}` are too many for one object.",
                looked=f"{day.rows:,} rows, {size:,} bytes; at most {limit:,} (Landing.max_object_bytes)",
                next=f"{command(source.name, source.path)} --from DAY --until DAY    (the other days)",
            )


def _put_all(
    client: ObjectStore, bucket: str, source: CsvSource, days: dict[Partition, Day], report: ShowProgress
) -> None:
    """Puts every day's object, several at once, and stops at the first failure."""
    from botocore.exceptions import BotoCoreError, ClientError

    landing, done = source.feed.landing, 0
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="land") as pool:
        puts = {
            pool.submit(_put, client, bucket, landing.folder(partition) + OBJECT_NAME, day.path): partition
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


def _put(client: ObjectStore, bucket: str, key: str, path: Path) -> None:
    with path.open("rb") as body:
        client.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/csv")


def _stopped(pool: ThreadPoolExecutor, puts: dict[Future[None], Partition], source: CsvSource) -> tuple[str, str]:
    """Starts no more puts, waits for those under way, and says exactly what landed."""
    pool.shutdown(wait=True, cancel_futures=True)
    landed = Partitions.of(day for put, day in puts.items() if not put.cancelled() and not put.exception())
    missing = Partitions.of(day for day in puts.values() if day not in set(landed))
    stopped = f"Landing file `{source.path.name}` stopped after {len(landed)} of {len(puts)} partitions"
    if not landed.days:
        return stopped, "nothing landed"
    return stopped, f"landed: {landed}; not landed: {missing}; landing again overwrites"
