"""Lists the object store page after page, in the order of keys.

Amazon's store gives a page of a thousand keys in the same time wherever the page begins. Other stores may walk through all
objects under the prefix for every page. S3Proxy on files takes 0.03 ms for each object, so 5 minutes to list 100,000. For such a
store a long listing is divided into months, by the names of its folders. Then a month takes only as long as its own objects need.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any, Protocol, Self

from landfall.errors import LandingError
from landfall.objects.errors import translated
from landfall.spec import Landing

PAGE = 1000
"""The number of keys in a page. S3 gives at most this many."""


class ObjectStore(Protocol):
    """The methods of a boto3 S3 client that landings use."""

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
    """An object of a listing. `etag` is without quotes, `size` in bytes, and `last_modified` in UTC."""

    key: str
    etag: str
    size: int
    last_modified: datetime

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """The object that an entry of `Contents` describes, in an answer to ListObjectsV2.

        Raises:
            LandingError: the object has no ETag.
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
    """Every object whose key begins with `prefix`. A key that ends in a slash is left out: it is a folder that a browser made.

    Raises:
        LandingError: the store does not answer, or an object has no ETag.
    """
    for page in list_pages(client, bucket, prefix):
        yield from _objects(page)


def of_landing(client: ObjectStore, bucket: str, landing: Landing) -> Iterator[LandedObject]:
    """Every object under the landing's prefix, in the order of keys.

    Raises:
        LandingError: the store does not answer, or an object has no ETag.
    """
    prefix = f"{landing.prefix}/"
    pages = list_pages(client, bucket, prefix)
    first = next(pages)
    if first.get("IsTruncated") and ".amazonaws.com" not in endpoint_of(client):
        last = ""
        for part in _parts(client, bucket, prefix, _month(landing)):
            for landed in under(client, bucket, part) if isinstance(part, str) else (part,):
                if (
                    landed.key > last
                ):  # an object's key may begin like the folders of the next month, which lists it too
                    yield landed
                    last = landed.key
        return
    yield from _objects(first)
    for page in pages:
        yield from _objects(page)


def _parts(client: ObjectStore, bucket: str, prefix: str, length: int) -> Iterator[str | LandedObject]:
    """The objects directly under `prefix`, and the beginnings of its folders' names, in the order of keys.

    A beginning is a key prefix that is at most `length` characters longer than `prefix`.
    """
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
    """The number of characters of a folder's name up to and including the month."""
    before, _, _ = landing.folder_format.partition("%d")
    return len(date(2000, 1, 1).strftime(before))


def _objects(page: Mapping[str, Any]) -> Iterator[LandedObject]:
    return (LandedObject.of(entry) for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def list_pages(client: ObjectStore, bucket: str, prefix: str, **filters: Any) -> Iterator[Mapping[str, Any]]:
    """The answers to ListObjectsV2, one for each page.

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
