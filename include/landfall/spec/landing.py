"""A landing says where one feed's objects arrive, which partition a key belongs to, and when a partition is ready."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self

from landfall.errors import SpecError
from landfall.spec.calendar import Calendar
from landfall.spec.file_format import Csv, FileFormat, format_from_dict, format_to_dict
from landfall.spec.partition import Partition
from landfall.spec.readiness import OneObject, Readiness, rule_from_dict, rule_to_dict

_DIRECTIVES = {"%Y": r"(?P<Y>\d{4})", "%m": r"(?P<m>\d{2})", "%d": r"(?P<d>\d{2})", "%H": r"(?P<H>\d{2})"}


@dataclass(frozen=True, kw_only=True)
class Landing:
    """The objects under `prefix/FOLDER/` in the landing bucket, with one folder for each partition.

    Args:
        prefix: The key prefix without slashes at its ends, such as `bike_sharing/forecast`.
        folder_format: The folder of a partition in `strftime` directives: `%Y %m %d`, and `%H` for hourly partitions. Each
            occurs once and in this order, so that folders sort by time.
        timezone: The zone whose days (or hours) name the folders: see `Calendar`.
        format: How the objects are written.
        suffixes: The endings of the objects that count; those of the format if none are given. Other objects are unexpected.
        ready: The rule that says when a partition is complete.
        deadline: The time after the start of a partition by which it should have landed. Later it is late.
        max_object_bytes: The size of the largest object. A larger one fails its partition before Spark reads it.
        feed: `PIPELINE/NAME` of the feed that lands here. A `Feed` sets it.
    """

    prefix: str
    folder_format: str = "dt=%Y-%m-%d"
    timezone: str = "UTC"
    format: FileFormat = field(default_factory=Csv)
    suffixes: tuple[str, ...] = ()
    ready: Readiness = field(default_factory=OneObject)
    deadline: timedelta | None = None
    max_object_bytes: int = 64 * 1024**2
    feed: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", self.prefix, re.ASCII):
            raise SpecError(f"Landing.prefix `{self.prefix}` is not a key prefix.", looked="expected a/b, no leading /")
        directives = re.findall(r"%.?", self.folder_format)
        rest = re.sub(r"%.?", "", self.folder_format)
        if directives not in (["%Y", "%m", "%d"], ["%Y", "%m", "%d", "%H"]) or not re.fullmatch(r"[\w./=-]*", rest):
            raise SpecError(
                f"Landing.folder_format `{self.folder_format}` is not a partition's folder.",
                looked="expected %Y, %m, %d (and %H for hours), each once and in this order: dt=%Y-%m-%d/hr=%H",
            )
        self.calendar  # noqa: B018  (refuses a zone that does not exist)
        object.__setattr__(self, "suffixes", self.suffixes or self.format.endings)
        for suffix in self.suffixes:
            if not suffix.endswith(self.format.readable):
                raise SpecError(
                    f"Landing.suffixes has `{suffix}`, which no object of the format {self.format} ends in.",
                    looked=f"known endings: {', '.join(self.format.readable)}",
                    next="leave suffixes out: then they are those of the format",
                )

    @property
    def name(self) -> str:
        """The name for a person: that of the feed, or the prefix if no feed lands here."""
        return self.feed or self.prefix

    @property
    def a_file(self) -> str:
        """A person's file of this format in a command that is shown as a hint: `FILE.csv`."""
        return f"FILE{self.suffixes[0]}"

    def to_json(self) -> str:
        """The landing as JSON, for another process that waits for objects. `from_json` reads it.

        Raises:
            SpecError: its readiness rule is not in `landfall.spec.readiness.RULES`.
        """
        values = {attribute.name: getattr(self, attribute.name) for attribute in fields(self)}
        deadline = None if self.deadline is None else self.deadline.total_seconds()
        rules = {"ready": rule_to_dict(self.ready), "format": format_to_dict(self.format)}
        return json.dumps({**values, "deadline": deadline, **rules})

    def place_json(self) -> str:
        """What a job needs of the landing, as JSON: where and how its objects are written, not when. `from_json` reads it."""
        place = {"prefix": self.prefix, "folder_format": self.folder_format, "timezone": self.timezone}
        return json.dumps({**place, "format": format_to_dict(self.format)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The landing that `to_json` or `place_json` wrote, in this or an earlier version of Landfall.

        Unknown fields are ignored. A landing that was written without a format has CSV files.

        Raises:
            SpecError: the readiness rule or the format is unknown, or the values make no valid landing.
        """
        known = {attribute.name for attribute in fields(cls)}
        values = {name: value for name, value in json.loads(text).items() if name in known}
        if values.get("deadline") is not None:
            values["deadline"] = timedelta(seconds=values["deadline"])
        for name, read in (("suffixes", tuple), ("ready", rule_from_dict), ("format", format_from_dict)):
            if name in values:
                values[name] = read(values[name])
        return cls(**values)

    @cached_property
    def calendar(self) -> Calendar:
        """The partitions that can land."""
        return Calendar("hour" if "%H" in self.folder_format else "day", self.timezone)

    @cached_property
    def _key(self) -> re.Pattern[str]:
        folder = "".join(_DIRECTIVES.get(part) or re.escape(part) for part in re.split(r"(%.)", self.folder_format))
        return re.compile(rf"{re.escape(self.prefix)}/{folder}/(?P<name>.+)", re.ASCII | re.DOTALL)

    def folder(self, partition: Partition) -> str:
        """The key prefix of one partition, with a slash at its end."""
        moment = datetime(partition.day.year, partition.day.month, partition.day.day, partition.hour or 0)
        return f"{self.prefix}/{moment.strftime(self.folder_format)}/"

    def home_of(self, key: str) -> tuple[Partition, str] | None:
        """The partition whose folder holds `key`, and the rest of the key, whatever it is. None outside the partitions' folders.

        The folder of a day that cannot be a partition, such as `dt=9999-12-31`, is no partition's folder. Neither is that of an
        hour that the clocks of the zone leave out.
        """
        if not (match := self._key.fullmatch(key)):
            return None
        try:
            parts = {name: int(text) for name, text in match.groupdict().items() if name != "name"}
            moment = datetime(parts["Y"], parts["m"], parts["d"], parts.get("H", 0))
        except ValueError:
            return None
        partition = Partition(moment.date(), moment.hour if self.calendar.hourly else None)
        return (partition, match["name"]) if self.calendar.has(partition) else None

    def partition_of(self, key: str) -> Partition | None:
        """The partition whose data the object `key` holds; None if the key does not have the landing's form.

        An object belongs to no partition if its name begins with `_` or `.`, or if it lies in a folder below: Spark does not
        read it.
        """
        home = self.home_of(key)
        if not home or not key.endswith(self.suffixes) or home[1].startswith(("_", ".")) or "/" in home[1]:
            return None
        return None if "\n" in home[1] else home[0]

    def due(self, partition: Partition) -> datetime | None:
        """The time from which the partition is late if it has not landed; None without a deadline."""
        return None if self.deadline is None else self.calendar.window(partition)[0] + self.deadline

    def lacks(self, partition: Partition, objects: Iterable[tuple[str, datetime]], now: datetime) -> str:
        """What the partition still lacks, for a person; empty when it is ready.

        Args:
            partition: The partition.
            objects: (key, last modified) of all objects in its folder. Objects of other folders are ignored.
            now: The present time, an aware datetime.
        """
        homes = ((self.home_of(key), key, modified) for key, modified in objects)
        listed = {
            home[1]: modified
            for home, key, modified in homes
            if home and home[0] == partition and (home[1].startswith("_") or self.partition_of(key))
        }
        return self.ready.lacks(listed, now)
