"""A small client of the lookup service, with nothing but the standard library: an application may copy this file."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Row = dict[str, Any]
TRIES = 4
PASSING = (429, 503, 504)
"""Answers after which the same question may be answered in a moment."""


class Refused(Exception):
    """The service gave no row: its HTTP `status`, and the `problem` (RFC 9457) with `detail`, `state`, `why` and `nearest`."""

    def __init__(self, status: int, problem: Row) -> None:
        super().__init__(f"{status}: {problem.get('detail', '')}")
        self.status, self.problem = status, problem


class Predictions:
    """Asks one service with one key.

    Args:
        address: Where it answers, such as https://predictions.example.org.
        key: What `landfall keys create` showed.
        timeout: Seconds that one request may take. It is tried up to four times where the service cannot answer at the moment.
    """

    def __init__(self, address: str, key: str, *, timeout: float = 10.0) -> None:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"expected http:// or https://, not {address!r}")
        self._address, self._key, self._timeout = address.rstrip("/"), key, timeout

    def lookup(self, table: str, key: Mapping[str, str | float], *, as_of: int | None = None) -> Row:
        """The row of a key: `lookup("bike_demand", {"city": "Washington", "state": "D.C.", "time": "2012-12-25T12:00"})`.

        Raises:
            Refused: it has none (status 404), or the service refuses.
        """
        return self._ask(f"/v1/{table}?" + _query({**key, "as_of": as_of}))

    def batch(
        self, table: str, keys: Iterable[Mapping[str, str | float]], *, as_of: int | None = None
    ) -> list[Row | None]:
        """The rows of up to 1,000 keys, in their order; None in the place of a key without a row.

        Raises:
            Refused: the service refuses.
        """
        body = {"keys": list(keys), **({} if as_of is None else {"as_of": as_of})}
        return [row if row["found"] else None for row in self._ask(f"/v1/{table}:batch", body)["rows"]]

    def range(self, table: str, bounds: Mapping[str, str | float]) -> Iterator[Row]:
        """The rows of a range, page after page: a value for each key column but the last, `COLUMN_from` and `COLUMN_to` for that.

        Raises:
            Refused: the service refuses.
        """
        path: str | None = f"/v1/{table}?" + _query({"limit": 1000, **bounds})
        while path:
            page = self._ask(path)
            yield from page["rows"]
            path = page["next"]

    def _ask(self, path: str, body: object = None) -> Row:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, headers)  # noqa: S310  (http or https: __init__)
        for tried in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                    given: Row = json.load(answer)
                    return given
            except urllib.error.HTTPError as error:
                if error.code not in PASSING or tried == TRIES:
                    raise Refused(error.code, _problem(error)) from None
                pause = error.headers.get("Retry-After", "")
                time.sleep(min(float(pause) if pause.isdecimal() else 1.0, self._timeout))
        raise AssertionError("the last try returns or raises")


def _query(parameters: Mapping[str, str | float | None]) -> str:
    return urllib.parse.urlencode({name: value for name, value in parameters.items() if value is not None})


def _problem(error: urllib.error.HTTPError) -> Row:
    try:
        return dict(json.load(error))
    except (ValueError, TypeError):
        return {"detail": error.reason}
