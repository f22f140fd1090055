"""The waits on one prefix, by folder: who waits for what, and whose partition is ready."""

import asyncio
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from landfall.errors import LandingError
from landfall.landing.waiting.sweep import ListedObject, depth_of
from landfall.spec import Landing, Partition

EARLY, LATE = timedelta(hours=1), timedelta(days=1)
"""A partition is expected from this long before it is due until this long after."""


@dataclass(slots=True, eq=False)
class Wait:
    """One wait. `news` gets None when the partition is ready, or an error that a person must mend."""

    landing: Landing
    partition: Partition
    folder: str
    """The folder where the partition lands."""
    news: asyncio.Future[LandingError | None]
    begin: float
    """When the partition starts to be expected, POSIX seconds."""
    end: float
    """When the partition stops to be expected, POSIX seconds."""
    answered: bool = False
    """True if the store has answered since the wait began."""

    @classmethod
    def of(cls, landing: Landing, partition: Partition, news: asyncio.Future[LandingError | None]) -> "Wait":
        """A wait that begins now."""
        due = landing.due(partition) or landing.calendar.window(partition)[0]
        folder = landing.folder(partition)
        return cls(landing, partition, folder, news, (due - EARLY).timestamp(), (due + LATE).timestamp())

    def tell(self, news: BaseException | None) -> None:
        """Wakes whoever waits."""
        if self.news.done():
            return
        if news is None or isinstance(news, LandingError):
            self.news.set_result(news)
        else:
            self.news.set_exception(news)


class Waits:
    """The waits on one prefix.

    Args:
        prefix: Key prefix without a slash at its end.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.folders: list[str] = []
        """Every folder that is waited for, sorted."""
        self._by_folder: dict[str, list[Wait]] = {}
        self._depths: dict[int, int] = {}

    def __contains__(self, folder: str) -> bool:
        return folder in self._by_folder

    def __iter__(self) -> Iterator[Wait]:
        return (wait for waits in self._by_folder.values() for wait in waits)

    @property
    def depths(self) -> list[int]:
        """How many folders below the prefix the folders are; each depth once."""
        return list(self._depths)

    def add(self, wait: Wait) -> None:
        """Notes a wait."""
        folder = wait.folder
        if folder not in self._by_folder:
            self._by_folder[folder] = []
            insort(self.folders, folder)
            depth = depth_of(folder, self.prefix)
            self._depths[depth] = self._depths.get(depth, 0) + 1
        self._by_folder[folder].append(wait)

    def remove(self, wait: Wait) -> None:
        """Forgets a wait."""
        folder = wait.folder
        waits = self._by_folder[folder]
        waits.remove(wait)
        if waits:
            return
        del self._by_folder[folder], self.folders[bisect_left(self.folders, folder)]
        depth = depth_of(folder, self.prefix)
        self._depths[depth] -= 1
        if not self._depths[depth]:
            del self._depths[depth]

    def judge(self, folder: str, objects: Sequence[ListedObject]) -> int:
        """Ends the waits of a folder for which `objects` (all of the folder) are enough; gives how many ended."""
        now, listed = datetime.now(UTC), [(listed_object.key, listed_object.modified) for listed_object in objects]
        ended = 0
        for wait in self._by_folder.get(folder, ()):
            try:
                lacks = wait.landing.lacks(wait.partition, listed, now)
            except Exception as error:  # a user's own rule that fails ends only its own waits
                lacks = ""
                wait.tell(error)
            if not lacks:
                wait.tell(None)
                ended += 1
        return ended

    def any_expected(self, now: float) -> bool:
        """True if one of the partitions is expected at `now`, POSIX seconds."""
        return any(wait.begin <= now <= wait.end for wait in self)
