"""A signed-in client of Airflow's REST API, which copes with a server that is busy, starting or away."""

import time
from typing import Any

import httpx
from tenacity import RetryCallState, RetryError, Retrying, stop_after_delay, wait_exponential_jitter

from landfall.errors import RunError
from landfall.json_values import Json
from landfall.spec import Settings

SIGN_IN = "/auth/token"
BUSY = (429, 502, 503, 504)
"""Answers of an overloaded server, or of a proxy whose server is away."""
REFUSED = 3.0
"""Seconds for which a port that nobody listens on is tried: a stack that is down must be reported as down, and soon."""


def _worth_another_try(state: RetryCallState) -> bool:
    outcome = state.outcome
    if outcome is None:
        return True
    if (error := outcome.exception()) is None:
        return outcome.result().status_code in BUSY
    if isinstance(error, httpx.ConnectError):
        return (state.seconds_since_start or 0) < REFUSED
    return isinstance(error, httpx.TransportError)


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: what the server asks for, at most ten; else a pause that grows with each try."""
    outcome = state.outcome
    retry_after = "" if outcome is None or outcome.failed else outcome.result().headers.get("Retry-After", "")
    return min(float(retry_after), 10.0) if retry_after.isdecimal() else _LONGER(state)


_LONGER = wait_exponential_jitter(multiplier=0.3, max=5)
AGAIN = Retrying(
    retry=_worth_another_try,
    wait=_pause,
    stop=stop_after_delay(100),
    reraise=False,
)
"""Enough for three answers that do not come within 30 s each, or for many errors that come at once."""


class AirflowClient:
    """A signed-in client. Every call raises a RunError if Airflow is away or refuses.

    Requests that are safe to repeat (signing in and reading) are repeated for a while if they get no answer: Airflow's API
    server answers nothing for some seconds after its start, and on a busy machine for a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.http = httpx.Client(base_url=settings.airflow_url, timeout=httpx.Timeout(30, connect=5))
        credentials = {"username": settings.airflow_user, "password": settings.airflow_password}
        token = self._call("POST", SIGN_IN, json=credentials)["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def _call(self, method: str, path: str, **more: Any) -> Json:
        url = f"{self.settings.airflow_url}{path}"
        try:
            answer = self._ask(method, path, **more)
        except httpx.HTTPError as error:
            raise RunError(
                "Airflow does not answer.", looked=f"{url} ({error})", next="landfall ps", fault="server"
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        try:
            detail = answer.json().get("detail", answer.text)
        except ValueError:
            detail = answer.text
        refused = RunError(
            f"Airflow refused: {str(detail)[:500]}",
            looked=f"{method} {url}: {answer.status_code}",
            next="landfall ps",
            fault="server" if answer.status_code in BUSY or answer.is_server_error else None,
        )
        refused.status = answer.status_code
        raise refused

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        if method != "GET" and path != SIGN_IN:  # a POST without an answer may still have been carried out
            return self.http.request(method, path, **more)
        try:
            answer: httpx.Response = AGAIN(self.http.request, method, path, **more)
        except RetryError as error:  # the last answer came from an overloaded server
            answer = error.last_attempt.result()
        return answer

    def _patiently(self, path: str) -> Json:
        """GET while waiting for a run. A server that restarts meanwhile gets a minute to answer."""
        until = time.monotonic() + 60
        while True:
            try:
                return self._call("GET", path)
            except RunError as error:
                if time.monotonic() > until or error.status:
                    raise RunError(
                        error.what, looked=error.looked, left="it goes on in Airflow", next=error.next
                    ) from error
                time.sleep(2)
