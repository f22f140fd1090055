"""One sweep over a landing's prefix: listed page by page, gathered folder by folder, nothing kept but one open folder.

Keys come sorted, so a folder's objects come in a row and a folder is complete when the next one begins.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self, TypeVar

PAGE = 1000
"""Keys asked for at once, the most that S3 gives."""


class Listed(NamedTuple):
    """One object of a listing: its key, ETag and last modification (aware)."""

    key: str
    etag: str
    modified: datetime


class AsyncObjectStore(Protocol):
    """The part of an aiobotocore S3 client that a sweep uses."""

    async def list_objects_v2(
        self, *, Bucket: str, Prefix: str, MaxKeys: int, StartAfter: str = ..., ContinuationToken: str = ...
    ) -> Mapping[str, Any]: ...


def folder_of(key: str, prefix: str, depth: int) -> str:
    """The folder of `key` that is `depth` folders below `prefix/`, ending in a slash; empty if it does not lie so deep."""
    end = len(prefix)
    for _ in range(depth):
        end = key.find("/", end + 1)
        if end < 0:
            return ""
    return key[: end + 1]


def depth_of(folder: str, prefix: str) -> int:
    """How many folders below `prefix/` a folder (ending in a slash) is."""
    return folder.count("/", len(prefix) + 1)


async def pages(
    client: AsyncObjectStore,
    bucket: str,
    prefix: str,
    folders: Sequence[str] = (),
    depths: Collection[int] = (),
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Entries of ListObjectsV2 under `prefix/`, by key, a page at a time.

    Args:
        client: The store.
        bucket: The bucket.
        prefix: Key prefix without a slash at its end.
        folders: Sorted folders that are asked for: the sweep begins at the first, leaves out gaps that begin at the end
            of a page, and ends after the last. It never asks for more pages than everything has. Empty: everything.
        depths: How many folders below the prefix each of `folders` is.
    """
    where: dict[str, str] = {"StartAfter": folders[0]} if folders else {}
    while True:
        answer = await client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=PAGE, **where)
        entries: Sequence[Mapping[str, Any]] = answer.get("Contents", ())
        yield entries
        if not answer.get("IsTruncated"):
            return
        where = {"ContinuationToken": answer["NextContinuationToken"]}
        if folders and entries:
            last = entries[-1]["Key"]
            following = bisect_right(folders, last)
            if not any(_is_one_of(folders, folder_of(last, prefix, depth)) for depth in depths):
                if following == len(folders):
                    return
                where = {"StartAfter": folders[following]}


def _is_one_of(folders: Sequence[str], folder: str) -> bool:
    """Whether the sorted `folders` hold `folder`."""
    at = bisect_right(folders, folder)
    return at > 0 and folders[at - 1] == folder


class Gathered(Protocol):
    """What is kept of one folder while a sweep passes it: a list of its objects, or a `Digest` of them."""

    def append(self, listed: Listed, /) -> None: ...
    def __len__(self) -> int: ...


class Digest:
    """A number of 64 bits that is another one when an object comes, goes or is replaced. Good in this process only."""

    __slots__ = ("count", "value")

    def __init__(self) -> None:
        self.count = self.value = 0

    def __len__(self) -> int:
        return self.count

    @classmethod
    def of(cls, objects: Iterable[Listed]) -> Self:
        """The digest of objects in the order of a listing."""
        digest = cls()
        for one in objects:
            digest.append(one)
        return digest

    def append(self, listed: Listed, /) -> None:
        """Fold one more object in."""
        self.count += 1
        self.value = hash((self.value, listed))


G = TypeVar("G", bound=Gathered)


async def by_folder(
    listing: AsyncIterator[Sequence[Mapping[str, Any]]],
    prefix: str,
    depths: Collection[int],
    gather: Callable[[str], G | None],
) -> AsyncIterator[tuple[str, G]]:
    """Each folder and what was gathered of it and of folders below it, as soon as the listing has passed it.

    Keys that end in a slash are folders that a browser made, not objects. Keys that lie less deep than `depths` come one
    by one, as of the folder with the empty name.

    Args:
        listing: Pages of entries, by key.
        prefix: Key prefix without a slash at its end.
        depths: How many folders below the prefix the folders are.
        gather: Folder -> something empty to gather its objects in; None to leave the folder out.
    """
    opened: dict[int, tuple[str, G | None]] = dict.fromkeys(depths, ("", None))
    async for entries in listing:
        for entry in entries:
            key: str = entry["Key"]
            if key.endswith("/"):
                continue
            one = Listed(key, entry.get("ETag", ""), entry["LastModified"])
            for depth in depths:
                folder, gathered = opened[depth]
                if not folder or not key.startswith(folder):
                    if gathered:
                        yield folder, gathered
                    folder = folder_of(key, prefix, depth)
                    opened[depth] = folder, (gathered := gather(folder))
                if gathered is not None:
                    gathered.append(one)
    for folder, gathered in opened.values():
        if gathered:
            yield folder, gathered
