"""What each path of the service answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from landfall.database.statements import plain
from landfall.errors import PublishingError
from landfall.freshness.history import PromotionRecord
from landfall.publishing.keys import parse_value
from landfall.serving.answers import Json, etag, key_values, kind, missing_answer, stale_reasons
from landfall.serving.callers import Caller, Callers
from landfall.serving.deployed import DEPLOYED
from landfall.serving.listing import listed
from landfall.serving.metrics import Metrics
from landfall.serving.problems import Problem
from landfall.serving.service import Service
from landfall.serving.tables import Row, Served

KEYS_KNOWN_FOR = timedelta(seconds=60)
"""How long the service counts as ready although it could not look at the keys."""
KEYS_A_TOKEN = 100
"""So many keys of a batch cost as much as one request."""
PRIVATE = "private, no-cache"
OfTable = Callable[[Request, Served], Awaitable[Response]]


class Handlers:
    """The handlers. `keys_at` is when the service last looked at the keys."""

    def __init__(self, service: Service, callers: Callers, metrics: Metrics) -> None:
        self.service, self.callers, self.metrics = service, callers, metrics
        self.keys_at: datetime | None = None

    async def rows(self, request: Request, served: Served) -> Response:
        """`GET /v1/TABLE`: one row, or with a range of the last key column a page of rows."""
        self._admit(request, served)
        given = _query(request)
        as_of = _whole(given.pop("as_of", None), "as_of")
        ranged = {f"{served.last}_from", f"{served.last}_to", "after", "limit"}
        if ranged & given.keys() and served.last not in given:
            return await self._page(request, served, given, as_of)
        try:
            row = await self.service.lookup(served, given, as_of)
        except Problem:
            self.metrics.found(served.name, 0, 1)
            raise
        self.metrics.found(served.name, 1, 0)
        request.state.rows = 1
        return self._tagged(request, served, [row], self.service.answer(served, row), etag([row]))

    async def _page(self, request: Request, served: Served, given: dict[str, str], as_of: int | None) -> Response:
        last = served.last
        first, until, after = (given.pop(name, None) for name in (f"{last}_from", f"{last}_to", "after"))
        limit = _whole(given.pop("limit", None), "limit") or 100
        page = await self.service.reader.page(
            served, given, first=first, until=until, after=after, limit=limit, as_of=as_of
        )
        self.metrics.found(served.name, len(page.rows), 0)
        request.state.rows = len(page.rows)
        onward = None
        if page.after is not None:
            more = {
                f"{last}_from": first,
                f"{last}_to": until,
                "after": plain(page.after),
                "limit": limit,
                "as_of": as_of,
            }
            onward = f"/v1/{quote(served.name)}?" + urlencode(
                {**given, **{k: v for k, v in more.items() if v is not None}}
            )
        body: Json = {
            "table": served.name,
            "rows": [self.service.answer(served, row) for row in page.rows],
            "next": onward,
        }
        return self._tagged(request, served, list(page.rows), body, etag(page.rows, bool(onward), len(page.rows)))

    async def batch(self, request: Request, served: Served) -> Response:
        """`POST /v1/TABLE:batch`: the rows of up to 1,000 keys, in their order, all of one moment."""
        caller = self._admit(request, served)
        body = await _json(request)
        if not isinstance(body, dict) or not isinstance(body.get("keys"), list) or body.keys() - {"keys", "as_of"}:
            expected = 'expected {"keys": [{column: value, ...}, ...]}, and "as_of" if you like'
            raise Problem(400, "The body is no batch.", members={"looked": expected})
        as_of = body.get("as_of")
        if as_of is not None and (isinstance(as_of, bool) or not isinstance(as_of, int) or not 0 < as_of < 2**63):
            raise Problem(400, f"`as_of` is {kind(as_of)}.", members={"looked": "expected the number of a publication"})
        wanted = [key_values(key) for key in body["keys"]]
        self.callers.charge(caller, len(wanted) // KEYS_A_TOKEN)
        found = await self.service.reader.batch(served, wanted, as_of)
        rows = [row for row in found if row is not None]
        self.metrics.found(served.name, len(rows), len(found) - len(rows))
        request.state.rows = len(rows)
        answers = [
            {"found": True, **self.service.answer(served, row)}
            if row
            else {"found": False, **missing_answer(served, key)}
            for row, key in zip(found, wanted, strict=True)
        ]
        return self._answered(served, rows, {"table": served.name, "rows": answers}, {"ETag": etag(rows)})

    async def tables(self, request: Request) -> Response:
        """`GET /v1/tables`: the tables that the caller may read, and how fresh each is."""
        caller: Caller = request.state.caller
        known = self.service.freshness
        rows = [listed(served, known) for served in self.service.all_tables.values() if caller.may_read(served.name)]
        return JSONResponse({"tables": rows, "known_at": plain(known.at)}, headers={"Cache-Control": PRIVATE})

    async def model(self, request: Request, model: str) -> Response:
        """`GET /v1/models/MODEL`: the version that serves, and the changes before it."""
        self._admit_to_model(request, model)
        limit = _whole(_query(request).pop("limit", None), "limit") or 20
        present, changes = await asyncio.to_thread(self.service.standings.model, model, min(limit, 100))
        body = {
            "model": model,
            "version": present.version if present else None,
            "since": plain(present.at) if present else None,
            "changes": [_change(change) for change in changes],
        }
        return JSONResponse(body, headers={"Cache-Control": PRIVATE})

    async def served(self, request: Request, model: str) -> Response:
        """`GET /v1/models/MODEL/served?at=`: the version that served at a moment."""
        self._admit_to_model(request, model)
        text = _query(request).get("at")
        if text is None:
            raise Problem(400, "`at` is missing.", members={"looked": "expected a time, such as at=2012-12-25T12:00"})
        moment = parse_value("at", "timestamptz", text)
        if not isinstance(moment, datetime):
            raise TypeError(f"{moment!r} is no moment")
        change = await asyncio.to_thread(self.service.standings.served_at, model, moment)
        if change is None:
            raise Problem(404, f"No version of `{model}` served at {moment.isoformat()}.")
        body = {"model": model, "at": plain(moment), **_change(change)}
        return JSONResponse(body, headers={"Cache-Control": PRIVATE})

    async def deployed(self, request: Request, handler: OfTable) -> Response:
        """What `handler` gives for the table of a deployed model that the address names."""
        caller: Caller = request.state.caller
        name = DEPLOYED + request.path_params["table"]
        if not caller.may_read(name):
            raise self._closed(caller, name)
        return await handler(request, await self.service.deployed(name))

    async def alive(self, request: Request) -> Response:
        """`GET /healthz`: the process answers."""
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        """`GET /readyz`: 200 if look-ups can be answered. Whoever shows a key is told what is stale and what is late."""
        now, known = datetime.now(UTC), self.service.freshness
        lacks = []
        if self.keys_at is None or now - self.keys_at > KEYS_KNOWN_FOR:
            lacks.append("the keys cannot be read")
        if known.at is None:
            lacks.append("the ledger cannot be read")
        try:
            await self.service.ask_database()
        except PublishingError as error:
            lacks.append(error.what)
        body: Json = {"status": "not ready" if lacks else "ready", "lacks": lacks}
        if request.headers.get("authorization") or request.headers.get("x-api-key"):
            caller = await self.callers.identify(request.headers, request.client.host if request.client else "")
            body["stale"] = [
                {"table": table, "partition": partition, "reason": reason}
                for (table, partition), reason in sorted(known.stale.items())
                if caller.may_read(table)
            ]
            body["late"] = {table: late for table, late in known.late.items() if late and caller.may_read(table)}
        return JSONResponse(body, 503 if lacks else 200)

    def _admit(self, request: Request, served: Served) -> Caller:
        caller: Caller = request.state.caller
        request.state.table = served.name
        if not caller.may_read(served.name):
            raise self._closed(caller, served.name)
        return caller

    def _closed(self, caller: Caller, name: str) -> Problem:
        readable = ", ".join(known for known in self.service.all_tables if caller.may_read(known)) or "none"
        return Problem(403, f"This key may not read `{name}`.", members={"looked": f"it may read: {readable}"})

    def _admit_to_model(self, request: Request, model: str) -> None:
        caller: Caller = request.state.caller
        if not any(caller.may_read(served.name) for served in self.service.tables.values() if served.model == model):
            raise Problem(403, f"This key may read no table of the model `{model}`.")

    def _tagged(self, request: Request, served: Served, rows: list[Row], body: Json, tag: str) -> Response:
        """The answer; 304 without a body if the caller has it already."""
        known = [part.strip() for part in request.headers.get("if-none-match", "").split(",")]
        if rows and (tag in known or tag.removeprefix("W/") in known or known == ["*"]):
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": PRIVATE})
        return self._answered(served, rows, body, {"ETag": tag} if rows else {})

    def _answered(self, served: Served, rows: list[Row], body: Json, headers: Mapping[str, str]) -> Response:
        stale = stale_reasons(served, rows, self.service.freshness)
        more = {"Landfall-Stale": ", ".join(stale)} if stale else {}
        return JSONResponse(body, headers={"Cache-Control": PRIVATE, **headers, **more})


def _query(request: Request) -> dict[str, str]:
    """The parameters of the address, each of which may be there once."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Problem(400, "A parameter is given twice.")
    return given


def _whole(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) < 2**63):
        raise Problem(400, f"`{name}` cannot be {text!r}.", members={"looked": "expected a whole number over 0"})
    return int(text)


async def _json(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "The body is not JSON.", members={"looked": "expected Content-Type: application/json"})
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Problem(400, "The body cannot be read as JSON.") from None


def _change(change: PromotionRecord) -> Json:
    return {
        "version": change.version,
        "replaced": change.replaced,
        "since": plain(change.at),
        "kind": change.kind,
        "reason": change.reason,
    }
