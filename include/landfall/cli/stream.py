"""`landfall stream`: starts and stops streams, shows how they stand, sends a sample to them, and reads a topic again."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import typer

from landfall import database
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.times import moment_of
from landfall.errors import RunError, StreamError
from landfall.pipelines import STREAMS, find_stream
from landfall.spec import Settings, Stream
from landfall.stack import settings
from landfall.streams import state
from landfall.streams.standing import Standing, standing

StreamName = Annotated[str, typer.Argument(metavar="NAME", help="A stream, such as libsvm_stream.")]
Share = Annotated[float, typer.Option(min=0, max=1, metavar="SHARE")]
SPARK = "▁▂▃▄▅▆▇█"
"""The bars of a sparkline, from 0 to 1."""
BY = "landfall stream"
"""Who wants a stream, in its line in the database."""
WAIT = 120.0
"""The seconds that `start`, `stop` and `restart` wait for a stream."""


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    group = typer.Typer(help="Start, watch and feed streams: rows scored as they arrive.", no_args_is_help=True)
    for command in (start, stop, restart, status, send, replay):
        group.command()(command)
    app.add_typer(group, name="stream")


def start(name: StreamName, json: JsonFlag = False) -> None:
    """Start a stream: the switch of its DAG is turned on, and the command waits until the stream reads."""
    with answering(json) as out:
        _start(out, find_stream(name))


def stop(name: StreamName, json: JsonFlag = False) -> None:
    """Stop a stream after its present batch. What it has committed stays; a later start goes on from there."""
    with answering(json) as out:
        stream, servers = find_stream(name), settings()
        _stop(out, stream, servers)
        out.answer({"stream": name, "state": "stopped"}, f"`{name}` is stopped    (landfall stream start {name})")


def restart(name: StreamName, json: JsonFlag = False) -> None:
    """Stop a stream and start it again, from where it has got to."""
    with answering(json) as out:
        stream = find_stream(name)
        _stop(out, stream, settings())
        _start(out, stream)


def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A stream; without it, all of them.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second, until Ctrl-C.")] = False,
    json: JsonFlag = False,
) -> None:
    """Show how streams stand: rows a second, lag, model version, newest window, late rows and dead letters."""
    with answering(json) as out:
        chosen = [find_stream(name)] if name else list(STREAMS.values())
        with database.connect(settings(), longest=database.QUESTION) as conn:
            while True:
                stand = {stream.name: standing(conn, stream) for stream in chosen}
                if json:
                    out.json([found.as_dict() for found in stand.values()])
                else:
                    if watch and out.console.is_terminal:
                        out.console.clear()
                    for stream in chosen:
                        out.say(described(stream, stand[stream.name]))
                if not watch:
                    break
                time.sleep(1)
        if any(found.word in ("failing", "silent") for found in stand.values()):
            raise typer.Exit(1)


def send(
    name: StreamName,
    rows_per_second: Annotated[
        float, typer.Option(min=0, metavar="N", help="The rate; 0: as fast as the broker takes them.")
    ] = 500,
    rows: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N; default: at Ctrl-C.")] = None,
    labels_flipped: Annotated[float, typer.Option(min=0, max=1, metavar="SHARE", help="With the wrong label.")] = 0,
    late: Annotated[float, typer.Option(min=0, max=1, metavar="SHARE", help="With a time of long ago.")] = 0,
    malformed: Annotated[float, typer.Option(min=0, max=1, metavar="SHARE", help="That are no rows.")] = 0,
    duplicate: Annotated[float, typer.Option(min=0, max=1, metavar="SHARE", help="Sent twice.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Replay the stream's sample as a live source: rows with the present time, some with faults on purpose."""
    from landfall.streams.send import Faults
    from landfall.streams.send import send as send_rows

    with answering(json) as out:
        stream = find_stream(name)
        faults = Faults(labels_flipped=labels_flipped, late=late, malformed=malformed, duplicate=duplicate)
        began, sent = time.monotonic(), 0
        with out.progress(f"sending to `{stream.source.name}`    (Ctrl-C ends it)") as progress:

            def watch(count: int) -> None:
                nonlocal sent
                sent = count
                progress.step(f"{count} rows, {count / max(time.monotonic() - began, 0.001):.0f} a second")

            with suppress(KeyboardInterrupt):
                sent = send_rows(
                    settings(), stream, rows_per_second=rows_per_second, faults=faults, rows=rows, watch=watch
                )
        seconds = time.monotonic() - began
        out.answer(
            {"stream": name, "rows": sent, "seconds": round(seconds, 3)},
            f"sent {sent} rows in {seconds:.1f} s    (landfall stream status {name})",
        )


def replay(
    name: StreamName,
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Read again what arrived since then; 0: all there is.")
    ],
    json: JsonFlag = False,
) -> None:
    """Score a topic's messages again with the version that serves now, from a time on. The stream is stopped meanwhile.

    What the stream had made of those messages is replaced, windows that they touch are counted anew.
    """
    from landfall.streams.replay import rewind

    with answering(json) as out:
        stream, servers = find_stream(name), settings()
        moment = datetime.fromtimestamp(0, UTC) if since == "0" else moment_of(since)
        with database.connect(servers) as conn:
            ran = state.state_of(conn, name).wanted == "running"
        if ran:
            _stop(out, stream, servers)
        again = rewind(servers, stream, moment)
        text = f"`{name}` reads {again.messages} messages again, from {moment:%Y-%m-%d %H:%M:%S} UTC on"
        if ran:
            _start(out, stream, quiet=True)
        else:
            text += f"    (next: landfall stream start {name})"
        out.answer({"stream": name, "messages": again.messages, "from": again.offsets}, text)


def _start(out: Output, stream: Stream, *, quiet: bool = False) -> None:
    from landfall.streams.topics import broker_of

    servers = settings()
    broker_of(servers)
    with database.connect(servers) as conn:
        state.want(conn, stream.name, "running", BY)
        remark = _switch(servers, stream, paused=False)
        if remark:
            out.remark(remark)
        with out.progress(f"starting {stream.name}") as progress:
            found = _until(conn, stream, ("running",), progress.step)
    if found.word != "running":
        raise StreamError(
            f"The stream `{stream.name}` does not run after {WAIT:.0f} s: it is {found.word}.",
            looked=found.problem or "landfall.streams",
            left="it is tried again and again",
            next=f"landfall stream status {stream.name}    (and landfall logs streams)",
        )
    if not quiet:
        out.answer(
            {"stream": stream.name, "state": found.word, "model_version": found.state.model_version},
            f"`{stream.name}` runs    (landfall stream status {stream.name} --watch)",
        )


def _stop(out: Output, stream: Stream, servers: Settings) -> None:
    with database.connect(servers) as conn:
        state.want(conn, stream.name, "stopped", BY)
        if remark := _switch(servers, stream, paused=True):
            out.remark(remark)
        with out.progress(f"stopping {stream.name}") as progress:
            found = _until(conn, stream, ("stopped",), progress.step)
    if found.word != "stopped":
        raise StreamError(
            f"The stream `{stream.name}` has not stopped after {WAIT:.0f} s.",
            looked=f"it is {found.word}, driven by {found.state.driver}",
            left="it stops after its present batch",
            next=f"landfall stream status {stream.name}",
        )


def _until(conn: database.Database, stream: Stream, words: Sequence[str], tell: Callable[[str], None]) -> Standing:
    until = time.monotonic() + WAIT
    while True:
        found = standing(conn, stream, windows=1)
        if found.word in words or time.monotonic() > until:
            return found
        tell(f"{found.word}{f': {found.problem}' if found.problem else ''}")
        time.sleep(0.3)


def _switch(servers: Settings, stream: Stream, *, paused: bool) -> str:
    """Turns the switch of the stream's DAG; gives a remark if Airflow cannot be asked. The stream does not need it."""
    from landfall.runs import AirflowApi

    try:
        api = AirflowApi(servers)
        api.set_paused(stream.name, paused)
        if paused:
            api.finish_runs(stream.name, "landfall stream stop")
    except RunError as error:
        return f"its DAG was left as it is: {error.what}"
    return ""


def described(stream: Stream, found: Standing) -> str:
    """How a stream stands, in a few lines."""
    line, seconds = found.state, found.batch_seconds
    delay = "" if found.delay_seconds is None else f", {found.delay_seconds:.2f} s from arrival to commit"
    lines = [
        f"{stream.name}: {found.word}{f', version {line.model_version} of {stream.model}' if line.model_version else ''}",
        f"  rows        {found.rows_per_second:.1f} a second over the last minute; {found.rows} in all, {found.late} late, "
        f"{found.dead} dead letters, {found.lost} lost",
        f"  lag         {line.lag_rows} rows, {line.lag_seconds:.1f} s",
    ]
    if seconds is not None:
        lines.append(f"  batches     {line.batch}; {seconds:.2f} s each{delay}")
    for windows in found.windows:
        for name, values in windows.shares.items():
            newest = next((value for value in reversed(values) if value is not None), None)
            if newest is not None:
                lines.append(f"  {name:<11} {sparkline(values)} {newest:.3f}  {windows.name}")
    if found.problem:
        lines.append(f"  problem     {found.problem}")
    return "\n".join(lines)


def sparkline(values: Sequence[float | None]) -> str:
    """One bar for each share from 0 to 1; a space where there is none."""
    return "".join(
        " " if value is None else SPARK[min(len(SPARK) - 1, int(max(0.0, value) * len(SPARK)))] for value in values
    )
