"""What has changed under a landing's prefix since the last sweep; one number is remembered for each folder."""

import asyncio
from collections.abc import Callable

from landfall.landing.waiting.sweep import Digest
from landfall.spec import Landing

OTHERS = ""
"""Stands for all keys that are in no partition's folder."""


class Changes:
    """The digests of one landing's folders, and whether something changed that nobody waits for.

    Memory: a name and a number for every partition that has landed; one number for all keys elsewhere. A folder that changes
    while two sweeps pass it may be reported twice, but is always reported.

    Args:
        landing: The landing that is watched.
        waited: Folder -> true if somebody in this process waits for it; that wait will then do what is needed.
    """

    def __init__(self, landing: Landing, waited: Callable[[str], bool]) -> None:
        self.landing, self.waited = landing, waited
        self.depth = landing.folder_format.count("/") + 1
        self.news = asyncio.Event()
        self.swept = False
        """True once a sweep is complete. The first complete sweep says whether there is anything at all."""
        self._known: dict[str, int] = {}
        self._passed: set[str] = set()
        self._others = 0

    def saw(self, folder: str, digest: Digest) -> None:
        """Remembers what a sweep over everything gathered in a folder."""
        if self.landing.home_of(f"{folder}x") is None:
            self._others = hash((self._others, folder, digest.value))
        else:
            self._passed.add(folder)
            self._compare(folder, digest.value, quietly=self.waited(folder))

    def learned(self, folder: str, digest: Digest) -> None:
        """Remembers what was gathered in a folder that somebody waits for; this is not reported as news."""
        self._compare(folder, digest.value, quietly=True)

    def passed(self) -> None:
        """Notes that a sweep over everything is complete: a folder that it did not pass is gone."""
        for folder in self._known.keys() - self._passed - {OTHERS}:
            del self._known[folder]
            if not self.waited(folder):
                self.news.set()
        self._compare(OTHERS, self._others, quietly=False)
        self.begin()
        self.swept = True

    def begin(self) -> None:
        """Forgets an incomplete sweep."""
        self._passed.clear()
        self._others = 0

    def ended(self, polling: asyncio.Task[None]) -> None:
        """Wakes whoever watches when the sweeps have ended, with whatever error."""
        if not polling.cancelled():
            self.news.set()

    def _compare(self, folder: str, value: int, *, quietly: bool) -> None:
        if self._known.get(folder, 0) == value:
            return
        self._known[folder] = value
        if not quietly or not self.swept:
            self.news.set()
