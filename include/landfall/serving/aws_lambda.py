"""AWS Lambda: one look-up, or a batch, behind API Gateway or invoked directly.

`handler` takes events of an HTTP API (version 2.0), of a REST API (version 1.0), and the key itself as JSON:
`{"city": "Washington", "state": "D.C.", "time": "1356436800000"}`, with `table` for another table than `LANDFALL_SERVING_TABLE`,
and with `as_of` for an earlier publication. It reads with the same functions as the HTTP service. docs/serving.md says how to
make and configure it.

It asks nobody for a key: whoever may invoke the function has been let in by IAM or by the authorizer of API Gateway. Connections
stay open from one invocation to the next.
"""

import asyncio
import base64
import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from landfall.errors import LandfallError, PublishingError, SettingsError
from landfall.publishing.keys import KeyValue
from landfall.publishing.mirror import client
from landfall.serving.answers import Json, etag, key_values, kind, missing_answer
from landfall.serving.deployed import DEPLOYED
from landfall.serving.mirrored import MirroredService
from landfall.serving.problems import Problem, problem_of
from landfall.serving.service import Service
from landfall.serving.settings import URL, ServingSettings
from landfall.serving.streams import declared_tables

log = logging.getLogger(__name__)
SECRET, TABLE = "LANDFALL_SERVING_SECRET_ARN", "LANDFALL_SERVING_TABLE"
FROM = "LANDFALL_SERVING_FROM"
"""`postgres`, which is also meant where it is not set, or `dynamodb`: the mirror."""
FRESH_FOR = timedelta(seconds=60)
"""How long an invocation believes what an earlier one found out about stale partitions."""


def handler(event: object, context: object) -> Json:
    """The answer to one event.

    Args:
        event: What the function is called with.
        context: Lambda's own; not used.

    Returns:
        For API Gateway: status, headers and body. For a direct invocation: the row, with `found`; without a row, `found` and the
        members of the problem.

    Raises:
        SettingsError: the function is not configured.
        PublishingError: a direct invocation is malformed, or the database cannot be asked.
    """
    if not isinstance(event, dict):
        raise PublishingError("The event is no object.", looked=f"it is {kind(event)}", fault="request")
    return _loop().run(_through_gateway(event) if _of_gateway(event) else _direct(event))


def _of_gateway(event: Mapping[str, Any]) -> bool:
    return "requestContext" in event and ("rawPath" in event or "httpMethod" in event)


@cache
def _loop() -> asyncio.Runner:
    """One event loop for all invocations: connections belong to the loop that opened them."""
    return asyncio.Runner()


_services: list[Service] = []
_mirrored: list[MirroredService] = []


async def _service() -> Service | MirroredService:
    """What answers in this process, made by the first invocation.

    Raises:
        SettingsError: the function is not configured.
    """
    source = os.environ.get(FROM) or "postgres"
    if source not in ("postgres", "dynamodb"):
        raise SettingsError(f"The setting `{FROM}` is `{source}`.", looked="expected postgres or dynamodb")
    if source == "postgres":
        return await _of_database()
    if not _mirrored:
        _mirrored.append(MirroredService(client(), declared_tables()))
    return _mirrored[0]


async def _of_database() -> Service:
    if not _services:
        service = Service(ServingSettings.read({**os.environ, URL: _address(), "LANDFALL_SERVING_CONNECTIONS": "1"}))
        await service.start()
        _services.append(service)
    service = _services[0]
    if service.freshness.at is None or datetime.now(UTC) - service.freshness.at > FRESH_FOR:
        try:
            await service.refresh()
        except LandfallError as error:
            log.warning("Which partitions are stale is not known. %s", error)
    return service


def _address() -> str:
    """The URL of the database: `LANDFALL_SERVING_URL`, else what the secret of Secrets Manager holds.

    The secret is the URL itself, or JSON with username, password, host, port and dbname, as Amazon RDS writes it.

    Raises:
        SettingsError: neither is set, or the secret holds neither form.
    """
    if url := os.environ.get(URL):
        return url
    name = os.environ.get(SECRET, "")
    if not name:
        raise SettingsError(
            f"Neither `{URL}` nor `{SECRET}` is set.",
            looked="the function's configuration",
            next="docs/serving.md lists the function's variables",
        )
    import boto3  # comes with the runtime

    secret = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    if secret.startswith("postgres"):
        return str(secret)
    from urllib.parse import quote

    try:
        fields = json.loads(secret)
        login = ":".join(quote(str(fields[part]), safe="") for part in ("username", "password"))
        place = f"{fields['host']}:{fields.get('port', 5432)}/{fields.get('dbname', 'landfall')}"
    except (ValueError, KeyError, TypeError):
        raise SettingsError(
            f"The secret `{name}` holds no database.",
            looked="expected a URL, or JSON with username, password, host, port and dbname",
        ) from None
    return f"postgresql://{login}@{place}?sslmode=require"


async def _direct(event: dict[str, object]) -> Json:
    service = await _service()
    fields = dict(event)
    served = await service.table(str(fields.pop("table", None) or os.environ.get(TABLE) or next(iter(service.tables))))
    given = fields.pop("as_of", None)
    try:
        as_of = _number(given)
        row = await service.lookup(served, key_values(fields), as_of)
    except Problem as problem:
        return {"found": False, **problem.body()}
    return {"found": True, **service.answer(served, row)}


async def _through_gateway(event: Mapping[str, Any]) -> Json:
    try:
        return await _asked(event)
    except Problem as problem:
        return _refused(problem)
    except LandfallError as error:
        if error.fault != "request":
            log.warning("%s", error)
        return _refused(problem_of(error))


async def _asked(event: Mapping[str, Any]) -> Json:
    """The answer to `GET .../v1/TABLE?...` and to `POST .../v1/TABLE:batch`, whatever stage is before them."""
    http = event["requestContext"].get("http", {})
    method = str(http.get("method") or event.get("httpMethod", ""))
    path = str(event.get("rawPath") or event.get("path") or "")
    name, colon, verb = path.rpartition("/v1/")[2].strip("/").partition(":")
    service = await _service()
    if "/v1/" not in path or not (name in service.tables or name.startswith(DEPLOYED)) or verb not in ("", "batch"):
        raise Problem(404, "There is no such path.", members={"looked": f"served: {', '.join(service.all_tables)}"})
    if method != ("POST" if colon else "GET"):
        raise Problem(405, "This path does not take that method.")
    served = await service.table(name)
    if colon:
        body = _body(event)
        if not isinstance(body, dict) or not isinstance(body.get("keys"), list):
            raise Problem(400, "The body is no batch.", members={"looked": 'expected {"keys": [{column: value}, ...]}'})
        keys = [key_values(key) for key in body["keys"]]
        found = await service.batch(served, keys, _number(body.get("as_of")))
        rows = [
            {"found": True, **service.answer(served, row)} if row else {"found": False, **missing_answer(served, key)}
            for row, key in zip(found, keys, strict=True)
        ]
        return _response(200, {"table": served.name, "rows": rows})
    given = _query(event)
    row = await service.lookup(served, {k: v for k, v in given.items() if k != "as_of"}, _number(given.get("as_of")))
    tag, reason = etag([row]), served.stale(row, service.freshness)
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    if tag in [part.strip() for part in headers.get("if-none-match", "").split(",")]:
        return {"statusCode": 304, "headers": {"ETag": tag, "Cache-Control": "private, no-cache"}, "body": ""}
    more = {"ETag": tag, **({"Landfall-Stale": reason} if reason else {})}
    return _response(200, service.answer(served, row), more)


def _query(event: Mapping[str, Any]) -> dict[str, KeyValue]:
    if "rawQueryString" in event:
        pairs = parse_qsl(str(event["rawQueryString"]), keep_blank_values=True)
    else:
        several = event.get("multiValueQueryStringParameters") or {}
        single = event.get("queryStringParameters") or {}
        pairs = [(name, value) for name, values in several.items() for value in values] or list(single.items())
    if len(dict(pairs)) < len(pairs):
        raise Problem(400, "A parameter is given twice.")
    return {name: str(value) for name, value in pairs}


def _body(event: Mapping[str, Any]) -> Any:
    text = event.get("body") or ""
    try:
        return json.loads(base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text)
    except (ValueError, TypeError, RecursionError):
        raise Problem(400, "The body cannot be read as JSON.") from None


def _number(given: object) -> int | None:
    if given is None:
        return None
    text = "" if isinstance(given, bool) else str(given)
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) < 2**63):
        raise Problem(400, f"`as_of` cannot be {given!r}.", members={"looked": "expected the number of a publication"})
    return int(text)


def _refused(problem: Problem) -> Json:
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "private, no-store", **problem.headers}
    return {"statusCode": problem.status, "headers": headers, "body": json.dumps(problem.body(), ensure_ascii=False)}


def _response(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Json:
    all_headers = {"Content-Type": "application/json", "Cache-Control": "private, no-cache", **(headers or {})}
    return {"statusCode": status, "headers": all_headers, "body": json.dumps(body, ensure_ascii=False)}
