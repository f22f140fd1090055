"""A signed-in client of Airflow's REST API, and what it does while the server is busy, starting or away."""

import time
from typing import Any

import httpx
from tenacity import RetryCallState, RetryError, Retrying, stop_after_delay, wait_exponential_jitter

from landfall.errors import RunError
from landfall.spec import Settings

Json = dict[str, Any]
SIGN_IN = "/auth/token"
BUSY = (429, 502, 503, 504)
"""Answers of a server that is overloaded, or of a proxy before one that is away."""
REFUSED = 3.0
"""Seconds for which a port that nothing listens on is tried: a stack that is down is to be told as that, and soon."""


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
    """Seconds until the next try: what the server asks for, ten at most, else longer each time."""
    outcome = state.outcome
    asked = "" if outcome is None or outcome.failed else outcome.result().headers.get("Retry-After", "")
    return min(float(asked), 10.0) if asked.isdecimal() else _LONGER(state)


_LONGER = wait_exponential_jitter(multiplier=0.3, max=5)
AGAIN = Retrying(
    retry=_worth_another_try,
    wait=_pause,
    stop=stop_after_delay(100),
    reraise=False,
)
"""Three answers that do not come within 30 s each, or many that come at once."""


class AirflowClient:
    """A signed-in client. Every call raises RunError when Airflow is away or refuses.

    What may be asked twice, signing in and reading, is asked again for a while when it is not answered: Airflow's API server
    answers nothing for some seconds after its start, and on a busy machine for a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.http = httpx.Client(base_url=settings.airflow_url, timeout=httpx.Timeout(30, connect=5))
        credentials = {"username": settings.airflow_user, "password": settings.airflow_password}
        token = self._call("POST", SIGN_IN, json=credentials)["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def _call(self, method: str, path: str, **more: Any) -> Json:
        where = f"{self.settings.airflow_url}{path}"
        try:
            answer = self._ask(method, path, **more)
        except httpx.HTTPError as error:
            raise RunError(
                "Airflow does not answer.", looked=f"{where} ({error})", next="landfall ps", fault="server"
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        try:
            detail = answer.json().get("detail", answer.text)
        except ValueError:
            detail = answer.text
        raise RunError(
            f"Airflow refused: {str(detail)[:500]}",
            looked=f"{method} {where}: {answer.status_code}",
            next="landfall ps",
            fault="server" if answer.status_code in BUSY or answer.is_server_error else None,
        )

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        if method != "GET" and path != SIGN_IN:  # a POST that was not answered may have been carried out
            return self.http.request(method, path, **more)
        try:
            answer: httpx.Response = AGAIN(self.http.request, method, path, **more)
        except RetryError as error:  # the last answer was an overloaded server's
            answer = error.last_attempt.result()
        return answer

    def _patiently(self, path: str) -> Json:
        """GET while waiting: a server that restarts meanwhile is given a minute."""
        until = time.monotonic() + 60
        while True:
            try:
                return self._call("GET", path)
            except RunError as error:
                if time.monotonic() > until or "does not answer" not in error.what:
                    raise RunError(
                        error.what, looked=error.looked, left="it goes on in Airflow", next=error.next
                    ) from error
                time.sleep(2)
