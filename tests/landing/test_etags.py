"""ETags that a copy of the S3 server's folder has lost: a clear error, and the same ETags computed again."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from landfall.database import connect as connect_database
from landfall.errors import LandingError
from landfall.landing.landed import iterate_folder
from landfall.ledger import record_landing
from landfall.objects.client import connect
from landfall.objects.listing import LandedObject
from landfall.pipelines.bike_demand import FORECAST
from landfall.spec import Partition

Landfall = Callable[..., "CompletedProcess[str]"]
DAY = Partition.parse("1999-05-01")
FOLDER = FORECAST.landing.folder(DAY)
WHOLE, PARTS = f"{FOLDER}a.csv", f"{FOLDER}b.csv"
LOOKED = (
    "the store's listing; S3Proxy keeps ETags in extended attributes of its files, which a copy of its folder by plain tar "
    "loses (tar --xattrs keeps them)"
)


def test_an_object_without_an_etag_is_named() -> None:
    with pytest.raises(LandingError) as refused:
        LandedObject.of({"Key": WHOLE, "Size": 1, "LastModified": datetime.now(UTC)})
    assert str(refused.value) == (
        f"The object `{WHOLE}` has no ETag: nobody could tell if it is replaced.\n"
        f"  looked: {LOOKED}\n"
        "  left: nothing was read; the objects are whole\n"
        "  next: landfall mend-etags"
    )
    assert refused.value.fault == "request"


def put_in_parts(client: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": PARTS}
    place["UploadId"] = client.create_multipart_upload(**place)["UploadId"]
    bodies = [b"x" * 5 * 1024 * 1024, b"y"]
    etags = [
        client.upload_part(**place, PartNumber=number, Body=body)["ETag"] for number, body in enumerate(bodies, start=1)
    ]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]
    client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})


@pytest.fixture
def copied(stack: Any) -> Iterator[dict[str, str]]:
    """Two objects that the ledger knows, one of them put in parts, whose files then lose their attributes; their ETags before."""
    settings = stack.settings
    bucket, client, landing = settings.s3.bucket, connect(settings.s3), FORECAST.landing
    other: Any = client
    other.put_object(Bucket=bucket, Key=WHOLE, Body=b"instant,dteday\n1,1999-05-01\n", ContentType="text/csv")
    put_in_parts(client, bucket)
    try:
        objects = list(iterate_folder(client, bucket, landing, DAY))
        with connect_database(settings) as conn:
            record_landing(conn, bucket, "bike_demand/forecast", landing, objects, partition=DAY)
        for each in objects:
            strip(Path(stack.home) / "data" / "s3" / "buckets" / bucket / each.key)
        yield {each.key: each.etag for each in objects}
    finally:
        for key in (WHOLE, PARTS):
            other.delete_object(Bucket=bucket, Key=key)


def strip(file: Path) -> None:
    """As `tar` without --xattrs leaves it."""
    names = os.listxattr(file)
    assert any("md5" in name for name in names)
    for name in names:
        os.removexattr(file, name)


def test_lost_etags_are_told_and_computed_again(stack: Any, landfall: Landfall, copied: dict[str, str]) -> None:
    told = landfall("status", "bike_demand/forecast", "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout) == {
        "type": "LandingError",
        "error": f"The object `{WHOLE}` has no ETag: nobody could tell if it is replaced.",
        "looked": LOOKED,
        "left": "nothing was read; the objects are whole",
        "next": "landfall mend-etags",
    }
    mended = landfall("mend-etags", "--json")
    assert mended.returncode == 0, mended.stderr
    answer = json.loads(mended.stdout)
    assert (answer["mended"], answer["changed"]) == (2, [PARTS])
    assert answer["objects"] >= 2
    bucket = stack.settings.s3.bucket
    now = {
        each.key: each.etag for each in list(iterate_folder(connect(stack.settings.s3), bucket, FORECAST.landing, DAY))
    }
    assert now[WHOLE] == copied[WHOLE]
    assert now[PARTS] != copied[PARTS]
    assert landfall("status", "bike_demand/forecast", "--json").returncode == 0
    again = landfall("mend-etags")
    assert again.returncode == 0
    assert again.stdout == (
        f"0 of {answer['objects']:,} objects had no ETag and have one now; 0 have another one than before\n"
    )
