"""The object store seen as landings."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from landfall.errors import LandingError
from landfall.landing.by_hand.split import land
from landfall.landing.landed import check_landed, iterate_folder, iterate_landing
from landfall.objects.client import connect
from landfall.objects.errors import landing_error
from landfall.objects.listing import LandedObject, ObjectStore
from landfall.pipelines.bike_demand import ACTUAL_HOURS, ACTUALS
from landfall.spec import S3, Landing, Partition, Settings

DAY = Partition.parse("2011-01-07")
FOLDER = "bike_sharing/actuals/dt=2011-01-07/"


def landed(key: str = f"{FOLDER}hours.csv", size: int = 1537) -> LandedObject:
    return LandedObject(key, "86fda138", size, datetime(2011, 1, 8, 1, 2, 3, tzinfo=UTC))


def test_good_objects_are_let_through() -> None:
    limit = ACTUALS.landing.max_object_bytes
    check_landed([landed(), landed(f"{FOLDER}more.csv.gz", limit)], ACTUALS.landing, DAY)


AGAIN = "landfall land bike_demand/actuals FILE.csv --from 2011-01-07 --until 2011-01-07"
REFUSALS = {
    "none": (
        [],
        "Nothing has landed for `bike_demand/actuals` on 2011-01-07.",
        f"expected {FOLDER}*.csv or *.csv.gz",
        AGAIN,
    ),
    "empty": (
        [landed(size=0)],
        f"Object `{FOLDER}hours.csv` is empty.",
        "0 bytes, last written 2011-01-08 01:02 UTC",
        AGAIN,
    ),
    "too large": (
        [landed(), landed(f"{FOLDER}z.csv", 64 * 1024**2 + 1)],
        f"Object `{FOLDER}z.csv` is too large for one partition.",
        "67,108,865 bytes, at most 67,108,864 (Landing.max_object_bytes)",
        f"land it in smaller objects under {FOLDER}, or raise the limit in the pipeline",
    ),
    "not of the template": (
        [landed(), landed(f"{FOLDER}notes.txt")],
        f"Object `{FOLDER}notes.txt` is not one of partition 2011-01-07 of `bike_demand/actuals`.",
        f"expected {FOLDER}*.csv or *.csv.gz",
        f"move it out of {FOLDER}, then run the partition again",
    ),
    "of another day": (
        [landed("bike_sharing/actuals/dt=2011-01-08/hours.csv")],
        "Object `bike_sharing/actuals/dt=2011-01-08/hours.csv` is not one of partition 2011-01-07"
        " of `bike_demand/actuals`.",
        f"expected {FOLDER}*.csv or *.csv.gz",
        f"move it out of {FOLDER}, then run the partition again",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_spark_should_not_read_is_refused(case: str) -> None:
    objects, what, looked, next_ = REFUSALS[case]
    with pytest.raises(LandingError) as refused:
        check_landed(objects, ACTUALS.landing, DAY)
    left = "nothing was read; what was published before stays"
    assert str(refused.value) == f"{what}\n  looked: {looked}\n  left: {left}\n  next: {next_}"


def refused_by(code: str, status: int, message: str = "") -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ListObjectsV2")  # type: ignore[arg-type]


KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys of this store    (landfall ps shows which store it is)"


@pytest.mark.parametrize(
    ("error", "what", "looked", "next_"),
    [
        (
            refused_by("AccessDenied", 403),
            "the object store refuses these credentials.",
            " answered 403 AccessDenied",
            KEYS,
        ),
        (
            refused_by("ServiceUnavailable", 503),
            "the object store is in trouble.",
            " answered 503 ServiceUnavailable",
            "landfall ps    (then the same command again)",
        ),
        (
            refused_by("EntityTooLarge", 400, "Too much."),
            "the object store said no.",
            " answered 400 EntityTooLarge: Too much.",
            "landfall ps",
        ),
        (ReadTimeoutError(endpoint_url="x"), "the object store does not answer.", " (ReadTimeoutError)", "landfall ps"),
    ],
)
def test_every_answer_becomes_a_sentence(error: Exception, what: str, looked: str, next_: str) -> None:
    told = landing_error(error, doing="It could not be listed", bucket="b", left="nothing changed")
    assert str(told) == (
        f"It could not be listed: {what}\n"
        f"  looked: bucket `b` at Amazon S3{looked}\n"
        "  left: nothing changed\n"
        f"  next: {next_}"
    )


def test_importing_landings_loads_nothing_heavy() -> None:
    heavy = {"boto3", "botocore", "numpy", "pandas", "pyspark", "rich"}
    code = (
        "import sys, landfall.landing.landed, landfall.landing.by_hand.split, landfall.samples;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


# From here on with the real S3 protocol.

DOWN = "http://127.0.0.1:9"  # the discard port: nothing listens


@pytest.fixture
def s3(stack: object) -> S3:
    settings = stack.settings  # type: ignore[attr-defined]
    assert isinstance(settings, Settings)
    return settings.s3


@pytest.fixture
def client(s3: S3) -> ObjectStore:
    return connect(s3)


@pytest.fixture
def landing(client: ObjectStore, s3: S3) -> Iterator[Landing]:
    """A landing of this test's own, emptied afterwards."""
    landing = Landing(prefix=f"test_store/{uuid4().hex[:8]}")
    yield landing
    keys = [{"Key": found.key} for found in iterate_landing(client, s3.bucket, landing)]
    for n in range(0, len(keys), 1000):
        client.delete_objects(Bucket=s3.bucket, Delete={"Objects": keys[n : n + 1000]})  # type: ignore[attr-defined]


def put(client: ObjectStore, s3: S3, key: str, body: bytes = b"x") -> None:
    client.put_object(Bucket=s3.bucket, Key=key, Body=body, ContentType="text/csv")  # type: ignore[arg-type]


@pytest.mark.stack
def test_one_partition_is_listed_with_what_is_unexpected(client: ObjectStore, s3: S3, landing: Landing) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    for key in (
        f"{landing.folder(DAY)}hours.csv",
        f"{landing.folder(DAY)}notes.txt",
        f"{landing.prefix}/dt=2011-01-08/a.csv",
    ):
        put(client, s3, key, b"hello")

    objects = list(iterate_folder(client, s3.bucket, landing, DAY))

    assert [found.key for found in objects] == [f"{landing.folder(DAY)}hours.csv", f"{landing.folder(DAY)}notes.txt"]
    assert {(found.etag, found.size) for found in objects} == {("5d41402abc4b2a76b9719d911017c592", 5)}
    assert all(found.last_modified >= before for found in objects)
    assert list(iterate_folder(client, s3.bucket, landing, Partition.parse("2011-01-09"))) == []


@pytest.mark.stack
def test_a_sweep_gives_all_keys_beyond_one_page(client: ObjectStore, s3: S3, landing: Landing) -> None:
    from concurrent.futures import ThreadPoolExecutor

    keys = [f"{landing.folder(DAY)}{n:04}.csv" for n in range(1001)]
    odd = [f"{landing.prefix}/dt=2011-01-07.csv", f"{landing.prefix}/dt=2011-02-30/a.csv"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: put(client, s3, key), [*keys, *odd]))

    assert [entry.key for entry in iterate_landing(client, s3.bucket, landing)] == sorted([*keys, *odd])
    assert [entry.key for entry in iterate_folder(client, s3.bucket, landing, DAY)] == keys


@pytest.mark.stack
def test_an_unused_prefix_has_no_objects(client: ObjectStore, s3: S3, landing: Landing) -> None:
    assert list(iterate_landing(client, s3.bucket, landing)) == []


@pytest.mark.stack
def test_landing_a_file_again_overwrites_its_objects(client: ObjectStore, s3: S3, tmp_path: Path) -> None:
    day = Partition.parse("1999-12-31")  # a day that no other test uses
    path = tmp_path / "old.csv"
    path.write_text(f"{','.join(ACTUAL_HOURS.names)}\n1,{day}" + ",0" * 15 + "\n")

    first = land(client, s3.bucket, "bike_demand/actuals", path)
    once = list(iterate_folder(client, s3.bucket, ACTUALS.landing, day))
    land(client, s3.bucket, "bike_demand/actuals", path)
    twice = list(iterate_folder(client, s3.bucket, ACTUALS.landing, day))
    client.delete_object(Bucket=s3.bucket, Key=twice[0].key)  # type: ignore[attr-defined]

    assert (first.objects, first.rows) == (1, 1)
    assert [(found.key, found.etag, found.size) for found in once] == [(f.key, f.etag, f.size) for f in twice]
    assert twice[0].key == f"{ACTUALS.landing.folder(day)}hours.csv"
    check_landed(twice, ACTUALS.landing, day)


STORES = {
    "bucket": (
        lambda s3: replace(s3, bucket="no-such-bucket"),
        "there is no bucket `no-such-bucket`.",
        "bucket `no-such-bucket` at {endpoint} answered 404 NoSuchBucket",
        "landfall up    (it makes the bucket; or set LANDFALL_S3_BUCKET to one that exists)",
    ),
    "secret": (
        lambda s3: replace(s3, secret_key="wrong"),
        "the object store refuses these credentials.",
        "bucket `{bucket}` at {endpoint} answered 403 SignatureDoesNotMatch",
        KEYS,
    ),
    "access key": (
        lambda s3: replace(s3, access_key="stranger"),
        "the object store refuses these credentials.",
        "bucket `{bucket}` at {endpoint} answered 403 InvalidAccessKeyId",
        KEYS,
    ),
    "endpoint": (
        lambda s3: replace(s3, endpoint=DOWN),
        "the object store does not answer.",
        f"bucket `{{bucket}}` at {DOWN} (EndpointConnectionError)",
        "landfall ps",
    ),
}


@pytest.mark.stack
@pytest.mark.parametrize("case", STORES)
def test_a_store_that_cannot_be_asked_says_why(s3: S3, case: str, tmp_path: Path) -> None:
    broken, what, looked, next_ = STORES[case]
    store = broken(s3)
    looked = looked.format(bucket=s3.bucket, endpoint=s3.endpoint)
    with pytest.raises(LandingError) as listing:
        list(iterate_landing(connect(store), store.bucket, ACTUALS.landing))
    assert str(listing.value) == (
        f"The landings under `bike_sharing/actuals/` could not be listed: {what}\n"
        f"  looked: {looked}\n  left: nothing changed\n  next: {next_}"
    )

    path = tmp_path / "hours.csv"
    path.write_text(",".join(ACTUAL_HOURS.names) + "\n1,2011-01-01" + ",0" * 15 + "\n")
    with pytest.raises(LandingError) as landing:
        land(connect(store), store.bucket, "bike_demand/actuals", path)
    assert str(landing.value) == (
        f"File `hours.csv` could not be landed: {what}\n  looked: {looked}\n  left: nothing landed\n  next: {next_}"
    )
