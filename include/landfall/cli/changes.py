"""`landfall changes`: starts and stops learners, shows what they know and how they stand, and goes back to older states."""

import json as as_text
import time
from typing import Annotated

import typer

from landfall import database
from landfall.changes import standing as learners
from landfall.changes import state as kept
from landfall.changes.answers import newest_answers
from landfall.changes.online import Online
from landfall.changes.standing import Standing
from landfall.cli.output import JsonFlag, answering
from landfall.pipelines import LEARNERS, find_learner
from landfall.spec import OnlineLearner
from landfall.stack import settings
from landfall.streams import state as lines

LearnerName = Annotated[str, typer.Argument(metavar="NAME", help="A learner, such as iris_online.")]
BY = "landfall changes"
"""Who wants a learner, in its line in the database."""


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    group = typer.Typer(help="Start and watch models that learn from a database's changes.", no_args_is_help=True)
    for command in (start, stop, status, predictions, state, reset, freeze, thaw, restore):
        group.command()(command)
    app.add_typer(group, name="changes")


def start(name: LearnerName, json: JsonFlag = False) -> None:
    """Start a learner: the part `streams` of the stack drives it. It goes on where its last batch ended."""
    from landfall.streams.topics import broker_of

    with answering(json) as out:
        declared, servers = find_learner(name), settings()
        broker_of(servers)
        with database.connect(servers) as conn:
            lines.want(conn, name, "running", BY, kind="learner")
        topics = [declared.topic(table).name for table in declared.tables]
        text = f"`{name}` shall run; it reads {', '.join(topics)}    (landfall changes status {name})"
        out.answer({"learner": name, "wanted": "running", "topics": topics}, text)


def stop(name: LearnerName, json: JsonFlag = False) -> None:
    """Stop a learner after its present batch. What it knows stays; a later start goes on from there."""
    with answering(json) as out:
        find_learner(name)
        with database.connect(settings()) as conn:
            lines.want(conn, name, "stopped", BY, kind="learner")
        out.answer({"learner": name, "wanted": "stopped"}, f"`{name}` stops    (landfall changes start {name})")


def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A learner; without it, all of them.")] = None,
    json: JsonFlag = False,
) -> None:
    """Show how learners stand: rows learnt, error, drift, lag, and what became of the events."""
    with answering(json) as out:
        chosen = [find_learner(name)] if name else list(LEARNERS.values())
        with database.connect(settings(), longest=database.QUESTION) as conn:
            stand = [learners.standing(conn, declared) for declared in chosen]
        if json:
            out.json([found.as_dict() for found in stand])
        else:
            for declared, found in zip(chosen, stand, strict=True):
                out.say(described(declared, found))
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


def state(name: LearnerName, json: JsonFlag = False) -> None:
    """Show what a learner knows, and the states that were kept."""
    with answering(json) as out:
        declared = find_learner(name)
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


def reset(name: LearnerName, json: JsonFlag = False) -> None:
    """Let a learner begin anew with what comes next. It must be stopped."""
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
    with answering(json) as out:
        with database.connect(settings()) as conn:
            learners.freeze(conn, find_learner(name), why)
        out.answer({"learner": name, "frozen": True}, f"`{name}` learns nothing    (landfall changes thaw {name})")


def thaw(name: LearnerName, json: JsonFlag = False) -> None:
    """Let a frozen learner learn again, from the next row on."""
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
    with answering(json) as out:
        with database.connect(settings()) as conn:
            now = learners.restore(conn, find_learner(name), number)
        text = f"`{name}` knows what it knew in state {number}, by state {now}    (landfall changes start {name})"
        out.answer({"learner": name, "restored": number, "number": now}, text)


def described(declared: OnlineLearner, found: Standing) -> str:
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
