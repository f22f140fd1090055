"""What stands before MiniLake: who is let in, and a GET with its parameters in a body. MiniLake itself: tests/compute/."""

import base64
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from landfall.stack.minilake_server import Front

TOKEN = "0123456789abcdef"


async def echo(request: Request) -> JSONResponse:
    body = (await request.body()).decode()
    return JSONResponse({"query": dict(request.query_params), "body": body})


@pytest.fixture
def client() -> httpx.AsyncClient:
    inner = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(Front(inner, TOKEN)), base_url="http://front")


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [bearer(), basic(f"anybody:{TOKEN}"), {"authorization": f"bearer {TOKEN}"}])
async def test_who_shows_the_token_is_let_in(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.get("/api/2.2/jobs/list", headers=headers)).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (bearer("another"), 403),
        (bearer(""), 401),
        (basic(f"{TOKEN}:another"), 403),
        (basic("no colon"), 401),
        ({"Authorization": "Basic %%%"}, 401),
        ({"Authorization": f"Digest {TOKEN}"}, 401),
        (bearer("tökén"), 403),
    ],
)
async def test_nobody_else_is(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    refused = await client.post("/api/2.2/jobs/runs/submit", headers=encoded, json={"tasks": []})
    assert refused.status_code == status
    assert refused.json() == {"error_code": str(status), "message": "Invalid access token."}
    assert ("www-authenticate" in refused.headers) is (status == 401)


@pytest.mark.anyio
async def test_the_parameters_in_a_gets_body_are_its_query(client: httpx.AsyncClient) -> None:
    told = await client.request("GET", "/runs/get?more=1", headers=bearer(), json={"run_id": 7, "name": "a b&c"})
    assert told.json() == {"query": {"more": "1", "run_id": "7", "name": "a b&c"}, "body": ""}


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff"])
async def test_a_gets_body_that_holds_no_parameters_is_left_out(client: httpx.AsyncClient, body: bytes) -> None:
    told = await client.request("GET", "/runs/get?run_id=7", headers=bearer(), content=body)
    assert told.json() == {"query": {"run_id": "7"}, "body": ""}


@pytest.mark.anyio
async def test_every_other_request_is_passed_on_as_it_is(client: httpx.AsyncClient) -> None:
    sent: dict[str, Any] = {"run_name": "x"}
    told = await client.post("/runs/submit?a=1", headers=bearer(), json=sent)
    assert json.loads(told.json()["body"]) == sent
    assert told.json()["query"] == {"a": "1"}
    assert (await client.get("/.well-known/databricks-config")).status_code == 200
