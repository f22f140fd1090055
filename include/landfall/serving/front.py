"""What every request passes before a handler sees it, and every answer after: limits, who asks, errors, measures, the access log.

It is plain ASGI: Starlette's own middleware classes take about as long as a whole look-up.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from landfall.errors import LandfallError
from landfall.serving.callers import Caller, Callers
from landfall.serving.metrics import Metrics
from landfall.serving.problems import Problem, problem_of
from landfall.serving.tracing import Tracing

log = logging.getLogger("landfall.serving")
access = logging.getLogger("landfall.serving.access")
Handler = Callable[[Request], Awaitable[Response]]
LONGEST_ADDRESS, LARGEST_BODY = 4_096, 512 * 1024
"""Bytes. A batch of 1,000 keys with four columns has about 120 kB."""
MOST_UNDER_WAY = 512
"""Beyond so many requests at once, a further one is refused at once instead of waiting for its turn in vain."""
OPEN = ("/healthz", "/readyz")
"""Paths that answer without a key. They tell nobody anything but whether the service is well."""

FOR_BROWSERS = ("/docs", "/openapi.json")
"""Paths that a person opens in a browser, which can ask its user for a key as a password."""


class Front:
    """The ASGI application around the routes. Handlers find `caller` in `request.state`, and may put `table` and `rows` there."""

    def __init__(self, routes: Router, callers: Callers, metrics: Metrics, tracing: Tracing) -> None:
        self.routes, self.callers, self.metrics, self.tracing = routes, callers, metrics, tracing
        self.under_way = 0
        self._handlers: dict[tuple[str, str], Handler] = {
            (method, route.path): route.endpoint
            for route in routes.routes
            if isinstance(route, Route) and not route.param_convertors
            for method in (route.methods or ())
        }
        """Method and path -> handler, of the paths without a parameter: most requests need no router."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.routes(scope, receive, send)
        elif scope["type"] == "http":
            headers = Headers(scope=scope)
            with self.tracing.request(scope["method"], headers) as span:
                self.under_way += 1
                try:
                    await self._request(scope, receive, send, headers, span)
                finally:
                    self.under_way -= 1

    async def _request(self, scope: Scope, receive: Receive, send: Send, headers: Headers, span: Any) -> None:
        began, status = time.perf_counter(), 0
        state: dict[str, Any] = {}
        # `app` makes Starlette's routes raise an error for a path or a method that is not theirs.
        scope = {**scope, "state": state, "app": self}

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            async with asyncio.timeout(self.callers.settings.seconds):
                await self._admit(scope, headers, state)
                handler = self._handlers.get((scope["method"], scope["path"]))
                if handler is None:  # it has the words for a path or a method that is not there
                    await self.routes(scope, _Limited(receive), sending)
                else:
                    answer = await handler(Request(scope, _Limited(receive)))
                    await answer(scope, receive, sending)
        except Exception as error:
            problem = _problem(error)
            if problem.status == 401 and scope["path"] in FOR_BROWSERS:
                problem.headers["WWW-Authenticate"] = 'Basic realm="landfall: any name, and a key as the password"'
            if status == 0:
                await respond(problem)(scope, receive, sending)
        finally:
            route, seconds = state.get("route", "none"), time.perf_counter() - began
            self.metrics.answered(route, status, seconds)
            span.end_as(route, status, state.get("table", ""))
            self._log(scope, state, route, status, seconds, span.trace_id)

    async def _admit(self, scope: Scope, headers: Headers, state: dict[str, Any]) -> None:
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
            raise Problem(414, f"The address has more than {LONGEST_ADDRESS} bytes.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            raise Problem(413, f"The body has more than {LARGEST_BODY} bytes.")
        if scope["path"] in OPEN:
            return
        if self.under_way > MOST_UNDER_WAY:
            raise Problem(503, "Too many requests are under way.", headers={"Retry-After": "1"})
        address = scope["client"][0] if scope.get("client") else "unknown"
        caller = await self.callers.identify(headers, address)
        state["caller"] = caller
        self.callers.charge(caller)

    def _log(
        self, scope: Scope, state: Mapping[str, Any], route: str, status: int, seconds: float, trace_id: str
    ) -> None:
        """One line of JSON. The path is its template and the query is left out: values of keys are nobody's but the caller's."""
        caller: Caller | None = state.get("caller")
        line = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "caller": caller.name if caller else "nobody",
            "table": state.get("table", ""),
            "rows": state.get("rows", 0),
            **({"trace_id": trace_id} if trace_id else {}),
        }
        access.info("%s", json.dumps(line))


class _Limited:
    """Receives a body up to `LARGEST_BODY`, whatever its header says."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._seen = receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > LARGEST_BODY:
            raise Problem(413, f"The body has more than {LARGEST_BODY} bytes.")
        return message


def respond(problem: Problem) -> Response:
    """The problem as an answer."""
    headers = {"Cache-Control": "private, no-store", **problem.headers}
    text = json.dumps(problem.body(), ensure_ascii=False)
    return Response(text, problem.status, headers, media_type="application/problem+json")


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case LandfallError():
            if error.fault != "request":
                log.warning("%s", error)
            return problem_of(error)
        case HTTPException():
            headers = dict(error.headers or {})
            detail = {404: "There is no such path.", 405: "This path does not take that method."}
            more = {"next": "GET /v1/tables lists what your key may read"} if error.status_code == 404 else {}
            return Problem(
                error.status_code, detail.get(error.status_code, error.detail), headers=headers, members=more
            )
        case TimeoutError():
            return Problem(504, "The answer took too long.", headers={"Retry-After": "1"})
    log.exception("A request failed", exc_info=error)
    return Problem(500, "The service failed; its log says why.")
