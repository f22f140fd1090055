"""Parts that crash, hang, fill the disk or are late, on small stacks of their own: the stack mends itself, and says so."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

from landfall.spec.settings import Settings
from landfall.stack import children, environment
from landfall.stack.airflow import wait_for_the_api
from landfall.stack.state import PartRecord, StackState

Landfall = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, Landfall]]:
    """An empty home and a command line for it; whatever was started there is stopped."""
    conftest = Path(__file__).parents[1] / "conftest.py"
    run = partial(request.config.pluginmanager.getplugin(str(conftest)).run_landfall, tmp_path)
    try:
        yield tmp_path, run
    finally:
        run("down")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, 400 MB, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small file system needs root: sudo make test")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def states(run: Landfall) -> tuple[int, dict[str, dict[str, object]]]:
    """The exit code of `ps`, and the parts."""
    told = run("ps", "--json")
    return told.returncode, {part["name"]: part for part in json.loads(told.stdout)}


def now(home: Path) -> dict[str, PartRecord]:
    """The parts as the supervisor shows them: what `ps` reads, without starting the program each time."""
    state = StackState.read(home / "state.json")
    return {part.name: part for part in state.parts} if state else {}


def pid(run: Landfall, part: str) -> int:
    return int(str(states(run)[1][part]["pid"]))


def wait_until(true: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.3)


def fill(url: str) -> None:
    """Writes to the database until it can take no more."""
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            connection.execute("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
            connection.execute("DROP TABLE filler")


def healthy_again(home: Path, part: str, before: int) -> bool:
    parts = now(home)
    return {each.state for each in parts.values()} == {"healthy"} and parts[part].pid != before


def test_a_part_that_crashes_again_and_again_is_never_given_up(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "postgres").returncode == 0
    broken = home / "data" / "postgres" / "cluster" / "postgresql.conf"
    good = broken.read_text()
    broken.write_text("nonsense here\n")
    os.kill(pid(run, "postgres"), signal.SIGKILL)

    wait_until(lambda: now(home)["postgres"].restarts > 4)

    code, parts = states(run)
    assert code == 1
    assert parts["postgres"]["state"] in ("restarting", "preparing", "starting", "waiting")
    told = run("ps")
    assert (told.returncode, "not healthy: postgres. It is tried again" in told.stderr) == (1, True)
    broken.write_text(good)
    mended = run("up", "--parts", "postgres")
    assert (mended.returncode, states(run)[0]) == (0, 0), mended.stderr
    assert "postgres restarting: The part `postgres` ended: it ended with exit code" in (
        home / "logs" / "supervisor.log"
    ).read_text(errors="replace")


def test_parts_that_hang_are_started_again(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "postgres,s3").returncode == 0
    before = {part: pid(run, part) for part in ("postgres", "s3")}
    for hung in before.values():
        os.kill(hung, signal.SIGSTOP)

    wait_until(lambda: {part.state for part in now(home).values()} == {"unhealthy"})
    assert states(run)[0] == 1
    wait_until(lambda: all(healthy_again(home, part, hung) for part, hung in before.items()))
    assert states(run)[0] == 0

    log = (home / "logs" / "supervisor.log").read_text()
    assert "s3 unhealthy: GET " in log
    assert "postgres restarting: The part `postgres` ended: it was ended, since it had not answered for" in log
    with psycopg.connect(Settings.read(environment(home)).database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_full_disk_is_survived(small_disk: Path, request: pytest.FixtureRequest) -> None:
    conftest = request.config.pluginmanager.getplugin(str(Path(__file__).parents[1] / "conftest.py"))
    run: Landfall = partial(conftest.run_landfall, small_disk)
    try:
        assert run("up", "--parts", "postgres,s3").returncode == 0
        before, url = pid(run, "postgres"), Settings.read(environment(small_disk)).database_url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with pytest.raises(OSError, match="No space left"):
            (small_disk / "full").write_bytes(bytes(400_000_000))
        with pytest.raises(psycopg.Error):
            fill(url)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: now(small_disk)["postgres"].restarts > 0 or states(run)[0] == 1)

        (small_disk / "full").unlink()

        wait_until(lambda: healthy_again(small_disk, "postgres", before))
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    finally:
        run("down")


def test_a_part_of_with_that_does_not_start_keeps_nothing_else_from_starting(small: tuple[Path, Landfall]) -> None:
    home, run = small
    (home / "data").mkdir()
    (home / "data" / "databricks").write_text("in its way")

    told = run("up", "--parts", "postgres,s3", "--with", "databricks")

    code, parts = states(run)
    assert (told.returncode, code) == (1, 1)
    assert (parts["postgres"]["state"], parts["s3"]["state"]) == ("healthy", "healthy")
    assert "not healthy: databricks. It is tried again; to see why: landfall logs databricks" in told.stderr
    assert "FileExistsError" in (home / "logs" / "supervisor.log").read_text()
    (home / "data" / "databricks").unlink()
    mended = run("up", "--parts", "postgres,s3", "--with", "databricks")
    by_itself = "The stack is already up." in mended.stderr  # the supervisor tries again too, and may have been quicker
    assert (mended.returncode == 0 or by_itself, states(run)[0]) == (True, 0), mended.stderr


def test_up_names_the_parts_that_a_running_stack_lacks(small: tuple[Path, Landfall]) -> None:
    home, run = small
    assert run("up", "--parts", "s3").returncode == 0
    told = run("up", "--parts", "postgres,s3", "--json")
    assert (told.returncode, json.loads(told.stdout)) == (
        1,
        {
            "type": "StackError",
            "error": "The stack is up, without `postgres`.",
            "looked": str(home),
            "left": "nothing was changed",
            "next": "landfall down, then this command again",
        },
    )


def test_a_clock_that_is_set_makes_no_process_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    process = psutil.Process()
    born = children.created(process.pid)
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + 3)  # what a step of 3 s does to it
    assert children.same(process.pid, born) is not None
    assert process in children.family(process.pid, born)
    assert children.same(process.pid, born - 1) is None


def test_a_log_is_cut_while_it_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "BIGGEST_LOG", 1000)
    log = tmp_path / "part.log"
    with log.open("ab", buffering=0) as server:
        server.write(b"a" * 1001)
        assert children.rotate(log)
        server.write(b"b")
        assert not children.rotate(log)
    assert (log.read_bytes(), (tmp_path / "part.log.1").read_bytes()) == (b"b", b"a" * 1001)
    assert (tmp_path / "part.log.1").stat().st_mode & 0o077 == 0


def test_the_scheduler_waits_until_the_api_of_tasks_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, asked = server.getsockname()[1], []

        def answer(*lines: bytes) -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(1000).splitlines()[0])
                connection.sendall(b"\r\n".join(lines))

        answers = [(b"HTTP/1.0 500 no", b"", b""), (b"",), (b"HTTP/1.0 200 OK", b"", b"{}")]

        def serve() -> None:
            for lines in answers:
                answer(*lines)

        thread = threading.Thread(target=serve)
        thread.start()
        wait_for_the_api(f"http://127.0.0.1:{port}/execution/", pause=0.01)
        thread.join()
    assert asked == [b"GET /execution/health HTTP/1.1"] * 3
