"""Listings of the object store, page after page, in the order of keys.

Amazon's store gives a page of a thousand keys in the same time wherever the page begins. Other stores may walk everything
under the prefix for every page (S3Proxy on files: 0.03 ms an object, so 5 minutes for 100,000). There, a long listing is cut
into months, by the names of its folders; each month takes only as long as its own objects need.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any, Protocol, Self

from landfall.errors import LandingError
from landfall.objects.errors import translated
from landfall.spec import Landing

PAGE = 1000
"""Keys in a page; S3 gives at most this many."""


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
    """One object of a listing. `etag` has no quotes, `size` is in bytes, `last_modified` in UTC."""

    key: str
    etag: str
    size: int
    last_modified: datetime

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """The object in one entry of `Contents` in an answer to ListObjectsV2.

        Raises:
            LandingError: it has no ETag.
        """
        if not entry.get("ETag"):
            raise LandingError(
                f"The object `{entry['Key']}` has no ETag: nobody could tell if it is replaced.",
                looked="the store's listing; S3Proxy keeps ETags in extended attributes of its files, which a copy of its "
                "folder by plain tar loses (tar --xattrs keeps them)",
                left="nothing was read; the objects are whole",
                next="landfall mend-etags",
                fault="request",
            )
        return cls(entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"].astimezone(UTC))


def endpoint_of(client: ObjectStore) -> str:
    """The address that the client talks to."""
    return str(client.meta.endpoint_url)


def under(client: ObjectStore, bucket: str, prefix: str) -> Iterator[LandedObject]:
    """Every object whose key begins with `prefix`. A key that ends in a slash is a folder that a browser made, not an object.

    Raises:
        LandingError: the store does not answer.
    """
    for page in list_pages(client, bucket, prefix):
        yield from _objects(page)


def of_landing(client: ObjectStore, bucket: str, landing: Landing) -> Iterator[LandedObject]:
    """Every object under the landing's prefix.

    Raises:
        LandingError: the store does not answer.
    """
    prefix = f"{landing.prefix}/"
    pages = list_pages(client, bucket, prefix)
    first = next(pages)
    if first.get("IsTruncated") and ".amazonaws.com" not in endpoint_of(client):
        last = ""
        for part in _parts(client, bucket, prefix, _month(landing)):
            for landed in under(client, bucket, part) if isinstance(part, str) else (part,):
                if landed.key > last:  # the key of an object may begin as the next month's folders do
                    yield landed
                    last = landed.key
        return
    yield from _objects(first)
    for page in pages:
        yield from _objects(page)


def _parts(client: ObjectStore, bucket: str, prefix: str, length: int) -> Iterator[str | LandedObject]:
    """What is directly under `prefix`, in order: its objects, and prefixes that are at most `length` characters longer."""
    last = ""
    for page in list_pages(client, bucket, prefix, Delimiter="/"):
        folders = [(common["Prefix"], None) for common in page.get("CommonPrefixes", ())]
        objects = [(listed.key, listed) for listed in _objects(page)]
        for name, landed in sorted([*folders, *objects], key=lambda entry: entry[0]):
            if landed is not None:
                yield landed
                continue
            part = name[: len(prefix) + length] if len(name) > len(prefix) + length else name
            if part != last:
                yield part
                last = part


def _month(landing: Landing) -> int:
    """How many characters of a folder's name it takes to say the month."""
    before, _, _ = landing.folder_format.partition("%d")
    return len(date(2000, 1, 1).strftime(before))


def _objects(page: Mapping[str, Any]) -> Iterator[LandedObject]:
    return (LandedObject.of(entry) for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def list_pages(client: ObjectStore, bucket: str, prefix: str, **filters: Any) -> Iterator[Mapping[str, Any]]:
    """The answers to ListObjectsV2, one per page.

    Raises:
        LandingError: the store does not answer.
    """
    filters = {**filters, "MaxKeys": PAGE}
    arguments = dict(filters)
    while True:
        doing = f"The landings under `{prefix}` could not be listed"
        with translated(doing, bucket=bucket, endpoint=endpoint_of(client), left="nothing changed"):
            page = client.list_objects_v2(Bucket=bucket, Prefix=prefix, **arguments)
        yield page
        if not page.get("IsTruncated"):
            return
        arguments = {**filters, "ContinuationToken": page["NextContinuationToken"]}
