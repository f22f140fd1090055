"""Limits wrong passwords: Airflow's own login may be tried without limit, 60 times in 1.5 s.

A source may send `BURST` wrong passwords, and one more every `SECONDS` seconds. Beyond that its next attempt is refused before
the password is checked (429, with the seconds to wait), until one more is allowed. Allowance grows with time alone: no source is
ever shut out for longer than that, and right passwords cost nothing, however many there are.

A source is an address. On this machine, where all have the same address, it is the Unix user whose program opened the
connection, so a stranger who tries passwords does not keep others from signing in. Behind a proxy all people have the proxy's
address, unless Airflow is told to trust its headers (`airflow api-server --proxy-headers`); limit attempts in the proxy too.

The count is in the memory of one server process. It cannot tell a patient attacker from a forgetful person.
"""

import ipaddress
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BURST, SECONDS = 10, 6.0
MOST_SOURCES = 4096
"""How many sources are remembered, in about 1 MB. All further ones share one count."""
LOGIN = "/auth/token"
WRONG = 401
SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class LoginThrottle:
    """ASGI middleware around Airflow's API server."""

    def __init__(self, app: "ASGIApp", clock: Callable[[], float] = time.monotonic) -> None:
        self.app, self.clock = app, clock
        self._free_at: dict[str, float] = {}
        """Source -> the time at which all its wrong passwords so far are forgotten."""

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or LOGIN not in scope["path"]:
            await self.app(scope, receive, send)
            return
        source = self._known(source_of(scope))
        if wait := self._take(source):
            await _refuse(send, wait)
            return
        status = 0

        async def watch(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            if status != WRONG:
                self._give_back(source)

    def _take(self, source: str) -> int:
        """Counts an attempt before it is known to be wrong, as many may come at once; gives the seconds to wait if refused."""
        now = self.clock()
        free_at = max(self._free_at.get(source, now), now) + SECONDS
        if (beyond := free_at - now - BURST * SECONDS) > 1e-6:
            return max(1, math.ceil(beyond))
        self._free_at[source] = free_at
        return 0

    def _give_back(self, source: str) -> None:
        if source in self._free_at:
            self._free_at[source] -= SECONDS

    def _known(self, source: str) -> str:
        """`source` itself, or the common name of all sources for which there is no room."""
        if source not in self._free_at and len(self._free_at) >= MOST_SOURCES:
            now = self.clock()
            self._free_at = {name: free_at for name, free_at in self._free_at.items() if free_at > now}
            if len(self._free_at) >= MOST_SOURCES:
                return "others"
        return source


def source_of(scope: "Scope") -> str:
    """Where a request comes from: the Unix user on this machine, or another machine's address (for IPv6 its network)."""
    host, port = scope.get("client") or ("", 0)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        user = _user_of(port, (scope.get("server") or ("", 0))[1])
        return f"user {user}" if user is not None else str(address)
    return str(address) if address.version == 4 else str(ipaddress.ip_network(f"{address}/64", strict=False))


def _user_of(port: int, server: int | None) -> int | None:
    """The Unix user whose socket on this machine has `port` and is connected to port `server`; None if Linux does not say."""
    for table in SOCKETS:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, remote, _, _, _, _, user, *_ = line.split()
            if local.endswith(f":{port:04X}") and remote.endswith(f":{server or 0:04X}"):
                return int(user)
    return None


async def _refuse(send: "Send", wait: int) -> None:
    body = json.dumps({"detail": f"Too many wrong passwords: try again in {wait} s."}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(wait).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
