"""The throttle of Airflow's login, around a real server: what is refused, whom it concerns, and for how long."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from landfall.orchestration.airflow_patches import login_throttle
from landfall.orchestration.airflow_patches.login_throttle import BURST, MOST_SOURCES, SECONDS, LoginThrottle, source_of

RIGHT = "right"


async def login(scope: Any, receive: Any, send: Any) -> None:
    """Airflow's answers to a login: 201 with the right password, else 401; other paths are served."""
    body = (await receive()).get("body", b"").decode()
    tries = scope["method"] == "POST" and scope["path"] == "/auth/token"
    status = 200 if not tries else 201 if body == RIGHT else 401
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Clock:
    """A clock that stands still until it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(clock: Clock) -> Iterator[str]:
    """A server with the throttle before the login."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(LoginThrottle(login, clock), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def tried(url: str, *passwords: str) -> list[int]:
    with httpx.Client(verify=False) as client:
        return [client.post(f"{url}/auth/token", content=password).status_code for password in passwords]


def test_wrong_passwords_are_refused_unread_after_the_first_ones(url: str) -> None:
    assert tried(url, *["wrong"] * 60) == [401] * BURST + [429] * (60 - BURST)
    refused = httpx.post(f"{url}/auth/token", content="wrong")
    assert refused.json() == {"detail": f"Too many wrong passwords: try again in {SECONDS:.0f} s."}
    assert refused.headers["retry-after"] == f"{SECONDS:.0f}"


def test_a_right_password_is_taken_again_after_the_time_that_was_said(url: str, clock: Clock) -> None:
    tried(url, *["wrong"] * 60)
    assert tried(url, RIGHT) == [429]
    clock.now += SECONDS
    assert tried(url, RIGHT, RIGHT, "wrong", RIGHT) == [201, 201, 401, 429]
    clock.now += BURST * SECONDS
    assert tried(url, *["wrong"] * (BURST + 1)) == [401] * BURST + [429]


def test_right_passwords_and_other_requests_cost_nothing(url: str) -> None:
    assert tried(url, *[RIGHT] * 30) == [201] * 30
    assert {httpx.get(f"{url}/auth/token").status_code, httpx.post(f"{url}/api/v2/dags").status_code} == {200}
    tried(url, *["wrong"] * 60)
    assert httpx.post(f"{url}/api/v2/dags").status_code == 200


def test_many_at_once_get_no_more_than_one_after_the_other(url: str) -> None:
    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(verify=False, limits=httpx.Limits(max_connections=60)) as client:
            answers = await asyncio.gather(*(client.post(f"{url}/auth/token", content="wrong") for _ in range(60)))
        return [answer.status_code for answer in answers]

    assert sorted(asyncio.run(all_at_once())) == [401] * BURST + [429] * (60 - BURST)


def scope(host: str, port: int = 1) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/auth/token",
        "client": (host, port),
        "server": ("127.0.0.1", 80),
    }


def test_a_source_is_an_address_or_the_network_of_one() -> None:
    assert source_of(scope("192.0.2.7")) == "192.0.2.7"
    assert source_of(scope("::ffff:192.0.2.7")) == "192.0.2.7"
    assert source_of(scope("2001:db8:1:2:3:4:5:6")) == source_of(scope("2001:db8:1:2::9")) == "2001:db8:1:2::/64"
    assert source_of(scope("unix")) == "unix"


def test_on_this_machine_a_source_is_the_user_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        asks = {**scope("127.0.0.1", client.getsockname()[1]), "server": server.getsockname()}
        assert source_of(asks) == f"user {os.geteuid()}"
        monkeypatch.setattr(login_throttle, "SOCKETS", ())
        assert source_of(asks) == "127.0.0.1"


def test_the_memory_for_sources_has_an_end(clock: Clock) -> None:
    throttle = LoginThrottle(login, clock)

    async def try_from(host: str) -> int:
        told = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"wrong"}

        async def send(message: Any) -> None:
            told.append(message)

        await throttle(scope(host), receive, send)
        return int(told[0]["status"])

    async def many() -> None:
        for number in range(MOST_SOURCES + BURST):
            assert await try_from(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}") == 401
        assert await try_from("192.0.2.1") == 429
        clock.now += SECONDS * BURST + 1
        assert await try_from("192.0.2.1") == 401

    asyncio.run(many())
    assert len(throttle._free_at) <= MOST_SOURCES + 1
