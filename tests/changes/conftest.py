"""`iris_online` on the suite's stack: its SQL files run by psql, its processes killed, and what must be true of it then."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from confluent_kafka.admin import AdminClient

import landfall as package
from landfall.changes import state as kept
from landfall.changes.online import Online
from landfall.database import connect
from landfall.pipelines.iris_online import IRIS_ONLINE
from landfall.stack.postgres import binaries
from landfall.streams import state as lines

FILES = Path(package.__file__).parent / "samples" / "iris_online"
NAME = IRIS_ONLINE.name
TOPICS = [IRIS_ONLINE.topic(table).name for table in IRIS_ONLINE.tables] + ["iris_predictions"]
LONG = 600.0
"""The seconds that something may take on a machine with much else to do."""


@dataclass
class Flowers:
    """The learner `iris_online`, its source database, and the parts of the stack that may be killed."""

    stack: Any
    landfall: Callable[..., "subprocess.CompletedProcess[str]"]
    conn: "psycopg.Connection[tuple[object, ...]]" = field(init=False)
    source: "psycopg.Connection[tuple[object, ...]]" = field(init=False)

    def open(self) -> None:
        """Connects to both databases; again after their server was killed."""
        self.conn = connect(self.stack.settings)
        self.source = psycopg.connect(self.stack.settings.sources[NAME_OF_SOURCE], autocommit=True)
        for conn in (self.conn, self.source):
            conn.execute("SET client_min_messages = warning")

    def close(self) -> None:
        """Closes both connections."""
        self.conn.close()
        self.source.close()

    def run(self, *arguments: str) -> str:
        """What `landfall changes ARGUMENTS` answers."""
        done = self.landfall("changes", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def psql(self, file: str) -> None:
        """Runs one of the SQL files as a person does."""
        psql = [str(binaries() / "psql"), "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-f", str(FILES / file)]
        url = self.landfall("url", NAME_OF_SOURCE).stdout.strip()
        done = subprocess.run([*psql, url], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def count(self, query: str) -> int:
        """A number from the predictions database."""
        row = self.conn.execute(query).fetchone()
        return int(str(row[0])) if row else 0

    def inserted(self, table: str) -> int:
        """The rows of a table of the source."""
        row = self.source.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(str(row[0])) if row else 0

    @property
    def rows(self) -> int:
        """The rows that were learnt."""
        return kept.known_of(self.conn, Online(IRIS_ONLINE)).state.rows

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Waits until something is true."""
        until = time.monotonic() + LONG
        while not true():
            assert time.monotonic() < until, f"{what}: {self.landfall('changes', 'status', NAME).stdout}"
            time.sleep(0.2)

    def wait_learnt(self) -> None:
        """Waits until every row of the first table was learnt."""
        self.wait(lambda: self.rows >= self.inserted("iris_train"), "not all rows were learnt")

    def answers(self) -> dict[str, str | None]:
        """Key of a row of the second table -> its newest answer."""
        found = self.conn.execute(
            f'SELECT key, label FROM {IRIS_ONLINE.predictions_table} WHERE topic = %s ORDER BY "offset"', [TOPICS[1]]
        ).fetchall()
        return {str(key): None if label is None else str(label) for key, label in found}

    def accuracy_of_the_newest(self, rows: int) -> float:
        """The share of the newest rows of the second table whose answer is their class, once all have one."""
        newest = self.source.execute(
            "SELECT id, iris_class FROM iris_test ORDER BY id DESC LIMIT %s", [rows]
        ).fetchall()
        keys = {json.dumps({"id": number}, separators=(",", ":")): int(str(kind)) for number, kind in newest}
        self.wait(lambda: not keys.keys() - self.answers().keys(), "not all rows were answered for")
        answers = self.answers()
        return sum(answers[key] == IRIS_ONLINE.classes[kind] for key, kind in keys.items()) / rows

    def kill_learner(self) -> None:
        """Kills the process that drives the learner, if one does."""
        driver = lines.state_of(self.conn, NAME).driver
        if " pid " in driver:
            try:
                os.kill(int(driver.rpartition(" ")[2]), signal.SIGKILL)
            except ProcessLookupError:
                return

    def kill_part(self, name: str) -> None:
        """Kills a part of the stack; its supervisor starts it again."""
        killed = self._part(name)["pid"]
        os.kill(int(killed), signal.SIGKILL)
        if name == "postgres":
            self.wait(
                lambda: self._part(name)["state"] == "healthy" and self._part(name)["pid"] != killed, "no database"
            )
            self.close()
            self.open()

    def _part(self, name: str) -> Any:
        return next(part for part in self.stack.ps() if part["name"] == name)

    def require_exactly_once(self) -> None:
        """Every row of the source was answered for and learnt once; the state is that of one run over all, to the bit."""
        self.wait_learnt()
        columns = ", ".join([*IRIS_ONLINE.features, IRIS_ONLINE.label])
        table = np.array(self.source.execute(f"SELECT {columns} FROM iris_train ORDER BY id").fetchall(), dtype=float)
        online = Online(IRIS_ONLINE)
        whole = online.learnt(online.start(), table[:, :-1], table[:, -1]).state
        assert online.to_json(kept.known_of(self.conn, online).state) == online.to_json(whole)
        of_train = f"FROM {IRIS_ONLINE.predictions_table} WHERE topic = '{TOPICS[0]}'"
        assert self.count(f"SELECT count(*) {of_train}") == len(table)
        assert self.count(f"SELECT count(DISTINCT key) {of_train}") == len(table)
        assert self.count(f"SELECT count(*) FROM {IRIS_ONLINE.dead_letters_table}") == 0

    def clear(self) -> None:
        """Ends the capture, and removes what was learnt, the topics and the tables of the source."""
        self.run("stop", NAME, "--capture")
        self.wait(lambda: json.loads(self.run("status", NAME, "--json"))[0]["state"] == "stopped", "it does not stop")
        admin = AdminClient({**self.stack.settings.kafka.client()})
        for gone in admin.delete_topics(TOPICS).values():
            gone.exception()
        self.wait(lambda: not set(TOPICS) & set(admin.list_topics(timeout=10).topics), "topics are still there")
        self.source.execute("DROP TABLE IF EXISTS iris_train, iris_test")
        for table in (IRIS_ONLINE.predictions_table, IRIS_ONLINE.dead_letters_table):
            self.conn.execute(f"DROP TABLE IF EXISTS {table}")
        for table in ("states", "names", "alarms", "rows", "measures"):
            self.conn.execute(f"DELETE FROM landfall.learner_{table} WHERE learner = %s", [NAME])
        self.conn.execute("DELETE FROM landfall.learners WHERE name = %s", [NAME])
        for table in ("stream_batches", "stream_places"):
            self.conn.execute(f"DELETE FROM landfall.{table} WHERE stream = %s", [NAME])


NAME_OF_SOURCE = IRIS_ONLINE.database


@pytest.fixture
def flowers(stack: Any, landfall: Any) -> Iterator[Flowers]:
    """A learner that knows nothing, of tables that are not there yet. It does not run."""
    one = Flowers(stack, landfall)
    one.open()
    try:
        one.clear()
        yield one
    finally:
        one.clear()
        one.close()
