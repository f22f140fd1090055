"""The Lambda function: its events, and a real invocation by AWS's own runtime client and emulator against a real database."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from landfall.errors import PublishingError, SettingsError
from landfall.serving import aws_lambda

pytestmark = pytest.mark.stack
EMULATOR = "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie"


def call(event: object) -> Any:
    """What the handler gives for an event."""
    return aws_lambda.handler(event, None)


@pytest.fixture
def published(conn: Any, steps: Any, serving_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A row at noon, and the function's configuration. The function starts anew in each test."""
    monkeypatch.setenv("LANDFALL_SERVING_URL", serving_url)
    monkeypatch.setenv("LANDFALL_SERVING_TABLE", "bike_demand")
    monkeypatch.setenv("LANDFALL_SERVING_SECONDS", "120")
    done = steps.land(conn, steps.predictions, steps.hours(steps.christmas, 100.0), version="9")
    yield done
    if aws_lambda._services:
        aws_lambda._loop().run(aws_lambda._services.pop().stop())


def http_api(method: str, path: str, query: dict[str, str], body: str | None = None, **headers: str) -> dict[str, Any]:
    """An event of an HTTP API, version 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "isBase64Encoded": False,
        **({} if body is None else {"body": body}),
    }


def rest_api(method: str, path: str, query: dict[str, str], body: str | None = None, **headers: str) -> dict[str, Any]:
    """An event of a REST API, version 1.0."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "requestContext": {"stage": "prod", "path": f"/prod{path}"},
        "body": body,
        "isBase64Encoded": False,
    }


def test_a_direct_invocation_gives_the_row(published, steps):
    row = call(dict(steps.key))
    assert (row["found"], row["values"], row["model_version"]) == (True, {"predicted": 112.0}, "9")
    assert row["publication"] == published.id
    assert call({**steps.key, "table": "bike_demand", "as_of": published.id}) == row


def test_a_direct_invocation_without_a_row_says_why(published, steps):
    told = call({**steps.key, "time": "2012-12-27T12:00"})
    assert (told["found"], told["status"], told["state"], told["nearest"]) == (False, 404, "late", ["2012-12-25"])


def test_a_direct_invocation_with_a_malformed_key_fails(published):
    with pytest.raises(PublishingError, match="is incomplete"):
        call({"city": "Washington"})
    with pytest.raises(PublishingError, match="The event is no object"):
        call([])


@pytest.mark.parametrize("event", [http_api, rest_api])
@pytest.mark.parametrize("path", ["/v1/bike_demand", "/prod/v1/bike_demand"])
def test_both_kinds_of_api_are_answered_as_the_http_service_answers(published, steps, serve, event, path):
    over_http = serve().get("/v1/bike_demand", **steps.key)
    answer = call(event("GET", path, steps.key))
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, over_http.json())
    assert answer["headers"]["ETag"] == over_http.headers["etag"]
    known = call(event("GET", path, steps.key, **{"If-None-Match": answer["headers"]["ETag"]}))
    assert (known["statusCode"], known["body"]) == (304, "")


@pytest.mark.parametrize("event", [http_api, rest_api])
def test_a_batch_through_an_api(published, steps, event):
    body = json.dumps({"keys": [steps.key, {**steps.key, "city": "Paris"}]})
    answer = call(event("POST", "/v1/bike_demand:batch", {}, body))
    assert [row["found"] for row in json.loads(answer["body"])["rows"]] == [True, False]


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("GET", "/v1/nowhere", {}, 404),
        ("GET", "/bike_demand", {}, 404),
        ("POST", "/v1/bike_demand", {}, 405),
        ("GET", "/v1/bike_demand", {"city": "a"}, 400),
        ("GET", "/v1/bike_demand", {"city": "a", "state": "b", "time": "1"}, 404),
        ("GET", "/v1/bike_demand", {"city": "a", "state": "b", "time": "1", "as_of": "x"}, 400),
        ("POST", "/v1/bike_demand:batch", {}, 400),
    ],
)
@pytest.mark.parametrize("event", [http_api, rest_api])
def test_a_refusal_is_a_problem(published, event, method, path, query, status):
    answer = call(event(method, path, query))
    assert answer["statusCode"] == status, answer
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["status"] == status


def test_without_a_database_it_says_what_to_set(monkeypatch):
    for name in ("LANDFALL_SERVING_URL", "LANDFALL_SERVING_SECRET_ARN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="Neither `LANDFALL_SERVING_URL` nor `LANDFALL_SERVING_SECRET_ARN` is set"):
        call({"city": "a"})


def test_the_secret_may_be_a_url_or_what_rds_writes(monkeypatch):
    from moto import mock_aws

    monkeypatch.delenv("LANDFALL_SERVING_URL", raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        import boto3

        client: Any = boto3.client("secretsmanager")
        fields: dict[str, Any] = {
            "username": "landfall_serving",
            "password": "p@ss/w",
            "host": "db",
            "port": 5432,
            "dbname": "landfall",
        }
        wanted = {
            json.dumps(
                fields
            ): f"postgresql://landfall_serving:{quote(fields['password'], safe='')}@db:5432/landfall?sslmode=require",
            "postgresql://me:{password}@db/x": "postgresql://me:{password}@db/x",
        }
        for number, (secret, url) in enumerate(wanted.items()):
            monkeypatch.setenv(
                "LANDFALL_SERVING_SECRET_ARN", client.create_secret(Name=str(number), SecretString=secret)["ARN"]
            )
            assert aws_lambda._address() == url
        monkeypatch.setenv("LANDFALL_SERVING_SECRET_ARN", client.create_secret(Name="bad", SecretString="{}")["ARN"])
        with pytest.raises(SettingsError, match="holds no database"):
            aws_lambda._address()


# --- AWS's own runtime client and emulator ----------------------------------------------------------------------------


def emulator() -> str:
    """The emulator's program; where it is not there the test is skipped, with the command that installs it. In CI it fails."""
    go = shutil.which("go")
    folders = [
        os.environ.get("GOBIN", ""),
        str(Path(os.environ.get("GOPATH") or Path.home() / "go") / "bin"),
        os.environ["PATH"],
    ]
    found = shutil.which("aws-lambda-rie", path=os.pathsep.join(filter(None, folders)))
    if found is None:
        get = "" if go else "apt-get install golang, then "
        missing = f"{get}go install {EMULATOR}@latest"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()


@pytest.fixture
def invoke(published: Any, tmp_path: Path) -> Iterator[Any]:
    """Invokes the function over HTTP: the emulator is the Lambda service, `awslambdaric` the runtime."""
    program = emulator()
    port, api = free_ports(2)
    words = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address", f"127.0.0.1:{api}"]
    command = [program, *words, sys.executable, "-m", "awslambdaric", "landfall.serving.aws_lambda.handler"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=tmp_path, env={**os.environ, "AWS_LAMBDA_FUNCTION_TIMEOUT": "280"}
        )
    address = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.1)
    try:
        yield lambda event: httpx.post(address, json=event, timeout=290).json()
    finally:
        process.terminate()
        process.wait(30)


def test_the_official_runtime_runs_the_handler_against_the_database(invoke, steps, published):
    direct = invoke(dict(steps.key))
    assert (direct["found"], direct["values"], direct["publication"]) == (True, {"predicted": 112.0}, published.id)
    through = invoke(http_api("GET", "/v1/bike_demand", steps.key))
    assert (through["statusCode"], json.loads(through["body"])["values"]) == (200, {"predicted": 112.0})
    missing = invoke(rest_api("GET", "/v1/bike_demand", {**steps.key, "city": "Paris"}))
    assert (missing["statusCode"], json.loads(missing["body"])["state"]) == (404, "published")
    failed = invoke({"city": "Washington"})
    assert failed["errorType"] == "PublishingError"
    assert "is incomplete" in failed["errorMessage"]
