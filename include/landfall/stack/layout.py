"""Where the stack keeps its files, and the settings that it wrote."""

import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import landfall
from landfall.spec.capture import CONNECT
from landfall.spec.project import own_project
from landfall.spec.settings import KAFKA, Settings
from landfall.stack import envfile

log = logging.getLogger("landfall.stack")
S3_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3")


def project_root() -> Path:
    """The folder with `dags/`: $LANDFALL_PROJECT, else the current folder if it is a project of one's own, else the checkout that
    we are installed from, else the current folder.
    """
    if named := os.environ.get("LANDFALL_PROJECT"):
        return Path(named).resolve()
    if project := own_project():
        return project.root
    checkout = Path(landfall.__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def home() -> Path:
    """The folder of the stack's state: $LANDFALL_HOME, else `.landfall` beside the project. It may not exist yet."""
    named = os.environ.get("LANDFALL_HOME")
    return Path(named).resolve() if named else project_root() / ".landfall"


def cache() -> Path:
    """The folder of fetched jars, shared by every stack of this user: $LANDFALL_CACHE, else the XDG cache folder."""
    if named := os.environ.get("LANDFALL_CACHE"):
        return Path(named).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "landfall"


def environment(home: Path | None = None) -> dict[str, str]:
    """The variables that the stack wrote when it was last started; empty if it never was."""
    return envfile.read(Layout.at(home).env_file)


def settings(variables: Mapping[str, str] | None = None) -> Settings:
    """The stack's settings. What `variables` (default: this process's environment) sets has precedence.

    S3 keys belong to their endpoint, so the shell's keys count only if the shell names the endpoint too: a developer's own
    AWS keys are never sent to the embedded server. So do logins of Kafka and of Kafka Connect belong to their servers.

    Raises:
        SettingsError: neither the stack nor the environment sets what is needed.
    """
    real = dict(os.environ if variables is None else variables)
    written = environment()
    if "LANDFALL_S3_ENDPOINT" in written and "LANDFALL_S3_ENDPOINT" not in real:
        real = {name: value for name, value in real.items() if name not in S3_VARIABLES}
    for address, *login in (KAFKA, CONNECT):
        if address in real:
            written = {name: value for name, value in written.items() if name not in (address, *login)}
        elif address in written:
            real = {name: value for name, value in real.items() if name not in login}
    return Settings.read({**written, **real})


@dataclass(frozen=True)
class Layout:
    """The files under one home."""

    home: Path

    @classmethod
    def at(cls, folder: Path | None = None) -> "Layout":
        return cls(folder or home())

    @property
    def env_file(self) -> Path:
        return self.home / "env"

    @property
    def secrets_file(self) -> Path:
        return self.home / "secrets.json"

    @property
    def state_file(self) -> Path:
        return self.home / "state.json"

    @property
    def ports_file(self) -> Path:
        return self.home / "ports.json"

    @property
    def lock_file(self) -> Path:
        return self.home / "lock"

    @property
    def passwords_file(self) -> Path:
        """Airflow's logins, as `{"admin": "...", "landfall": "..."}`: for people, and for the audit and the command line."""
        return self.home / "airflow-passwords.json"

    @property
    def mlflow_passwords_file(self) -> Path:
        """The login of MLflow's page, as `{"admin": "..."}`."""
        return self.home / "mlflow-passwords.json"

    @property
    def databricks_token_file(self) -> Path:
        """The token of the Databricks workspace on this machine, alone on a line."""
        return self.home / "databricks-token"

    def log(self, part: str) -> Path:
        return self.home / "logs" / f"{part}.log"

    @property
    def events(self) -> Path:
        """The folder for lineage events, one file a day."""
        return self.home / "logs" / "openlineage"

    def data(self, part: str) -> Path:
        return self.home / "data" / part

    def make(self) -> None:
        """Makes the folders, closed to other users.

        It also closes existing folders that others could enter, and files of secrets that others could read; the log says which.
        """
        for folder in (self.home, self.home / "logs", self.home / "data"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # PostgreSQL may run as another user, who must get through to the folder that it owns.
        foreign = self.data("postgres").exists() and self.data("postgres").stat().st_uid != os.geteuid()
        passed = (self.home, self.home / "data") if foreign else ()
        inner = [
            folder
            for folder in (self.home / "data").iterdir()
            if folder.is_dir() and folder.stat().st_uid == os.geteuid()
        ]
        for folder in (self.home, self.home / "logs", self.home / "data", *inner):
            _close(folder, 0o711 if folder in passed else 0o700)
        for file in (file for file in self.home.iterdir() if file.is_file()):
            _close(file, 0o600)


def _close(path: Path, most: int) -> None:
    """Takes away from `path` the permissions beyond the mode `most`."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~most:
        path.chmod(mode & most)
        log.warning("closed to other users: %s (its mode was %04o, now %04o)", path, mode, mode & most)
