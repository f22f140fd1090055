"""`landfall changes`: starts and stops learners, shows what they know and how they stand, and goes back to older states."""

import json as as_text
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from landfall import database
from landfall.changes.answers import newest_answers
from landfall.changes.capture import Capture, capture_of, end_capture, start_capture
from landfall.changes.past import past
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.times import moment_of
from landfall.errors import SettingsError
from landfall.pipelines import LEARNERS, find_learner
from landfall.spec import OnlineLearner
from landfall.stack import settings
from landfall.streams import state as lines

if TYPE_CHECKING:  # numpy is imported when a command runs, not before
    from landfall.changes.standing import Standing

LearnerName = Annotated[str, typer.Argument(metavar="NAME", help="A learner, such as iris_online.")]
BY = "landfall changes"
"""Who wants a learner, in its line in the database."""


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    group = typer.Typer(help="Start and watch models that learn from a database's changes.", no_args_is_help=True)
    for command in (start, stop, status, predictions, state, reset, freeze, thaw, restore):
        group.command()(command)
    app.add_typer(group, name="changes")
    app.command()(url)


def start(name: LearnerName, json: JsonFlag = False) -> None:
    """Start a learner: its connector is registered, and the part `streams` of the stack drives it.

    It goes on where its last batch ended. The first start takes a snapshot: the rows that are there already are learnt first.
    """
    with answering(json) as out:
        declared, servers = find_learner(name), settings()
        with out.progress(f"capturing the tables of `{name}`") as progress:
            connector = start_capture(servers, declared, progress.step)
        with database.connect(servers) as conn:
            lines.want(conn, name, "running", BY, kind="learner")
        if connector == "none":
            out.remark("no Kafka Connect is set: events come from a Debezium of your own")
        topics = [declared.topic(table).name for table in declared.tables]
        text = f"`{name}` shall run; it reads {', '.join(topics)}    (landfall changes status {name})"
        out.answer({"learner": name, "wanted": "running", "connector": connector, "topics": topics}, text)


def stop(
    name: LearnerName,
    capture: Annotated[
        bool, typer.Option("--capture", help="Also end the capture: remove the connector and its replication slot.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Stop a learner after its present batch. What it knows stays; a later start goes on from there.

    Changes are captured all the same, and kept in the topics for a week. With `--capture` they are not: a later start takes a
    snapshot, and learns the rows that it does not know.
    """
    with answering(json) as out:
        declared, servers = find_learner(name), settings()
        with database.connect(servers) as conn:
            lines.want(conn, name, "stopped", BY, kind="learner")
        if capture:
            with out.progress(f"ending the capture for `{name}`") as progress:
                end_capture(servers, declared, progress.step)
        answer = {"learner": name, "wanted": "stopped", "captured": not capture}
        out.answer(answer, f"`{name}` stops    (landfall changes start {name})")


def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A learner; without it, all of them.")] = None,
    json: JsonFlag = False,
) -> None:
    """Show how learners stand: rows learnt, error, drift, lag, what became of the events, connector and replication slot."""
    from landfall.changes import standing as learners

    with answering(json) as out:
        chosen = [find_learner(name)] if name else list(LEARNERS.values())
        servers = settings()
        with database.connect(servers, longest=database.QUESTION) as conn:
            stand = [learners.standing(conn, declared) for declared in chosen]
        captures = [capture_of(servers, declared) for declared in chosen]
        if json:
            out.json(
                [
                    {**found.as_dict(), "capture": captured.as_dict() if captured else None}
                    for found, captured in zip(stand, captures, strict=True)
                ]
            )
        else:
            for declared, found, captured in zip(chosen, stand, captures, strict=True):
                out.say("\n".join([described(declared, found), *_of_capture(captured)]))
        if any(found.word in ("failing", "silent") for found in stand):
            raise typer.Exit(1)


def predictions(
    name: LearnerName,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new ones, until Ctrl-C.")] = False,
    rows: Annotated[int, typer.Option(min=1, metavar="N", help="The newest N.")] = 20,
    json: JsonFlag = False,
) -> None:
    """Show the newest answers, and what they were given by."""
    with answering(json) as out:
        declared = find_learner(name)
        with database.connect(settings(), longest=database.QUESTION) as conn:
            answers, after = newest_answers(conn, declared, rows=rows)
            while True:
                if json:
                    out.json([answer.as_dict() for answer in answers])
                else:
                    for answer in answers:
                        out.say(answer.sentence)
                if not follow:
                    return
                time.sleep(0.5)
                answers, after = newest_answers(conn, declared, rows=rows, after=after)


def state(
    name: LearnerName,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="What it knew then: ISO 8601, UTC unless it says otherwise."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show what a learner knows, and the states that were kept; or what it knew at a time that has passed."""
    from landfall.changes import state as kept
    from landfall.changes.online import Online

    with answering(json) as out:
        declared = find_learner(name)
        if at is not None:
            _state_at(out, name, moment_of(at))
            return
        with database.connect(settings(), longest=database.QUESTION) as conn:
            online = Online(declared)
            known, states = kept.known_of(conn, online), kept.kept_states(conn, name)
        content = as_text.loads(online.to_json(known.state))
        listed = [
            {"number": one.number, "rows": one.rows, "window_error": one.window_error, "at": one.kept_at}
            for one in states
        ]
        if json:
            out.json({"learner": name, "state": content, "kept": listed})
            return
        out.say(f"{name}: state {known.state.number}, {known.state.rows} rows learnt")
        out.say(as_text.dumps(content["learner"], indent=1))
        for one in states:
            error = "" if one.window_error is None else f", error {one.window_error:.3f}"
            out.say(f"  kept: state {one.number}, {one.rows} rows{error}, {one.kept_at:%Y-%m-%d %H:%M:%S}")


def _state_at(out: Output, name: str, moment: datetime) -> None:
    with database.connect(settings(), longest=database.QUESTION) as conn:
        knew = past(conn, name, moment)
    answer = {"learner": name, "at": moment, "number": knew.number, "rows": knew.rows, "since": knew.since,
              "later_number": knew.later_number, "later_rows": knew.later_rows, "state": knew.content}  # fmt: skip
    text = f"{name} at {moment:%Y-%m-%d %H:%M:%S} UTC: state {knew.number}, {knew.rows} rows learnt"
    if not knew.exact:
        text += f"; by then it was at state {knew.later_number}, {knew.later_rows} rows, which was not kept"
    out.answer(answer, f"{text}\n{as_text.dumps(knew.content['learner'], indent=1)}")


def reset(name: LearnerName, json: JsonFlag = False) -> None:
    """Let a learner begin anew with what comes next. It must be stopped."""
    from landfall.changes import standing as learners

    with answering(json) as out:
        with database.connect(settings()) as conn:
            number = learners.reset(conn, find_learner(name))
        out.answer(
            {"learner": name, "number": number},
            f"`{name}` knows nothing, by state {number}    (landfall changes start {name})",
        )


def freeze(
    name: LearnerName,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for others.")] = "",
    json: JsonFlag = False,
) -> None:
    """Let a learner answer and be measured, but learn nothing. Rows of that time are not learnt later."""
    from landfall.changes import standing as learners

    with answering(json) as out:
        with database.connect(settings()) as conn:
            learners.freeze(conn, find_learner(name), why)
        out.answer({"learner": name, "frozen": True}, f"`{name}` learns nothing    (landfall changes thaw {name})")


def thaw(name: LearnerName, json: JsonFlag = False) -> None:
    """Let a frozen learner learn again, from the next row on."""
    from landfall.changes import standing as learners

    with answering(json) as out:
        with database.connect(settings()) as conn:
            learners.thaw(conn, find_learner(name))
        out.answer({"learner": name, "frozen": False}, f"`{name}` learns again    (landfall changes status {name})")


def restore(
    name: LearnerName,
    number: Annotated[int, typer.Option("--state", metavar="N", help="A kept state: landfall changes state NAME.")],
    json: JsonFlag = False,
) -> None:
    """Go back to a kept state. The learner must be stopped; what was read is not read again."""
    from landfall.changes import standing as learners

    with answering(json) as out:
        with database.connect(settings()) as conn:
            now = learners.restore(conn, find_learner(name), number)
        text = f"`{name}` knows what it knew in state {number}, by state {now}    (landfall changes start {name})"
        out.answer({"learner": name, "restored": number, "number": now}, text)


def url(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A source database, such as flowers.")],
    json: JsonFlag = False,
) -> None:
    """Print the URL of a source database, with the password of its owner: psql "$(landfall url flowers)"."""
    with answering(json) as out:
        known = settings().sources
        if name not in known:
            raise SettingsError.unknown("source database", name, sorted(known), next="landfall up --with cdc")
        out.answer({"name": name, "url": known[name]}, known[name])


def _of_capture(captured: Capture | None) -> list[str]:
    """How the capture stands, in a line or two; none where nothing is captured."""
    if captured is None:
        return []
    problem = f": {captured.problem}" if captured.problem else ""
    lines_ = [f"  connector   {captured.connector}{problem}"]
    if captured.slot is not None:
        lines_.append(f"  {captured.slot.sentence}".replace("  slot ", "  slot        ", 1))
    return lines_


def described(declared: OnlineLearner, found: "Standing") -> str:
    """How a learner stands, in a few lines."""
    state, line = found.known.state, found.line
    text = [
        f"{declared.name}: {found.word}, state {state.number}, {state.rows} rows learnt, {line.lag_rows} events to read"
    ]
    if state.error.error is not None:
        text.append(f"  error       {state.error.window_error:.3f} over the newest {len(state.error.newest)} rows; "
                    f"{state.error.error:.3f} over all {state.error.count}")  # fmt: skip
    if found.counts:
        text.append(f"  events      {', '.join(f'{number} {what}' for what, number in sorted(found.counts.items()))}")
    if declared.algorithm.task == "clustering" and state.rows:
        clusters = len(state.learner["centers"])
        names = [declared.classes[name] if name is not None else "no label yet" for name in state.names]
        wanted = getattr(declared.algorithm, "clusters", clusters)
        few = f", of {wanted}: too few different rows" if clusters < wanted else ""
        text.append(f"  clusters    {clusters}{few}{': ' if names else ''}{', '.join(names)}")
    if found.alarms:
        newest = found.alarms[0]
        text.append(
            f"  alarm       {newest.kind} in state {newest.number}, {newest.at:%Y-%m-%d %H:%M:%S}: {newest.reason}"
        )
    if found.known.frozen:
        text.append(f"  frozen      {found.known.frozen}    (landfall changes thaw {declared.name})")
    if found.word == "failing":
        text.append(f"  problem     {line.problem}")
    return "\n".join(text)
