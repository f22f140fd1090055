"""Who asks: the holder of a key, of a token of an OpenID Connect issuer, or, where the service is public, anybody."""

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from landfall.serving.keys import EVERYTHING, MARK, Grant, digest
from landfall.serving.limits import Buckets
from landfall.serving.problems import Problem
from landfall.serving.settings import ServingSettings
from landfall.serving.tokens import Tokens

WRONG_PER_SECOND = 2.0
"""How many wrong keys a second one address may try."""
CHALLENGE = 'Bearer realm="landfall"'


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Args:
        name: Whom the access log names: `key NAME`, `token SUBJECT` or `public`.
        tables: The tables that the caller may read; `*` among them: every table.
        per_second: How many requests a second the caller may make.
        bucket: What the caller's requests are counted under.
    """

    name: str
    tables: frozenset[str]
    per_second: float
    bucket: str

    def may_read(self, table: str) -> bool:
        """Whether the caller may read a served table."""
        return EVERYTHING in self.tables or table in self.tables


Look = Callable[[], Awaitable[None]]
"""Looks at the keys and sets `grants`."""
LOOKS_EVERY = 1.0
"""Seconds between two looks at the keys because somebody shows one that is not known."""


class Callers:
    """Tells who asks by the header `Authorization` (`Bearer KEY`) or `X-API-Key`. `grants` are the keys that are live;
    None until the database was asked for them."""

    def __init__(self, settings: ServingSettings) -> None:
        self.settings = settings
        self.grants: Mapping[str, Grant] | None = None
        self.used: dict[int, datetime] = {}
        self.buckets = Buckets()
        self.look: Look | None = None
        self._looked = 0.0
        self._tokens = Tokens(settings.issuer, settings.audience) if settings.issuer else None

    async def identify(self, headers: Mapping[str, str], address: str) -> Caller:
        """Who asks.

        Raises:
            Problem: 401: nobody whom the service answers; 429: too many wrong keys from this address; 503: a key is shown
                before the database could be asked for the keys.
        """
        secret = _secret(headers)
        if not secret:
            if self.settings.public:
                return Caller("public", frozenset({EVERYTHING}), self.settings.per_second, f"address {address}")
            raise Problem(
                401,
                "This service answers only those who show a key.",
                headers={"WWW-Authenticate": CHALLENGE},
                members={"next": "landfall keys create NAME --table TABLE, then the header Authorization: Bearer KEY"},
            )
        if grant := await self._grant(secret):
            now = datetime.now(UTC)
            if grant.expires_at is None or grant.expires_at > now:
                self.used[grant.id] = now
                rate = grant.per_second or self.settings.per_second
                return Caller(f"key {grant.name}", frozenset(grant.tables), rate, f"key {grant.id}")
        elif self._tokens and not secret.startswith(MARK) and secret.count(".") == 2:
            subject, tables = await asyncio.to_thread(self._tokens.verify, secret)
            return Caller(f"token {subject}", tables, self.settings.per_second, f"token {subject}")
        if wait := self.buckets.take(f"wrong {address}", WRONG_PER_SECOND):
            raise too_many(wait)
        raise Problem(
            401,
            "This key is unknown, expired or revoked.",
            headers={"WWW-Authenticate": CHALLENGE + ', error="invalid_token"'},
            members={"next": "landfall keys list"},
        )

    async def _grant(self, secret: str) -> Grant | None:
        """The key that is shown, if it is live. One that was made just now is looked for."""
        if not secret.startswith(MARK):
            return None
        sha256, moment = digest(secret), time.monotonic()
        if sha256 not in (self.grants or {}) and self.look and moment > self._looked + LOOKS_EVERY:
            self._looked = moment
            await self.look()
        if self.grants is None:
            raise Problem(
                503, "The keys are not known yet: the database has not answered.", headers={"Retry-After": "1"}
            )
        return self.grants.get(sha256)

    def charge(self, caller: Caller, tokens: float = 1.0) -> None:
        """Takes tokens from the caller's bucket.

        Raises:
            Problem: 429: it has not enough.
        """
        if wait := self.buckets.take(caller.bucket, caller.per_second, tokens):
            raise too_many(wait)


def too_many(seconds: float) -> Problem:
    """The refusal of a caller who asks too often."""
    whole = max(1, int(seconds + 0.999))
    return Problem(429, "This caller asks too often.", headers={"Retry-After": str(whole)})


def _secret(headers: Mapping[str, str]) -> str:
    """What the caller shows: a bearer token, the header `X-API-Key`, or the password of Basic, which browsers ask for."""
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return shown.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(shown.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return headers.get("x-api-key", "").strip()
