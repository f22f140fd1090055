"""Refusals as RFC 9457 describes them: `application/problem+json`."""

from collections.abc import Mapping

from landfall.errors import LandfallError
from landfall.serving.pool import Slow, Unavailable
from landfall.serving.tables import NotPublished

TITLES = {
    400: "The request is malformed",
    401: "Say who you are",
    403: "This key may not read that",
    404: "Nothing is published under this key",
    405: "This path does not take that method",
    408: "The request did not arrive in time",
    413: "The request is too large",
    414: "The address is too long",
    415: "The request is not JSON",
    429: "Too many requests",
    500: "The service failed",
    503: "The service cannot answer now",
    504: "The answer took too long",
}


class Problem(Exception):
    """A refusal that becomes an answer.

    Args:
        status: The HTTP status.
        detail: What failed, with names, for a person.
        headers: Headers of the answer.
        members: Further members of the problem.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
        self.members = {name: value for name, value in (members or {}).items() if value not in (None, "")}

    def body(self) -> dict[str, object]:
        """The problem as a JSON object."""
        title = TITLES.get(self.status, "The request failed")
        return {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.members}


def problem_of(error: LandfallError) -> Problem:
    """The problem that an error of Landfall is for a caller."""
    told = {"looked": error.looked, "next": error.next}
    match error:
        case Unavailable():
            return Problem(503, error.what, headers={"Retry-After": "1"})
        case Slow():
            return Problem(504, error.what, headers={"Retry-After": "1"})
        case NotPublished():
            return Problem(404, error.what, members=told)
    if error.fault == "request":
        return Problem(400, error.what, members=told)
    return Problem(503, error.what, headers={"Retry-After": "5"}, members=told)
