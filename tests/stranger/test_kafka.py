"""Another Unix user of the machine against a Kafka broker: both of its ports, its files and its process.

The ports are those that its process really listens on.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from landfall.stack import kafka_protocol
from landfall.stack.state import StackState

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The home of a stack of Kafka alone."""
    conftest = Path(__file__).parents[1] / "conftest.py"
    folder = tmp_path_factory.mktemp("kafka")
    run = partial(request.config.pluginmanager.getplugin(str(conftest)).run_landfall, folder)
    try:
        started = run("up", "--parts", "kafka")
        assert started.returncode == 0, started.stdout + started.stderr
        yield folder
    finally:
        run("down")


@pytest.fixture
def process(home: Path) -> psutil.Process:
    state = StackState.read(home / "state.json")
    assert state is not None
    (part,) = state.parts
    return psutil.Process(int(part.pid or 0))


@pytest.fixture
def ports(process: psutil.Process) -> list[int]:
    connections = process.net_connections(kind="inet")
    return sorted({each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN})


TRY = """
import json, sys
told = {}
for port in json.load(sys.stdin):
    for user, password in (("landfall", ""), ("landfall", "landfall"), ("broker", ""), ("broker", "broker"), ("admin", "admin")):
        try:
            told[f"{port} {user} {password}"] = brokers(port, user, password, seconds=60)
        except PermissionError as error:
            told[f"{port} {user} {password}"] = "refused"
    # Requests of a client that does not sign in: metadata, the cluster, a new topic, fetching, the configuration, logs.
    for key, version in ((3, 1), (60, 0), (19, 2), (1, 4), (32, 1), (35, 1), (55, 0)):
        with _connected(port, 60) as connection:
            try:
                told[f"{port} {key}"] = len(_ask(connection, key, version, bytes(16)))
            except ConnectionError:
                told[f"{port} {key}"] = "refused"
print(json.dumps(told))
"""


def test_kafka_answers_nobody_without_a_login(stranger: Any, ports: list[int]) -> None:
    program = Path(kafka_protocol.__file__).read_text(encoding="utf-8") + TRY
    told = json.loads(stranger.run([program], input=json.dumps(ports)).stdout)

    assert len(ports) == 2
    assert len(told) == 2 * (5 + 7)
    assert {what: answer for what, answer in told.items() if answer != "refused"} == {}


LOOK = """
import json, os, sys
pid, *paths = json.load(sys.stdin)
reads = [path for path in paths if os.access(path, os.R_OK) or os.access(path, os.W_OK)]
for what in ("environ", "mem", "fd"):
    try:
        os.listdir(f"/proc/{pid}/fd") if what == "fd" else open(f"/proc/{pid}/{what}", "rb").read(1)
        reads.append(what)
    except OSError:
        pass
print(json.dumps([reads, open(f"/proc/{pid}/cmdline").read()]))
"""


def test_its_files_and_its_process_show_a_stranger_nothing(home: Path, stranger: Any, process: psutil.Process) -> None:
    secrets = json.loads((home / "secrets.json").read_text())
    below = [home, *home.rglob("*")]
    reads, command = json.loads(stranger.run([LOOK], input=json.dumps([process.pid, *map(str, below)])).stdout)

    assert {path.name for path in below} >= {"server.properties", "log4j2.xml", "meta.properties", "kafka.log"}
    assert reads == []
    assert "kafka.Kafka" in command
    assert [name for name, secret in secrets.items() if secret in command] == []
