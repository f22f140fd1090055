"""Computes the ETags of objects that have none.

An S3 server that keeps objects in files keeps their ETags in extended attributes, which a copy of its folder may lose. Without
ETags nobody can tell a replaced object from an old one, so listings refuse such objects. This module copies each of them onto
itself: then the server reads the object, computes its ETag and keeps it. If the object was put in one piece, that is the MD5 of
its bytes, the same ETag as before. If it was put in parts, it gets another ETag than before.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from landfall.objects.errors import translated
from landfall.objects.listing import ObjectStore, endpoint_of, list_pages

AT_ONCE = 8
"""The number of objects that are copied at the same time."""


class CopyingStore(ObjectStore, Protocol):
    """The part of a boto3 S3 client that copies objects."""

    def head_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]: ...
    def copy_object(
        self,
        *,
        Bucket: str,
        Key: str,
        CopySource: Mapping[str, str],
        ContentType: str,
        Metadata: Mapping[str, str],
        MetadataDirective: str,
    ) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Mended:
    """The number of objects that were checked, and key -> new ETag for the objects that had none."""

    objects: int
    etags: Mapping[str, str]


def mend_etags(
    client: CopyingStore, bucket: str, prefixes: list[str], progress: Callable[[int, int, str], None]
) -> Mended:
    """Makes the server compute the ETag of each object under `prefixes` that has none.

    Args:
        client: The object store.
        bucket: The bucket.
        prefixes: Key prefixes; the empty prefix means the whole bucket.
        progress: Called with the number of objects done, the number of objects without an ETag, and a word for the objects.

    Raises:
        LandingError: the store does not answer, or refuses a copy. Objects that were mended stay mended.
    """
    objects, without = 0, list[str]()
    for prefix in prefixes:
        for page in list_pages(client, bucket, prefix):
            objects_here = [entry for entry in page.get("Contents", ()) if not entry["Key"].endswith("/")]
            objects += len(objects_here)
            without += [entry["Key"] for entry in objects_here if not entry.get("ETag")]
    etags: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for key, etag in pool.map(lambda key: (key, _mend(client, bucket, key)), without):
            etags[key] = etag
            progress(len(etags), len(without), "objects")
    return Mended(objects=objects, etags=etags)


def _mend(client: CopyingStore, bucket: str, key: str) -> str:
    doing = f"The ETag of `{key}` could not be computed"
    with translated(doing, bucket=bucket, endpoint=endpoint_of(client), left="the object is as it was"):
        head = client.head_object(Bucket=bucket, Key=key)
        if etag := head.get("ETag"):  # somebody has written the object again meanwhile
            return str(etag).strip('"')
        copied = client.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key},
            ContentType=head.get("ContentType", "application/octet-stream"),
            Metadata=head.get("Metadata", {}),
            MetadataDirective="REPLACE",  # S3 refuses a copy of an object onto itself that changes nothing
        )
    return str(copied["CopyObjectResult"]["ETag"]).strip('"')
