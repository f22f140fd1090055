"""Listings of the object store, page after page, in the order of keys.

Amazon's store gives a page of a thousand keys in the same time wherever it begins. Others may walk everything under the
prefix for every page (S3Proxy on files: 0.03 ms an object, so 5 minutes for 100,000): a long listing there is cut into the
months that its folders are named by, each of which costs what it holds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any, Protocol, Self

from landfall.errors import LandingError
from landfall.objects.errors import translated
from landfall.spec import Landing

PAGE = 1000
"""Keys in a page, the most that S3 gives."""


class ObjectStore(Protocol):
    """The part of a boto3 S3 client that landings use."""

    @property
    def meta(self) -> Any: ...
    def list_objects_v2(
        self,
        *,
        Bucket: str,
        Prefix: str,
        ContinuationToken: str = ...,
        MaxKeys: int = ...,
        Delimiter: str = ...,
    ) -> Mapping[str, Any]: ...
    def put_object(self, *, Bucket: str, Key: str, Body: IO[bytes], ContentType: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class LandedObject:
    """One object as a listing gives it. `etag` is without quotes, `size` in bytes, `last_modified` in UTC."""

    key: str
    etag: str
    size: int
    last_modified: datetime

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """The object in one entry of a ListObjectsV2 answer's `Contents`.

        Raises:
            LandingError: it has no ETag.
        """
        if not entry.get("ETag"):
            raise LandingError(
                f"The object `{entry['Key']}` has no ETag: nobody could tell when it is replaced.",
                looked="the store's listing; S3Proxy keeps ETags in extended attributes of its files, which a copy of its "
                "folder by plain tar loses (tar --xattrs keeps them)",
                left="nothing was read; the objects are whole",
                next="landfall mend-etags",
                fault="request",
            )
        return cls(entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"].astimezone(UTC))


def endpoint_of(client: ObjectStore) -> str:
    """The address the client talks to."""
    return str(client.meta.endpoint_url)


def under(client: ObjectStore, bucket: str, prefix: str) -> Iterator[LandedObject]:
    """Every object whose key begins with `prefix`. Keys ending in a slash are folders that a browser made, not objects.

    Raises:
        LandingError: the store cannot be asked.
    """
    for page in list_pages(client, bucket, prefix):
        yield from _objects(page)


def of_landing(client: ObjectStore, bucket: str, landing: Landing) -> Iterator[LandedObject]:
    """Every object under the landing's prefix.

    Raises:
        LandingError: the store cannot be asked.
    """
    prefix = f"{landing.prefix}/"
    pages = list_pages(client, bucket, prefix)
    first = next(pages)
    if first.get("IsTruncated") and ".amazonaws.com" not in endpoint_of(client):
        last = ""
        for part in _parts(client, bucket, prefix, _month(landing)):
            for landed in under(client, bucket, part) if isinstance(part, str) else (part,):
                if landed.key > last:  # an object may be named as the months after it begin
                    yield landed
                    last = landed.key
        return
    yield from _objects(first)
    for page in pages:
        yield from _objects(page)


def _parts(client: ObjectStore, bucket: str, prefix: str, length: int) -> Iterator[str | LandedObject]:
    """What lies directly under `prefix`: its objects, and prefixes of at most `length` characters more, in order."""
    last = ""
    for page in list_pages(client, bucket, prefix, Delimiter="/"):
        folders = [(each["Prefix"], None) for each in page.get("CommonPrefixes", ())]
        objects = [(each.key, each) for each in _objects(page)]
        for name, landed in sorted([*folders, *objects], key=lambda each: each[0]):
            if landed is not None:
                yield landed
                continue
            part = name[: len(prefix) + length] if len(name) > len(prefix) + length else name
            if part != last:
                yield part
                last = part


def _month(landing: Landing) -> int:
    """How many characters of a folder's name say its month."""
    before, _, _ = landing.folder_format.partition("%d")
    return len(date(2000, 1, 1).strftime(before))


def _objects(page: Mapping[str, Any]) -> Iterator[LandedObject]:
    return (LandedObject.of(entry) for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def list_pages(client: ObjectStore, bucket: str, prefix: str, **which: Any) -> Iterator[Mapping[str, Any]]:
    """The answers to ListObjectsV2, one a page.

    Raises:
        LandingError: the store cannot be asked.
    """
    which = {**which, "MaxKeys": PAGE}
    more = dict(which)
    while True:
        doing = f"The landings under `{prefix}` could not be listed"
        with translated(doing, bucket=bucket, endpoint=endpoint_of(client), left="nothing changed"):
            page = client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        yield page
        if not page.get("IsTruncated"):
            return
        more = {**which, "ContinuationToken": page["NextContinuationToken"]}
