"""The capture of a learner's tables: its connector in Kafka Connect, its slot in the source database."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from landfall.changes.connector import connector, slot_of
from landfall.database import QUESTION, connect, explained
from landfall.database.slots import Slot, slots
from landfall.errors import LandfallError, SettingsError, StreamError
from landfall.spec import Settings
from landfall.spec.capture import CAPTURE_PASSWORD, CAPTURE_ROLE, CONNECT, ConnectSettings, source_variable
from landfall.spec.online import OnlineLearner
from landfall.streams.topics import broker_of, ensure_topic

WAIT = 120.0
"""The seconds that a connector has to come up. A first snapshot goes on after that."""
BUSY = 409
"""The answer of a worker that is about to spread its connectors anew."""
STILL_FAILED = 5.0
"""The seconds after which a task that is shown as failed has failed."""
ABSENT = 404


@dataclass(frozen=True, kw_only=True)
class Capture:
    """How the capture of a learner's tables stands.

    Args:
        connector: One word: running, failed, paused, unassigned, absent; or `unknown` if the worker does not answer.
        slot: The replication slot; None if there is none, or the source database does not answer.
        problem: What is wrong, in a line; empty if nothing is known.
    """

    connector: str
    slot: Slot | None
    problem: str = ""

    @property
    def well(self) -> bool:
        """True if changes reach the topics."""
        return self.connector == "running" and self.slot is not None and self.slot.well

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "connector": self.connector, "slot": vars(self.slot) if self.slot else None, "problem": self.problem,
        }  # fmt: skip


class Worker:
    """A client of the worker's REST API. Use it in a `with`."""

    def __init__(self, connect: ConnectSettings) -> None:
        login = (connect.user, connect.password) if connect.user else None
        self.url = connect.url
        self.http = httpx.Client(base_url=connect.url, auth=login, timeout=httpx.Timeout(30, connect=5))

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def put(self, name: str, configuration: Mapping[str, str]) -> None:
        """Makes a connector, or changes its configuration.

        Raises:
            StreamError: the worker refuses, or does not answer.
        """
        self._call("PUT", f"/connectors/{name}/config", json=dict(configuration))

    def state(self, name: str) -> tuple[str, str]:
        """The state of a connector and its task in one word, and the first line of what is wrong.

        Raises:
            StreamError: the worker does not answer.
        """
        answer = self._call("GET", f"/connectors/{name}/status", absent=True)
        if answer is None:
            return "absent", ""
        parts = [answer["connector"], *answer["tasks"]]
        for part in parts:
            if part["state"] == "FAILED":
                return "failed", _cause(str(part.get("trace", "")))
        states = {str(part["state"]).lower() for part in parts}
        if not answer["tasks"]:
            return "unassigned", ""
        return (states.pop() if len(states) == 1 else "unassigned"), ""

    def restart_failed(self, name: str) -> None:
        """Starts what has failed of a connector again."""
        self._call("POST", f"/connectors/{name}/restart", params={"includeTasks": "true", "onlyFailed": "true"})

    def delete(self, name: str) -> None:
        """Removes a connector. Its task has ended, or soon will."""
        self._call("DELETE", f"/connectors/{name}", absent=True)

    def _call(self, method: str, path: str, *, absent: bool = False, **more: Any) -> Any:
        until = time.monotonic() + WAIT
        while True:
            try:
                answer = self.http.request(method, path, **more)
            except httpx.HTTPError as error:
                raise StreamError(
                    "Kafka Connect does not answer.",
                    looked=f"{self.url} ({type(error).__name__}: {error})",
                    next="landfall ps    (then landfall logs connect)",
                ) from error
            if answer.status_code == ABSENT and absent:
                return None
            if answer.is_success:
                return answer.json() if answer.content else None
            if answer.status_code != BUSY or time.monotonic() > until:
                raise _refused(answer)
            time.sleep(0.3)


def _refused(answer: httpx.Response) -> StreamError:
    try:
        message = str(answer.json().get("message", answer.text))
    except ValueError:
        message = answer.text
    return StreamError(
        f"Kafka Connect refused: {' '.join(message.split())[:500] or 'no reason given'}",
        looked=f"{answer.request.method} {answer.request.url}: {answer.status_code}",
        next="LANDFALL_CONNECT_USER and LANDFALL_CONNECT_PASSWORD"
        if answer.status_code == 401
        else "landfall logs connect",
        fault="request" if answer.is_client_error else None,
    )


def _cause(trace: str) -> str:
    """The innermost reason of a Java stack trace."""
    causes = [line for line in trace.splitlines() if line.startswith("Caused by: ")] or trace.splitlines()[:1]
    return causes[-1].removeprefix("Caused by: ")[:300] if causes else ""


def source_of(settings: Settings, declared: OnlineLearner) -> str:
    """The URL of a learner's source database.

    Raises:
        SettingsError: it is not set.
    """
    url = settings.sources.get(declared.database)
    if url is None:
        raise SettingsError(
            f"There is no source database `{declared.database}`.",
            looked=f"{source_variable(declared.database)} is not set",
            next="landfall down && landfall up --with cdc    (or set the variable to your own database)",
        )
    return url


def start_capture(settings: Settings, declared: OnlineLearner, watch: Callable[[str], None] = lambda text: None) -> str:
    """Makes the topics of a learner's tables, registers its connector, and waits until that runs.

    Gives the connector's state; `none` where no Kafka Connect is set: events then come from a Debezium of one's own.

    Raises:
        SettingsError: there is no broker, or no source database.
        StreamError: the broker or the worker refuses or does not answer, or the connector failed.
    """
    broker = broker_of(settings)
    for table in declared.tables:
        ensure_topic(broker, declared.topic(table))
    if settings.connect is None:
        return "none"
    name = slot_of(declared)
    with Worker(settings.connect) as worker:
        worker.put(name, _configuration(settings, declared))
        if worker.state(name)[0] == "failed":
            worker.restart_failed(name)
        _await_running(worker, name, watch, left="the connector is registered; the learner was not started")
    return "running"


def _configuration(settings: Settings, declared: OnlineLearner) -> dict[str, str]:
    place = conninfo_to_dict(source_of(settings, declared))
    return connector(declared, str(place["host"]), int(place.get("port") or 5432))


def _await_running(worker: Worker, name: str, watch: Callable[[str], None], *, left: str) -> None:
    until, failed_since = time.monotonic() + WAIT, 0.0
    while True:
        state, problem = worker.state(name)
        if state == "running":
            return
        watch(f"the connector is {state}")
        # A task that has just been told to start again is still shown as failed for a moment.
        failed_since = (failed_since or time.monotonic()) if state == "failed" else 0.0
        if time.monotonic() > until or (failed_since and time.monotonic() - failed_since > STILL_FAILED):
            raise StreamError(
                f"The connector `{name}` does not run: it is {state}.",
                looked=f"{worker.url}/connectors/{name}/status: {problem}",
                left=left,
                next="landfall logs connect",
            )
        time.sleep(0.3)


def end_capture(settings: Settings, declared: OnlineLearner, watch: Callable[[str], None] = lambda text: None) -> None:
    """Removes a learner's slot and its connector. What is in the topics stays.

    Changes from now on are missed, until a new start takes a snapshot; rows that were used are known then, by key and values.
    Only the role that captures may drop the slot.

    Raises:
        SettingsError: there is no Kafka Connect, no source database, or no password of that role.
        StreamError: the worker refuses or does not answer, or the slot is still read.
        PublishingError: the source database refuses.
    """
    name, place = slot_of(declared), settings.connect
    if place is None:
        raise SettingsError(
            "There is no Kafka Connect.", looked=f"{CONNECT[0]} is not set", next="landfall up --with cdc"
        )
    own = make_conninfo(source_of(settings, declared), user=CAPTURE_ROLE, password=settings.capture_password)
    by_hand = f"as a superuser, in the source database: SELECT pg_drop_replication_slot('{name}')"
    if not settings.capture_password:
        raise SettingsError(
            f"The slot `{name}` cannot be dropped.", looked=f"{CAPTURE_PASSWORD} is not set",
            left="nothing was changed", next=by_hand,
        )  # fmt: skip
    with Worker(place) as worker:
        worker.delete(name)
    watch("the connector is gone")
    with connect(_Source(own), longest=QUESTION, migrated=False) as conn:
        until = time.monotonic() + WAIT
        while slot := next((slot for slot in slots(conn) if slot.name == name), None):
            if not slot.active:
                with explained(conn, f"The slot `{name}` could not be dropped.", next=by_hand):
                    conn.execute("SELECT pg_drop_replication_slot(%s)", [name])
            elif time.monotonic() > until:
                raise StreamError(
                    f"The slot `{name}` is still there.", looked=slot.sentence,
                    left="the connector is gone; the slot holds the server's log", next=by_hand,
                )  # fmt: skip
            time.sleep(0.2)


def capture_of(settings: Settings, declared: OnlineLearner) -> Capture | None:
    """How the capture of a learner's tables stands; None if neither a worker nor its source database is set."""
    if settings.connect is None and declared.database not in settings.sources:
        return None
    state, problem, slot = "unknown", "", None
    try:
        if settings.connect is not None:
            with Worker(settings.connect) as worker:
                state, problem = worker.state(slot_of(declared))
        slot = slot_in(settings, declared)
    except LandfallError as error:
        problem = f"{error.what} {error.looked}"
    return Capture(connector=state, slot=slot, problem=problem)


def slot_in(settings: Settings, declared: OnlineLearner) -> Slot | None:
    """The learner's slot in its source database; None if there is none, or the database is not set."""
    if declared.database not in settings.sources:
        return None
    with _source(settings, declared) as conn:
        return next((slot for slot in slots(conn) if slot.name == slot_of(declared)), None)


@dataclass(frozen=True)
class _Source:
    """Where a source database is."""

    database_url: str


def _source(settings: Settings, declared: OnlineLearner) -> psycopg.Connection[tuple[object, ...]]:
    return connect(_Source(source_of(settings, declared)), longest=QUESTION, migrated=False)
