"""A client for a server that speaks JSON over HTTP. It uses the standard library only: a Lambda function has nothing else.

Secrets are sent in a header or a body and are never shown: not the token, not the body of a sign-in, not what the server
answers to it, and not an address with a password in it.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from landfall.errors import RunError, SettingsError
from landfall.json_values import Json

PATIENCE = 10.0
"""Seconds after which a server that does not answer counts as away."""
_MOST = 1_000_000
"""How many bytes of an answer are read."""


class RefusedError(RunError):
    """The server answered, but not with success. `status` is the HTTP status."""

    status = 0


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: urllib would take the token along to wherever it leads."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class JsonApi:
    """One server.

    Args:
        name: Its name in messages.
        url: Its address, `http://` or `https://`, without credentials, query or fragment. A path is kept.
        setting: The environment variable that holds `url`.

    Raises:
        SettingsError: `url` is no such address. The message does not show it.
    """

    def __init__(self, name: str, url: str, *, setting: str) -> None:
        self.name, self.url, self._token = name, url.rstrip("/"), ""
        self._opener: OpenerDirector = build_opener(_NoRedirects)
        if not _is_address(url):
            raise SettingsError(
                f"The setting `{setting}` is not the address of a server.",
                looked="expected https://HOST, with no user, password or query in it",
                next="correct it in the configuration of the function (docs/lambda.md)",
            )

    def sign(self, token: str) -> None:
        """Sends `token` with every call from now on.

        Raises:
            RunError: it cannot be a token. If it were sent, an error of the standard library would show it.
        """
        if not re.fullmatch(r"[!-~]+", token):
            raise RunError(f"The token for {self.name} holds characters that no token has.", looked="not shown here")
        self._token = token

    def call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> object:
        """The parsed answer to one request. `path` must be quoted already. Never retries, never follows a redirect.

        Raises:
            RefusedError: the server answered with a status other than success.
            RunError: it does not answer within `PATIENCE` seconds, or not in JSON.
        """
        request = f"{method} {self.url}{path}"
        try:
            # The scheme was checked to be http or https when the address was read.
            with self._opener.open(self._request(method, path, query, body), timeout=PATIENCE) as answer:
                content = answer.read(_MOST)
        except HTTPError as error:
            raise self._refused(error, request) from None
        except (OSError, HTTPException, UnicodeError) as error:  # UnicodeError: a host such as a..b
            raise RunError(f"{self.name} does not answer.", looked=f"{request} ({type(error).__name__})") from error
        try:
            return json.loads(content) if content else {}
        except (ValueError, RecursionError):
            raise RunError(f"{self.name} does not answer in JSON.", looked=request) from None

    def surprise(self, expected: str) -> RunError:
        """The error for an answer whose shape is not the documented one."""
        return RunError(f"{self.name} answered something else than {expected}.", looked=self.url)

    def _request(self, method: str, path: str, query: Mapping[str, str] | None, body: Json | None) -> Request:
        question = f"?{urlencode(query)}" if query else ""
        request = Request(f"{self.url}{path}{question}", method=method)  # noqa: S310 - checked in __init__
        request.add_header("Accept", "application/json")
        if self._token:
            # Not redirected: the header stays with this server even if urllib's default changes.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        return request

    def _refused(self, error: HTTPError, request: str) -> RefusedError:
        """The error with the server's message, escaped. Before signing in it shows no message: that may repeat the password."""
        message = ""
        if self._token:
            with error, suppress(OSError, HTTPException):
                message = error.read(_MOST).decode(errors="replace").replace(self._token, "***")[:300]
        refused = RefusedError(f"{self.name} refused: {error.code}{message and f' {message!r}'}", looked=request)
        refused.status = error.code
        return refused


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        return False
    extra = parts.username or parts.password or parts.query or parts.fragment
    plain = re.fullmatch(r"[!-~]+", url)
    return bool(parts.scheme in ("http", "https") and named and plain and not extra)
