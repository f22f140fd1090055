"""The HTTP service: which path is answered by what."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, Router

from landfall.errors import LandfallError
from landfall.serving import keys
from landfall.serving.callers import Callers
from landfall.serving.front import Front, Handler
from landfall.serving.handlers import Handlers
from landfall.serving.metrics import TYPE, Metrics
from landfall.serving.openapi import DEPLOYED, document
from landfall.serving.page import page
from landfall.serving.service import Service
from landfall.serving.settings import ServingSettings
from landfall.serving.tables import Served
from landfall.serving.tracing import tracing

log = logging.getLogger("landfall.serving")
KEYS_EVERY, FRESHNESS_EVERY, USE_EVERY = 3.0, 15.0, 30.0
"""Seconds between two looks at the keys, at the ledger, and two notes of when keys were last used."""


def make_app(settings: ServingSettings, tables: Mapping[str, Served] | None = None) -> Front:
    """The ASGI application.

    Raises:
        SpecError: a declared table cannot be served under its name.
    """
    service, callers, metrics = Service(settings, tables), Callers(settings), Metrics()
    handlers = Handlers(service, callers, metrics)
    described = document(service.tables.values())

    async def openapi(request: Request) -> Response:
        return JSONResponse(described, media_type="application/openapi+json;version=3.1")

    async def docs(request: Request) -> Response:
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}
        return HTMLResponse(page(described), headers=headers)

    async def measures(request: Request) -> Response:
        return Response(metrics.text(service), media_type=TYPE)

    routes = [
        *(route for served in service.tables.values() for route in _of_table(handlers, served)),
        *_of_deployments(handlers),
        _route("/v1/tables", handlers.tables),
        *(
            route
            for model in sorted({served.model for served in service.tables.values() if served.model})
            for route in _of_model(handlers, model)
        ),
        _route("/healthz", handlers.alive),
        _route("/readyz", handlers.ready),
        _route("/metrics", measures),
        _route("/openapi.json", openapi),
        _route("/docs", docs),
    ]
    tracer = tracing()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()

        async def look_at_keys() -> None:
            await _look_at_keys(service, callers, handlers)

        callers.look = look_at_keys
        for look in (look_at_keys, service.refresh):
            with suppress(LandfallError):  # it is tried again and again below, which says why
                await look()
        background = asyncio.create_task(_look_again_and_again(service, callers, handlers))
        try:
            yield
        finally:
            background.cancel()
            with suppress(asyncio.CancelledError):
                await background
            await _note_use(service, callers)
            await service.stop()
            tracer.close()

    return Front(Router(routes, lifespan=lifespan), callers, metrics, tracer)


def _of_table(handlers: Handlers, served: Served) -> Sequence[Route]:
    path = f"/v1/{served.name}"

    async def rows(request: Request) -> Response:
        return await handlers.rows(request, served)

    async def batch(request: Request) -> Response:
        return await handlers.batch(request, served)

    return [_route(path, rows), _route(f"{path}:batch", batch, "POST")]


def _of_deployments(handlers: Handlers) -> Sequence[Route]:
    async def rows(request: Request) -> Response:
        return await handlers.deployed(request, handlers.rows)

    async def batch(request: Request) -> Response:
        return await handlers.deployed(request, handlers.batch)

    return [_route(f"{DEPLOYED}:batch", batch, "POST"), _route(DEPLOYED, rows)]


def _of_model(handlers: Handlers, model: str) -> Sequence[Route]:
    async def present(request: Request) -> Response:
        return await handlers.model(request, model)

    async def served_at(request: Request) -> Response:
        return await handlers.served(request, model)

    return [_route(f"/v1/models/{model}", present), _route(f"/v1/models/{model}/served", served_at)]


def _route(path: str, handler: Handler, method: str = "GET") -> Route:
    async def named(request: Request) -> Response:
        request.state.route = path
        return await handler(request)

    return Route(path, named, methods=[method])


async def _look_again_and_again(service: Service, callers: Callers, handlers: Handlers) -> None:
    """Keeps the keys and the freshness of the tables known, and notes when keys were last used. It outlives every failure."""
    due = dict.fromkeys(("keys", "freshness", "use"), 0.0)
    every = {"keys": KEYS_EVERY, "freshness": FRESHNESS_EVERY, "use": USE_EVERY}
    clock = asyncio.get_running_loop().time
    due["use"] = clock() + USE_EVERY
    while True:
        for what in every:
            if clock() < due[what]:
                continue
            try:
                if what == "keys":
                    await _look_at_keys(service, callers, handlers)
                elif what == "freshness":
                    await service.refresh()
                else:
                    await _note_use(service, callers)
                due[what] = clock() + every[what]
            except LandfallError as error:
                log.warning("%s", json.dumps({"failed": what, "why": error.what, "looked": error.looked}))
                due[what] = clock() + 1.0
            except Exception:
                log.exception("The look at the %s failed", what)
                due[what] = clock() + every[what]
        await asyncio.sleep(0.25)


async def _look_at_keys(service: Service, callers: Callers, handlers: Handlers) -> None:
    callers.grants = await asyncio.to_thread(service.standings.ask, keys.live)
    handlers.keys_at = datetime.now(UTC)


async def _note_use(service: Service, callers: Callers) -> None:
    used, callers.used = callers.used, {}
    if used:
        try:
            await asyncio.to_thread(service.standings.ask, lambda conn: keys.note_use(conn, used))
        except LandfallError as error:
            callers.used = {**used, **callers.used}
            log.warning("When keys were last used is not written down. %s", error)
