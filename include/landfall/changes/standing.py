"""How a learner stands, for a person; and what a person does to it: reset, freeze, thaw, restore."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from landfall.changes import state as kept
from landfall.changes.online import Online
from landfall.changes.state import Alarm, Known, Measure
from landfall.database import Database, explained
from landfall.errors import StreamError
from landfall.spec.online import OnlineLearner
from landfall.streams import state as lines
from landfall.streams.standing import SILENT
from landfall.streams.state import StreamState


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a learner stands.

    Args:
        word: One word: running, starting, failing, silent, stopping or stopped.
        line: Its line in `landfall.streams`.
        known: What it knows.
        newest: What the last batch measured; None before the first.
        alarms: The newest alarms.
        counts: What became of the events of the newest batches -> how many.
    """

    word: str
    line: StreamState
    known: Known
    newest: Measure | None
    alarms: tuple[Alarm, ...]
    counts: Mapping[str, int]

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        state = self.known.state
        return {
            "learner": self.line.name, "state": self.word, "number": state.number, "rows": state.rows,
            "waiting": len(state.waiting), "error": state.error.error, "window_error": state.error.window_error,
            "measured": state.error.count, "frozen": self.known.frozen, "lag": self.line.lag_rows,
            "problem": self.line.problem if self.word == "failing" else "", "counts": dict(self.counts),
            "alarms": [{"number": one.number, "kind": one.kind, "reason": one.reason, "at": one.at} for one in self.alarms],
        }  # fmt: skip


def standing(conn: Database, declared: OnlineLearner) -> Standing:
    """How a learner stands now."""
    line = lines.state_of(conn, declared.name)
    batches = kept.measures(conn, declared.name)
    counts: dict[str, int] = {}
    for batch in batches:
        for what, number in batch.counts.items():
            counts[what] = counts.get(what, 0) + number
    return Standing(
        word=_word(line), line=line, known=kept.known_of(conn, Online(declared)), newest=batches[0] if batches else None,
        alarms=tuple(kept.alarms(conn, declared.name)), counts=counts,
    )  # fmt: skip


def _word(line: StreamState) -> str:
    silent = line.heartbeat is None or datetime.now(UTC) - line.heartbeat > SILENT
    if line.wanted == "stopped":
        return "stopped" if line.state == "stopped" or silent else "stopping"
    if line.state == "failing":
        return "failing"
    return "silent" if silent and line.heartbeat is not None else "starting" if line.state == "stopped" else line.state


def freeze(conn: Database, declared: OnlineLearner, why: str) -> None:
    """Lets a learner learn nothing until it is thawed. It answers and is measured. Rows of that time are not learnt later."""
    _set_frozen(conn, declared, why or "by hand", "frozen")


def thaw(conn: Database, declared: OnlineLearner) -> None:
    """Lets a learner learn again."""
    _set_frozen(conn, declared, "", "thawed")


def _set_frozen(conn: Database, declared: OnlineLearner, why: str, kind: str) -> None:
    name = declared.name
    with explained(conn, f"The learner `{name}` could not be {kind}."), conn.transaction():
        number = kept.known_of(conn, Online(declared)).state.number
        if not kept.set_frozen(conn, name, why):
            raise StreamError(
                f"The learner `{name}` cannot be {kind}.",
                looked="landfall.learners: it has learnt nothing yet",
                next=f"landfall changes start {name}",
                fault="request",
            )
        kept.note(conn, name, number, kind, why)


def restore(conn: Database, declared: OnlineLearner, number: int) -> int:
    """Goes back to a kept state, and gives the number that it has now: numbers go on, so that no two states share one.

    The error since the start and the places in the log stay what they are: what was read is not read again.

    Raises:
        StreamError: the learner runs, or no state of that number was kept.
    """
    name, online = declared.name, Online(declared)
    _require_stopped(conn, name, "restored")
    text = kept.kept_text(conn, name, number)
    if text is None:
        states = [str(state.number) for state in kept.kept_states(conn, name)]
        raise StreamError.unknown(f"kept state of `{name}`", str(number), states, next=f"landfall changes state {name}")
    with explained(conn, f"The learner `{name}` could not be restored."), conn.transaction():
        _take(conn, name, "restore")
        now = kept.known_of(conn, online)
        state = replace(online.from_json(text), number=now.state.number + 1, error=now.state.error)
        kept.write(conn, online, state, now.positions)
        kept.keep(conn, online, state)
        kept.note_names(conn, name, state.number, state.names)
        kept.note(conn, name, state.number, "restored", f"as it was in state {number}")
    return state.number


def reset(conn: Database, declared: OnlineLearner) -> int:
    """Lets a learner begin anew with what comes next, and gives the number of its empty state.

    Rows that were used are forgotten: if a new snapshot brings them again, they are learnt again.

    Raises:
        StreamError: the learner runs.
    """
    name, online = declared.name, Online(declared)
    _require_stopped(conn, name, "reset")
    with explained(conn, f"The learner `{name}` could not be reset."), conn.transaction():
        _take(conn, name, "reset")
        number, positions = kept.newest_number(conn, name)
        state = replace(online.start(), number=number + 1)
        kept.write(conn, online, state, positions)
        kept.keep(conn, online, state)
        kept.forget_rows(conn, name)
        kept.note_names(conn, name, state.number, ())
        kept.note(conn, name, state.number, "reset")
    return state.number


def _take(conn: Database, name: str, by: str) -> None:
    """Fences whoever may still drive the learner, and leaves it stopped."""
    lines.want(conn, name, "stopped", f"landfall changes {by}", kind="learner")
    epoch = lines.take(conn, name, f"landfall changes {by}", kind="learner")
    lines.beat(conn, name, epoch, StreamState(name=name, kind="learner"))


def _require_stopped(conn: Database, name: str, what: str) -> None:
    word = _word(lines.state_of(conn, name))
    if word != "stopped":
        raise StreamError(
            f"The learner `{name}` cannot be {what} while it is {word}.",
            looked="landfall.streams",
            left="its state is as it was",
            next=f"landfall changes stop {name}",
            fault="request",
        )
