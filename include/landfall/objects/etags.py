"""Computes the ETags of objects that have none.

An S3 server over files keeps ETags in extended attributes, which a copy of its folder may lose. Without ETags nobody can tell
a replaced object from an old one, so listings refuse such objects. Here each one is copied onto itself: the server reads it,
computes its ETag and keeps it. For an object that was put in one piece this is the MD5 of its bytes, the same ETag as before;
for one that was put in parts it is another.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from landfall.objects.errors import translated
from landfall.objects.listing import ObjectStore, endpoint_of, list_pages

AT_ONCE = 8


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
    """How many objects were checked; key -> ETag for those that had none and have one now."""

    objects: int
    etags: Mapping[str, str]


def mend_etags(
    client: CopyingStore, bucket: str, prefixes: list[str], progress: Callable[[int, int, str], None]
) -> Mended:
    """Makes the server compute the ETag of each object under `prefixes` that has none.

    Args:
        client: The object store.
        bucket: The bucket.
        prefixes: Key prefixes; the empty one is the whole bucket.
        progress: Called with how many are done, how many there are, and a few words.

    Raises:
        LandingError: the store does not answer, or refuses a copy. What was mended stays mended.
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
        now = client.head_object(Bucket=bucket, Key=key)
        if etag := now.get("ETag"):  # somebody has written it again meanwhile
            return str(etag).strip('"')
        done = client.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key},
            ContentType=now.get("ContentType", "application/octet-stream"),
            Metadata=now.get("Metadata", {}),
            MetadataDirective="REPLACE",  # S3 refuses a copy of an object onto itself that changes nothing
        )
    return str(done["CopyObjectResult"]["ETag"]).strip('"')
