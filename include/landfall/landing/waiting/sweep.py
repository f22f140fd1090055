"""One sweep over a landing's prefix: it lists page by page and gathers folder by folder, and keeps only one open folder.

Keys come sorted, so the objects of a folder come in a row, and a folder is complete when the next one begins.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self, TypeVar

PAGE = 1000
"""Keys requested at once; S3 gives at most this many."""


class ListedObject(NamedTuple):
    """One object of a listing: its key, ETag and last modification (with time zone)."""

    key: str
    etag: str
    modified: datetime


class AsyncObjectStore(Protocol):
    """The part of an aiobotocore S3 client that a sweep uses."""

    async def list_objects_v2(
        self, *, Bucket: str, Prefix: str, MaxKeys: int, StartAfter: str = ..., ContinuationToken: str = ...
    ) -> Mapping[str, Any]: ...


def folder_of(key: str, prefix: str, depth: int) -> str:
    """The folder of `key` at `depth` folders below `prefix/`, ending in a slash; empty if the key is not that deep."""
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
        folders: The folders that are needed, sorted. The sweep begins at the first, skips gaps that begin at the end of a
            page, and ends after the last. It never requests more pages than everything has. Empty: everything.
        depths: How many folders below the prefix each of `folders` is.
    """
    position: dict[str, str] = {"StartAfter": folders[0]} if folders else {}
    while True:
        answer = await client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=PAGE, **position)
        entries: Sequence[Mapping[str, Any]] = answer.get("Contents", ())
        yield entries
        if not answer.get("IsTruncated"):
            return
        position = {"ContinuationToken": answer["NextContinuationToken"]}
        if folders and entries:
            last = entries[-1]["Key"]
            following = bisect_right(folders, last)
            if not any(_is_one_of(folders, folder_of(last, prefix, depth)) for depth in depths):
                if following == len(folders):
                    return
                position = {"StartAfter": folders[following]}


def _is_one_of(folders: Sequence[str], folder: str) -> bool:
    """True if the sorted `folders` contain `folder`."""
    index = bisect_right(folders, folder)
    return index > 0 and folders[index - 1] == folder


class Gathered(Protocol):
    """What is kept of one folder while a sweep passes it: a list of its objects, or a `Digest` of them."""

    def append(self, listed: ListedObject, /) -> None: ...
    def __len__(self) -> int: ...


class Digest:
    """A number of 64 bits that changes when an object comes, goes or is replaced. It is valid in this process only."""

    __slots__ = ("count", "value")

    def __init__(self) -> None:
        self.count = self.value = 0

    def __len__(self) -> int:
        return self.count

    @classmethod
    def of(cls, objects: Iterable[ListedObject]) -> Self:
        """The digest of objects in the order of a listing."""
        digest = cls()
        for listed in objects:
            digest.append(listed)
        return digest

    def append(self, listed: ListedObject, /) -> None:
        """Adds one more object to the digest."""
        self.count += 1
        self.value = hash((self.value, listed))


G = TypeVar("G", bound=Gathered)


async def by_folder(
    listing: AsyncIterator[Sequence[Mapping[str, Any]]],
    prefix: str,
    depths: Collection[int],
    gather: Callable[[str], G | None],
) -> AsyncIterator[tuple[str, G]]:
    """Yields each folder, with what was gathered in it and in folders below it, as soon as the listing has passed it.

    Keys that end in a slash are folders that a browser made, not objects. Keys that are less deep than `depths` are given
    one by one, as if they were in a folder with an empty name.

    Args:
        listing: Pages of entries, by key.
        prefix: Key prefix without a slash at its end.
        depths: How many folders below the prefix the folders are.
        gather: Folder -> an empty container for its objects; None to leave the folder out.
    """
    opened: dict[int, tuple[str, G | None]] = dict.fromkeys(depths, ("", None))
    async for entries in listing:
        for entry in entries:
            key: str = entry["Key"]
            if key.endswith("/"):
                continue
            listed = ListedObject(key, entry.get("ETag", ""), entry["LastModified"])
            for depth in depths:
                folder, gathered = opened[depth]
                if not folder or not key.startswith(folder):
                    if gathered:
                        yield folder, gathered
                    folder = folder_of(key, prefix, depth)
                    opened[depth] = folder, (gathered := gather(folder))
                if gathered is not None:
                    gathered.append(listed)
    for folder, gathered in opened.values():
        if gathered:
            yield folder, gathered
