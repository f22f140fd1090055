"""The roles of the cluster: who may log in, read, copy; on a new cluster and on one of an earlier version. Real servers."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from landfall.database import migrate
from landfall.errors import StackError
from landfall.stack import children, postgres
from landfall.stack.databases import Logins
from landfall.stack.postgres import Postgres

OWNERS = {name: f"the-{name}" for name in ("airflow", "mlflow", "landfall")}
NOT_COPIED = r"no pg_hba\.conf entry for replication connection"
SCRIPT = Path(__file__).parents[2] / "docker" / "databases.sql"


class Server:
    """A PostgreSQL as the stack starts it, without the rest of the stack."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.process: subprocess.Popen[bytes] | None = None

    def part(self, capture: str | None = None) -> Postgres:
        sources = {"flowers": "the-flowers"} if capture else {}
        logins = Logins(owners=OWNERS, reader="the-reader", serving="the-serving", capture=capture, sources=sources)
        return Postgres(
            log=self.folder / "log", env=dict(os.environ), data=self.folder / "data", port=self.port,
            password="the-postgres", logins=logins,
        )  # fmt: skip

    def start(self, *, capture: str | None = None, settled: bool = True) -> Postgres:
        part = self.part(capture)
        part.prepare(lambda doing: None)
        self.process = children.spawn(
            part.command(), env=part.env, log=part.log, wrap=part.wrap, user=part.user, death_signal=part.stop_signal
        )
        until = time.monotonic() + 60
        while (came := part.check(0)) is not None:
            assert time.monotonic() < until, came
            assert self.process.poll() is None, came
            time.sleep(0.1)
        if settled:
            part.settle()
        return part

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)

    def ask(self, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with self.login("postgres", database) as conn:
            cursor = conn.execute(query.encode())
            return list(cursor) if cursor.description else []

    def login(self, role: str, database: str, **more: Any) -> "psycopg.Connection[tuple[object, ...]]":
        password = f"the-{role.removeprefix('landfall_')}"
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=role, password=password, dbname=database, autocommit=True, **more
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster that was started and settled once; tests work on copies."""
    server = Server(tmp_path_factory.mktemp("cluster"), free_port())
    server.start()
    server.stop()
    return server.folder


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path, cluster: Path) -> Iterator[Server]:
    shutil.copytree(cluster / "data", tmp_path / "data")
    one = Server(tmp_path, free_port())
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "empty", free_port())
    one.folder.mkdir()
    try:
        yield one
    finally:
        one.stop()


ROLES = """
SELECT rolname, rolcanlogin, rolsuper, rolreplication, rolcreatedb, rolcreaterole, rolbypassrls, rolconnlimit, rolconfig
FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"""
DATABASES = "SELECT datname, datdba::regrole::text, datacl::text FROM pg_database ORDER BY 1"
SCHEMAS = "SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)' ORDER BY 1"


def everything(server: Server) -> list[object]:
    return [server.ask(ROLES), server.ask(DATABASES), server.ask(SCHEMAS, "landfall")]


def test_no_role_but_the_superuser_may_replicate_and_nobody_copies_the_cluster(server: Server) -> None:
    server.start()

    assert server.ask("SELECT rolname FROM pg_roles WHERE rolreplication") == [("postgres",)]
    for role in (*OWNERS, "landfall_reader", "landfall_serving"):
        database = role.removesuffix("_reader").removesuffix("_serving")
        with pytest.raises(psycopg.OperationalError, match=NOT_COPIED):
            server.login(role, database, replication="true")
        with pytest.raises(psycopg.OperationalError, match="permission denied to start WAL sender"):
            server.login(role, database, replication="database")
    with pytest.raises(psycopg.OperationalError, match=NOT_COPIED):
        server.login("postgres", "postgres", replication="true")


@pytest.mark.parametrize("database", ["airflow", "mlflow", "landfall", "postgres", "template1"])
def test_a_role_of_nobody_connects_nowhere_and_an_owner_to_its_own_only(server: Server, database: str) -> None:
    server.start()
    server.ask("CREATE ROLE app LOGIN PASSWORD 'the-app'")

    for role in ("app", *(name for name in OWNERS if name != database)):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            server.login(role, database)


def test_a_cluster_of_an_earlier_version_becomes_what_a_new_one_is(server: Server) -> None:
    server.start()
    new = everything(server)
    for role in OWNERS:
        server.ask(f"ALTER ROLE {role} REPLICATION")
        server.ask(f"GRANT CONNECT, TEMPORARY ON DATABASE {role} TO PUBLIC")
    server.ask("GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC")
    for role in ("landfall_reader", "landfall_serving"):
        server.ask(f"DROP OWNED BY {role}", "landfall")
        server.ask(f"DROP OWNED BY {role}; DROP ROLE {role}")
    with server.login("landfall", "landfall") as conn:
        conn.execute("CREATE TABLE predictions.published AS SELECT 1 AS x")
    server.stop()
    with (server.folder / "data" / "cluster" / "pg_hba.conf").open("a") as file:
        file.write("host replication all 127.0.0.1/32 scram-sha-256\n")

    server.start()

    assert everything(server) == new
    with server.login("landfall_reader", "landfall") as conn:
        assert conn.execute("SELECT x FROM predictions.published").fetchall() == [(1,)]
    with pytest.raises(psycopg.OperationalError, match=NOT_COPIED):
        server.login("landfall", "landfall", replication="true")


def test_changes_are_captured_by_a_role_of_their_own_only_where_it_is_asked_for(server: Server) -> None:
    server.start(capture="the-capture")
    with server.login("landfall_capture", "flowers", replication="database") as conn:
        conn.execute("CREATE_REPLICATION_SLOT changes LOGICAL pgoutput")
        conn.execute("DROP_REPLICATION_SLOT changes")
    with pytest.raises(psycopg.OperationalError, match=NOT_COPIED):
        server.login("landfall_capture", "flowers", replication="true")
    with pytest.raises(psycopg.OperationalError, match='permission denied for database "landfall"'):
        server.login("landfall_capture", "landfall", replication="database")
    assert server.ask("SELECT rolname FROM pg_roles WHERE rolreplication ORDER BY 1") == [
        ("landfall_capture",),
        ("postgres",),
    ]
    server.stop()

    server.start()

    assert server.ask("SELECT rolname FROM pg_roles WHERE rolreplication") == [("postgres",)]
    with pytest.raises(psycopg.OperationalError, match='role "landfall_capture" is not permitted to log in'):
        server.login("landfall_capture", "flowers")


def test_the_tables_of_a_source_are_in_its_publication_and_can_be_read_by_who_captures_alone(server: Server) -> None:
    for _ in range(2):  # what is there already is left alone
        server.start(capture="the-capture").settle()
        with server.login("flowers", "flowers") as conn:
            conn.execute("CREATE TABLE IF NOT EXISTS later (id integer PRIMARY KEY)")
        with server.login("landfall_capture", "flowers") as conn:
            assert conn.execute("SELECT count(*) FROM later").fetchone() == (0,)
            conn.execute("UPDATE landfall_heartbeat SET at = clock_timestamp()")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("INSERT INTO later VALUES (1)")
        published = "SELECT pubname::text, tablename::text FROM pg_publication_tables ORDER BY 2"
        assert server.ask(published, "flowers") == [
            ("landfall_changes", "landfall_heartbeat"),
            ("landfall_changes", "later"),
        ]
        for role in ("landfall_reader", "landfall_serving", "landfall", "airflow", "mlflow"):
            with pytest.raises(psycopg.OperationalError, match='permission denied for database "flowers"'):
                server.login(role, "flowers")
        server.stop()


def test_a_trigger_of_a_sources_owner_never_runs_as_a_superuser(server: Server) -> None:
    server.start(capture="the-capture")
    with server.login("flowers", "flowers") as conn:
        conn.execute("CREATE TABLE ran_as (name text)")
        conn.execute("""
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.ran_as VALUES (current_user), (session_user); RETURN NULL; END $$""")
        conn.execute("CREATE TRIGGER note AFTER INSERT OR UPDATE ON landfall_heartbeat EXECUTE FUNCTION note()")

    server.part("the-capture").settle()

    assert set(server.ask("SELECT name FROM ran_as", "flowers")) == {("flowers",)}


def test_a_slot_that_is_lost_is_dropped_at_the_next_start(server: Server) -> None:
    server.start(capture="the-capture")
    with server.login("landfall_capture", "flowers") as conn:
        conn.execute("SELECT pg_create_logical_replication_slot('lost', 'pgoutput')")
    server.ask("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    server.stop()
    # The setting of the command line has precedence, so the log is written with another one.
    part = server.part("the-capture")
    command = [word for word in part.command() if "max_slot_wal_keep_size" not in word]
    server.process = children.spawn(
        command, env=part.env, log=part.log, wrap=part.wrap, user=part.user, death_signal=part.stop_signal
    )
    until = time.monotonic() + 60
    while part.check(0) is not None:
        assert time.monotonic() < until
        time.sleep(0.1)
    for _ in range(3):
        server.ask("SELECT pg_create_restore_point('log')")
        server.ask("SELECT pg_switch_wal()")
    server.ask("CHECKPOINT")
    with server.login("landfall_capture", "flowers") as conn:
        conn.execute("SELECT pg_create_logical_replication_slot('kept', 'pgoutput')")
    statuses = "SELECT slot_name::text, wal_status FROM pg_replication_slots ORDER BY 1"
    assert server.ask(statuses) == [("kept", "reserved"), ("lost", "lost")]

    part.settle()

    assert server.ask("SELECT slot_name::text FROM pg_replication_slots") == [("kept",)]


def test_a_slot_that_nobody_reads_does_not_fill_the_disk(server: Server) -> None:
    server.start()

    assert server.ask("SHOW max_slot_wal_keep_size") == [("2GB",)]


def run_script(server: Server) -> "subprocess.CompletedProcess[str]":
    """docker/databases.sql, as the image of docker-compose.yaml runs it."""
    passwords = {
        **{f"LANDFALL_{name.upper()}_DB_PASSWORD": f"the-{name}" for name in ("airflow", "mlflow")},
        "LANDFALL_DB_PASSWORD": "the-landfall",
        "LANDFALL_READER_PASSWORD": "the-reader",
        "LANDFALL_SERVING_PASSWORD": "the-serving",
        "PGPASSWORD": "the-postgres",
    }
    words = ["--host=127.0.0.1", f"--port={server.port}", "--username=postgres", "--no-psqlrc", "-v", "ON_ERROR_STOP=1"]
    command = [str(postgres.binaries() / "psql"), *words, "--dbname=postgres", f"--file={SCRIPT}"]
    return subprocess.run(command, env={**os.environ, **passwords}, capture_output=True, text=True, check=False)


def test_the_script_of_docker_compose_makes_the_same_and_may_run_again(server: Server, empty: Server) -> None:
    server.start()
    empty.start(settled=False)

    for _ in range(2):
        done = run_script(empty)
        assert (done.returncode, done.stderr.replace(f"psql:{SCRIPT}:", "").count("ERROR")) == (0, 0), done.stderr
        with empty.login("landfall", "landfall") as conn:  # `landfall migrate`, which airflow-init runs next
            migrate(conn)
        assert everything(empty) == everything(server)
    for role in (*OWNERS, "landfall_reader", "landfall_serving"):
        empty.login(role, role.removesuffix("_reader").removesuffix("_serving")).close()


# --- the lock file of a server that was killed ------------------------------------------------------------------------


def lock_file(server: Server) -> Path:
    return server.folder / "data" / "cluster" / "postmaster.pid"


def note(server: Server, pid: int) -> None:
    """A lock file as a killed server leaves it."""
    lines = [
        str(pid),
        str(server.folder / "data" / "cluster"),
        "1700000000",
        str(server.port),
        "",
        "127.0.0.1",
        "0 0",
        "ready",
    ]
    lock_file(server).write_text("\n".join(lines) + "\n")


def test_a_killed_server_starts_again(server: Server) -> None:
    server.start()
    server.stop(signal.SIGKILL)
    assert lock_file(server).exists()

    server.start()

    assert server.ask("SELECT 1") == [(1,)]
    assert "removed postmaster.pid" not in (server.folder / "log").read_text()


def test_a_number_that_is_another_program_s_by_now_does_not_keep_it_from_starting(server: Server) -> None:
    """As after a reboot: PostgreSQL would take any live process for the server that left the file."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        try:
            note(server, other.pid)
            server.start()
            assert server.ask("SELECT 1") == [(1,)]
            said = f"landfall: removed postmaster.pid, whose process {other.pid} is another program"
            assert said in (server.folder / "log").read_text()
            assert other.poll() is None
        finally:
            other.kill()


def test_a_file_that_cannot_be_read_is_left_to_postgresql(server: Server) -> None:
    lock_file(server).write_text("")
    part = server.part()

    part.prepare(lambda doing: None)

    assert lock_file(server).exists()


def test_a_server_that_runs_on_the_data_is_left_alone(server: Server) -> None:
    server.start()
    pid = int(lock_file(server).read_text().split("\n")[0])

    with pytest.raises(StackError) as caught:
        server.part().prepare(lambda doing: None)

    assert str(caught.value) == (
        "A PostgreSQL that this stack did not start is running on its data.\n"
        f"  looked: {lock_file(server)}: process {pid}\n"
        "  left: it was left alone, and so was the data\n"
        f"  next: kill -INT {pid} && landfall up    (or landfall down, if it is from an earlier run)"
    )
    assert server.ask("SELECT 1") == [(1,)]
