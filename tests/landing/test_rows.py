"""The rows of a table model in the bucket: one file a content."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from landfall.errors import LandingError
from landfall.landing.rows import land_rows
from landfall.objects.client import connect
from landfall.pipelines.iris import IRIS
from landfall.spec import S3

PLACE = S3(bucket="lake", access_key="key", secret_key="secret")


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        made: Any = connect(PLACE)
        made.create_bucket(Bucket="lake")
        yield made


def test_the_file_is_named_after_its_content_and_the_same_rows_are_the_same_file(client: Any) -> None:
    first, second = land_rows(client, "lake", IRIS), land_rows(client, "lake", IRIS)
    body = client.get_object(Bucket="lake", Key=first.key)["Body"].read()
    assert first == second
    assert (first.rows, first.sha256) == (150, hashlib.sha256(body).hexdigest())
    assert first.key == f"datasets/iris/{first.sha256[:16]}.parquet"
    assert pq.read_table(io.BytesIO(body)).equals(IRIS.rows())


def test_other_rows_are_another_file_and_the_earlier_one_stays(client: Any) -> None:
    first = land_rows(client, "lake", IRIS)
    other = land_rows(client, "lake", replace(IRIS, rows=lambda: pa.table({"species": [0, 1]})))
    listed = client.list_objects_v2(Bucket="lake", Prefix="datasets/iris/")["Contents"]
    assert other.rows == 2
    assert {each["Key"] for each in listed} == {first.key, other.key}


def test_a_bucket_that_is_not_there_is_named(client: Any) -> None:
    with pytest.raises(LandingError) as refused:
        land_rows(client, "sea", IRIS)
    assert str(refused.value) == (
        "The rows of `iris` could not be put into the bucket: there is no bucket `sea`.\n"
        "  looked: bucket `sea` at https://s3.amazonaws.com answered 404 NoSuchBucket\n"
        "  left: nothing was trained\n"
        "  next: landfall up    (it makes the bucket; or set LANDFALL_S3_BUCKET to one that exists)"
    )
