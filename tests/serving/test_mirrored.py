"""The Lambda function that answers from the mirror, without PostgreSQL. moto is the judge."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from landfall.errors import PublishingError, SettingsError
from landfall.pipelines.bike_demand import PREDICTIONS
from landfall.publishing.mirror import MirrorStore, ToCopy, mirror_partition
from landfall.publishing.reading import PublishedRow
from landfall.serving import aws_lambda
from landfall.serving.mirrored import MirroredService
from landfall.serving.streams import declared_tables
from landfall.spec import DynamoMirror

NOON = datetime(2012, 12, 25, 12, tzinfo=UTC)
QUESTION = {"city": "Washington", "state": "D.C.", "time": "1356436800000"}
TABLE = replace(PREDICTIONS, mirror=DynamoMirror(table="landfall-test"))


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A row at noon in the mirror, and the function's configuration."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "LANDFALL_SERVING_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1",
        "LANDFALL_SERVING_FROM": "dynamodb", "LANDFALL_SERVING_TABLE": "bike_demand",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    key: dict[str, object] = {"city": "Washington", "state": "D.C.", "time": NOON}
    row = PublishedRow(
        key=key, values={"predicted": 112.0}, model_version="9", partition="2012-12-25", published_at=NOON,
        publication=17, fingerprint="print",
    )  # fmt: skip
    with mock_aws():
        import boto3

        client: Any = boto3.client("dynamodb")
        store = MirrorStore(client, TABLE)
        store.make()
        copy = ToCopy(publication=17, fingerprint="print", published_at=NOON, count=1, rows=lambda: [row])
        mirror_partition(store, "2012-12-25", lambda: copy)
        served: Any = declared_tables()["bike_demand"]
        service = MirroredService(client, {"bike_demand": replace(served, table=TABLE)})
        monkeypatch.setattr(aws_lambda, "_mirrored", [service])
        yield row


def gateway(method: str, path: str, query: dict[str, str], body: str | None = None, **headers: str) -> dict[str, Any]:
    """An event of a REST API."""
    return {
        "path": path, "httpMethod": method, "headers": headers, "queryStringParameters": query or None, "body": body,
        "requestContext": {"stage": "prod"},
    }  # fmt: skip


def call(event: object) -> Any:
    return aws_lambda.handler(event, None)


def test_a_direct_invocation_gives_the_row_and_says_that_staleness_is_not_known(mirrored):
    assert call(QUESTION) == {
        "found": True,
        "table": "bike_demand",
        "key": {"city": "Washington", "state": "D.C.", "time": "2012-12-25T12:00:00+00:00"},
        "values": {"predicted": 112.0},
        "model_version": "9",
        "partition": "2012-12-25",
        "publication": 17,
        "published_at": NOON.isoformat(),
        "freshness": {"stale": None, "reason": "not known to a mirror"},
    }


def test_a_missing_row_comes_with_the_nearest_partitions(mirrored):
    told = call({**QUESTION, "time": "2012-12-27T12:00"})
    assert (told["found"], told["status"], told["why"]) == (False, 404, "the mirror has no such partition")
    assert told["nearest"] == ["2012-12-25"]
    assert call({**QUESTION, "city": "Paris"})["why"] == "the partition is mirrored, without a row of this key"


def test_the_gateway_gets_rows_batches_and_tags(mirrored):
    answer = call(gateway("GET", "/v1/bike_demand", QUESTION))
    assert (answer["statusCode"], json.loads(answer["body"])["publication"]) == (200, 17)
    again = call(gateway("GET", "/v1/bike_demand", QUESTION, **{"If-None-Match": answer["headers"]["ETag"]}))
    assert again["statusCode"] == 304
    keys = {"keys": [QUESTION, {**QUESTION, "city": "Paris"}]}
    rows = json.loads(call(gateway("POST", "/v1/bike_demand:batch", {}, json.dumps(keys)))["body"])["rows"]
    assert [row["found"] for row in rows] == [True, False]


def test_a_mirror_has_no_earlier_publications(mirrored):
    with pytest.raises(PublishingError, match="A mirror has no earlier publications"):
        call({**QUESTION, "as_of": 16})


def test_without_a_mirrored_table_it_says_what_to_declare():
    with pytest.raises(SettingsError, match="No table has a mirror to read from"):
        MirroredService(None, declared_tables())  # type: ignore[arg-type]


def test_another_source_is_refused(mirrored, monkeypatch):
    monkeypatch.setenv("LANDFALL_SERVING_FROM", "mongodb")
    with pytest.raises(SettingsError, match=r"The setting `LANDFALL_SERVING_FROM` is `mongodb`\."):
        call(QUESTION)
