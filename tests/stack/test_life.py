"""The stack's life with small stacks of their own: up, down, crash, kill, and starts that fail."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg
import pytest
from botocore.exceptions import ClientError

from landfall.spec.settings import Settings
from landfall.stack import environment
from landfall.stack.state import StackState

Landfall = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, Landfall]]:
    """An empty home and a command line for it; whatever was started there is stopped."""
    run = partial(request.config.pluginmanager.getplugin(str(_conftest())).run_landfall, tmp_path)
    try:
        yield tmp_path, run
    finally:
        run("down")
        assert belonging_to(tmp_path) == []


def _conftest() -> Path:
    return Path(__file__).parents[1] / "conftest.py"


def belonging_to(home: Path) -> list[str]:
    """Live processes whose command line or environment names `home`."""
    found = []
    for one in psutil.process_iter():
        try:
            about = [*one.cmdline(), one.environ().get("LANDFALL_HOME", "")]
            if one.pid != os.getpid() and one.status() != psutil.STATUS_ZOMBIE and str(home) in " ".join(about):
                found.append(f"{one.pid} {one.name()}")
        except psutil.Error:
            continue
    return found


def parts(run: Landfall) -> dict[str, dict[str, object]]:
    return {part["name"]: part for part in json.loads(run("ps", "--json").stdout)}


def wait_until(true: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.3)


def s3(settings: Settings, secret: str | None = None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=settings.s3.endpoint,
        region_name=settings.s3.region,
        aws_access_key_id=settings.s3.access_key,
        aws_secret_access_key=secret or settings.s3.secret_key,
    )


def unusual_ports(number: int) -> list[int]:
    """Free ports that no other stack asks for: one that starts while this one is down would take a usual one."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]


def test_data_ports_and_passwords_outlive_down(small: tuple[Path, Landfall]) -> None:
    home, run = small
    own = [f"--port={part}={port}" for part, port in zip(("postgres", "s3"), unusual_ports(2), strict=True)]
    assert run("up", "--parts", "postgres,s3", *own).returncode == 0
    before = environment(home)
    settings = Settings.read(before)
    s3(settings).put_object(Bucket="landfall", Key="a/b.csv", Body=b"kept")
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert connection.execute("SHOW wal_level").fetchone() == ("logical",)
    stopped = run("down")
    assert (stopped.returncode, belonging_to(home)) == (0, [])
    assert {part["state"] for part in parts(run).values()} == {"stopped"}

    assert run("up", "--parts", "postgres,s3").returncode == 0

    assert environment(home) == before
    assert s3(settings).get_object(Bucket="landfall", Key="a/b.csv")["Body"].read() == b"kept"
    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    with pytest.raises(ClientError, match="403"):
        s3(settings, secret="wrong").head_bucket(Bucket="landfall")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(settings.database_url.replace("landfall:", "landfall:x"))


def test_s3_shows_a_stranger_nothing_even_where_the_bucket_was_open_to_all(small: tuple[Path, Landfall]) -> None:
    home, run = small
    bucket = home / "data" / "s3" / "buckets" / "landfall"
    bucket.mkdir(parents=True)
    bucket.chmod(0o755)
    assert run("up", "--parts", "s3").returncode == 0
    settings = Settings.read({**environment(home), "LANDFALL_DATABASE_URL": "x", "MLFLOW_TRACKING_URI": "x"})
    s3(settings).put_object(Bucket="landfall", Key="a/b.csv", Body=b"kept")
    s3(settings).put_object(Bucket="landfall", Key="mlflow/a/MLmodel", Body=b"a model")

    asked = [("GET", "/landfall/mlflow/a/MLmodel"),
             ("GET", "/landfall?list-type=2"), ("GET", "/landfall/a/b.csv"), ("HEAD", "/landfall"),
             ("HEAD", "/landfall/a/b.csv"), ("PUT", "/landfall/a/c.csv"), ("DELETE", "/landfall/a/b.csv"),
             ("GET", "/landfall?uploads"), ("GET", "/")]  # fmt: skip
    told = {}
    for method, path in asked:
        connection = http.client.HTTPConnection(settings.s3.endpoint.removeprefix("http://"), timeout=10)
        connection.request(method, path, body=b"x" if method == "PUT" else None)
        told[method, path] = connection.getresponse().status
        connection.close()

    # Without a key nobody is told more than that; 404 is of the store of models, which has no such object either.
    assert set(told.values()) <= {403, 404}
    assert told["GET", "/landfall?list-type=2"] == told["PUT", "/landfall/a/c.csv"] == told["GET", "/"] == 403
    assert s3(settings).get_object(Bucket="landfall", Key="a/b.csv")["Body"].read() == b"kept"


def test_what_the_servers_write_is_closed_to_other_users(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "postgres,s3").returncode == 0
    written = [home, *home.rglob("*")]
    ours = [each for each in written if each.lstat().st_uid == os.geteuid() and not each.is_symlink()]

    assert [each for each in ours if each.is_file() and each.stat().st_mode & 0o007] == []
    through = {home, home / "data"}  # PostgreSQL as another user must get to its own folder
    assert [each for each in ours if each.is_dir() and each not in through and each.stat().st_mode & 0o077] == []


def test_a_second_up_is_refused(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "s3").returncode == 0
    pid = parts(run)["s3"]["pid"]

    again = run("up", "--parts", "s3", "--json")

    assert again.returncode == 1
    assert json.loads(again.stdout) == {
        "type": "StackError",
        "error": "The stack is already up.",
        "looked": str(home),
        "next": "landfall ps    or    landfall down",
    }
    assert parts(run)["s3"]["pid"] == pid


def test_a_killed_part_is_started_again(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "s3").returncode == 0
    first = parts(run)["s3"]
    os.kill(int(str(first["pid"])), signal.SIGKILL)

    def healthy() -> set[int | None]:
        """The process that is healthy, as the supervisor shows it."""
        state = StackState.read(home / "state.json")
        return {part.pid for part in state.parts if part.state == "healthy"} if state else set()

    wait_until(lambda: bool(healthy() - {first["pid"], None}))

    now = parts(run)["s3"]
    assert (now["url"], now["restarts"]) == (first["url"], 1)


def test_a_killed_supervisor_leaves_nothing_that_the_next_up_does_not_end(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "postgres,s3").returncode == 0
    before = parts(run)
    os.kill(json.loads((home / "state.json").read_text())["supervisor"], signal.SIGKILL)

    assert run("up", "--parts", "postgres,s3").returncode == 0

    now = parts(run)
    assert {part["state"] for part in now.values()} == {"healthy"}
    for name, part in before.items():
        assert now[name]["url"] == part["url"]
        assert not psutil.pid_exists(int(str(part["pid"])))


def test_a_stack_whose_home_is_removed_ends(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "postgres,s3").returncode == 0
    shutil.rmtree(home, ignore_errors=True)
    wait_until(lambda: belonging_to(home) == [])


def test_a_taken_port_starts_nothing(small: tuple[Path, Landfall]) -> None:
    home, run = small
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        refused = run("up", "--parts", "postgres,s3", "--port", f"s3={port}", "--json")

    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"] == f"Port {port}, requested for `s3`, is taken."
    assert belonging_to(home) == []


def test_a_half_started_stack_is_torn_down(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "postgres,s3").returncode == 0
    assert run("down").returncode == 0
    (home / "data" / "s3" / "logback.xml").unlink()
    (home / "data" / "s3" / "logback.xml").mkdir()  # the part cannot be prepared

    refused = run("up", "--parts", "postgres,s3")

    assert refused.returncode == 1
    assert "The part `s3` failed: IsADirectoryError" in refused.stderr
    assert {name: part["state"] for name, part in parts(run).items()} == {"postgres": "stopped", "s3": "failed"}
    assert belonging_to(home) == []


def test_a_server_that_ends_at_once_is_told_with_its_last_words(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "postgres").returncode == 0
    assert run("down").returncode == 0
    (home / "data" / "postgres" / "cluster" / "postgresql.conf").write_text("nonsense here\n")

    refused = run("up", "--parts", "postgres")

    assert refused.returncode == 1
    assert "The part `postgres` did not start." in refused.stderr
    assert "it ended with exit code 1" in refused.stderr
    assert "postgresql.conf" in refused.stderr
    assert "landfall logs postgres" in refused.stderr


def test_down_and_ps_are_quiet_when_nothing_runs(small: tuple[Path, Landfall]) -> None:
    _home, run = small
    assert run("down").returncode == 0
    assert json.loads(run("ps", "--json").stdout) == []
    logs = run("logs", "s3")
    assert logs.returncode == 1
    assert "`s3` has no log yet." in logs.stderr
