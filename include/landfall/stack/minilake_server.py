"""MiniLake behind a front of ours, which adds what Databricks does and the emulator does not, where a client would notice.

It runs in MiniLake's own environment, as a file; nothing of this project is installed there. What it adds:

* Only a client that shows the token is served. MiniLake accepts any token, and it runs programs: another user of the machine
  must not run them.
* A GET whose parameters come as a JSON body, as Airflow's triggers send them, is understood.

What Databricks has and this does not: `python_wheel_task` (such a task is skipped), `idempotency_token` of run-now, repair,
permissions, serverless, run pages with Spark's own UI. A cancelled run ends after the task that is running, not at once.
"""

import base64
import hmac
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

TOKEN = "MINILAKE_TOKEN"  # noqa: S105  (the name of a variable)


class Front:
    """The application that clients see.

    Args:
        inner: MiniLake's application.
        token: What a client must show: as a bearer token, or as the password that a browser asks for.
    """

    def __init__(self, inner: "Callable[[Scope, Receive, Send], Awaitable[None]]", token: str) -> None:
        self.inner, self.token = inner, token

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serves one request."""
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
        elif scope["type"] == "http":
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            shown = credential(headers.get("authorization", ""))
            if scope["path"].startswith(
                "/.well-known/"
            ):  # requested before a client signs in; MiniLake has nothing there
                await self.inner(scope, receive, send)
            elif not hmac.compare_digest(shown.encode(), self.token.encode()):
                await refuse(send, 403 if shown else 401)
            elif scope["method"] == "GET" and headers.get("content-length", "0") != "0":
                await self.inner(*await body_as_query(scope, receive), send)
            else:
                await self.inner(scope, receive, send)


def credential(header: str) -> str:
    """The token in an Authorization header; "" if it has none that can be read."""
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value
    try:
        return base64.b64decode(value).decode().partition(":")[2] if kind.lower() == "basic" else ""
    except ValueError:
        return ""


async def body_as_query(scope: "Scope", receive: "Receive") -> "tuple[Scope, Receive]":
    """The same request, with the fields of its JSON body in its query."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    try:
        fields = json.loads(body)
    except ValueError:
        fields = None
    query = scope["query_string"]
    if isinstance(fields, dict):
        query = b"&".join(part for part in (query, urlencode(fields).encode()) if part)
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"content-length"]

    async def nothing() -> "Message":
        return {"type": "http.request", "body": b"", "more_body": False}

    return {**scope, "query_string": query, "headers": headers}, nothing


async def refuse(send: "Send", status: int) -> None:
    """Answers as Databricks does to a wrong token, or (401) so that a browser asks for one."""
    body = json.dumps({"error_code": str(status), "message": "Invalid access token."}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="MiniLake: any user, the token as password"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serves on 127.0.0.1, at the port that the command line names."""
    import uvicorn
    from minilake.app import create_app

    token = os.environ.pop(TOKEN)  # the jobs that MiniLake starts have no use for it
    front = Front(create_app(), token)
    # h11: the other parser of uvicorn drops the body of a request that asks for HTTP/2, as Java's client does.
    uvicorn.run(front, host="127.0.0.1", port=int(sys.argv[1]), http="h11", log_level="warning")


if __name__ == "__main__":
    main()
