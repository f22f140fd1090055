"""`landfall up`, `down`, `ps`, `logs`, `doctor`: the commands for the embedded stack."""

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, Output, answering
from landfall.spec.tables import READER
from landfall.stack import control, doctor
from landfall.stack.kafka import USER
from landfall.stack.layout import Layout
from landfall.stack.part import last_lines
from landfall.stack.state import PartRecord, StackState

FIELDS = ("name", "state", "url", "pid", "log", "secret_file", "token_file", "login", "doing", "restarts", "seconds")
LOGINS = {"api-server": "admin", "postgres": READER, "kafka": USER, "connect": USER}
"""Part -> the user that people, or applications, sign in as."""


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(up)
    app.command()(down)
    app.command()(ps)
    app.command()(logs)
    app.command("doctor")(doctor_command)


def as_json(part: PartRecord) -> dict[str, object]:
    """A part as `landfall ps --json` gives it."""
    fields = {**asdict(part), "url": part.url or None, "login": LOGINS.get(part.name)}
    return {name: fields[name] for name in FIELDS}


def up(
    parts: Annotated[
        str, typer.Option(help="Only these parts, separated by commas, and the parts that they need.")
    ] = "",
    extra: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Also this part: mlflow, databricks, kafka; cdc: what captures a database's changes."
        ),
    ] = None,
    port: Annotated[
        list[str] | None, typer.Option(help="The port of a part: PART=NUMBER, such as airflow=8081.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Start the embedded stack and wait until every part is healthy. If it runs already, mend the parts that are not.

    Exit code 1 if a part did not start. A part of `--with` that fails does not keep the others from starting, and is tried
    again.
    """
    with answering(json) as out:
        shown: dict[str, str] = {}
        with out.progress("starting the stack") as progress:

            def watch(state: StackState) -> None:
                for part in state.parts:
                    now = f"{part.state} {part.doing}".strip()
                    if part.state in ("waiting", "starting", "stopped", "unhealthy") or shown.get(part.name) == now:
                        continue
                    shown[part.name] = now
                    if part.state == "healthy" and out.errors.is_terminal:
                        out.errors.print(f"  [green]✓[/] {part.name:<14} {part.seconds:5.1f} s", highlight=False)
                    elif part.state == "healthy":
                        progress.step(f"{part.name}: healthy after {part.seconds} s")
                    elif part.doing:
                        progress.step(f"{part.name}: {part.doing}")
                if out.errors.is_terminal:
                    left = [part.name for part in state.parts if part.state != "healthy"]
                    progress.step(f"{time.time() - state.began:.0f} s, waiting for {', '.join(left)}")

            names = [name for name in parts.split(",") if name]
            state = control.up(names, extra=extra or [], port=port or [], watch=watch)
        seconds = max(part.seconds or 0.0 for part in state.parts)
        if json:
            out.json([as_json(part) for part in state.parts])
        else:
            out.say(f"up after {seconds} s")
            show(out, state.parts)
        end_as(out, state.parts)


def down(json: JsonFlag = False) -> None:
    """Stop the embedded stack; its data is kept."""
    with answering(json) as out:
        with out.progress("stopping the stack"):
            ended = control.down()
        out.answer({"state": "stopped", "leftovers_ended": ended}, "all parts are stopped; data is kept")


def ps(json: JsonFlag = False) -> None:
    """List the parts of the stack: state, address, process. Exit code 1 unless every part is healthy."""
    with answering(json) as out:
        parts = control.ps()
        if json:
            out.json([as_json(part) for part in parts])
        elif parts:
            show(out, parts)
        else:
            out.say("nothing was started yet: landfall up")
        end_as(out, parts)


def end_as(out: Output, parts: Sequence[PartRecord]) -> None:
    """Exits with code 1 unless every part is healthy; names the parts that are not, and what mends them."""
    ill = [part for part in parts if part.state != "healthy"]
    if ill and any(part.state not in ("stopped", "failed") for part in parts):
        mend = f"landfall logs {ill[0].name}, then landfall up"
        out.remark(f"not healthy: {', '.join(part.name for part in ill)}. It is tried again; to see why: {mend}")
    if ill or not parts:
        raise typer.Exit(1)


def show(out: Output, parts: list[PartRecord]) -> None:
    rows = [(part.name, part.state, part.url, part.pid, part.restarts or "", part.doing) for part in parts]
    out.table(["part", "state", "address", "pid", "restarts", ""], rows)
    for part in parts:
        if part.name == "api-server" and part.state == "healthy":
            out.say(f"login: {LOGINS[part.name]}, password in {part.secret_file}")
        if part.name == "postgres" and part.state == "healthy":
            out.say(f"applications read predictions as {READER}: LANDFALL_READER_URL in {Layout.at().env_file}")
        if part.name == "serving" and part.state == "healthy":
            out.say(
                f"predictions by key: {part.url}/docs, for who shows a key (landfall keys create NAME --table TABLE)"
            )
        if part.name == "mlflow" and part.state == "healthy":
            out.say(f"mlflow: {part.url}, user admin, password in {part.secret_file}")
        if part.name == "kafka" and part.state == "healthy":
            out.say(f"kafka: {part.url}, user {USER}, LANDFALL_KAFKA_PASSWORD in {part.secret_file}")
        if part.name == "connect" and part.state == "healthy":
            out.say(f"connect: {part.url}, user {USER}, LANDFALL_CONNECT_PASSWORD in {part.secret_file}")
        if part.token_file and part.state == "healthy":
            out.say(f"{part.name}: {part.url}, token in {part.token_file}")


def logs(
    part: Annotated[str | None, typer.Argument(help="A part; without it, the supervisor.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on and show what is added.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many lines from the end.")] = 40,
    json: JsonFlag = False,
) -> None:
    """Show the end of a part's log."""
    with answering(json) as out:
        log = control.log_of(part)
        shown = last_lines(log, lines)
        if json:
            out.json({"log": str(log), "lines": shown})
            return
        sys.stdout.writelines(f"{line}\n" for line in shown)
        sys.stdout.flush()
        if follow:
            with log.open("rb") as file:
                file.seek(0, 2)
                while True:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                    sys.stdout.flush()
                    time.sleep(0.3)


def doctor_command(json: JsonFlag = False) -> None:
    """Check what this machine needs for the stack, and say how to mend what is missing."""
    with answering(json) as out:
        findings = doctor.examine()
        if json:
            out.json([asdict(finding) for finding in findings])
        else:
            marks = {"ok": "✓", "missing": "✗", "optional": "-"}
            out.table(
                ["", "what", "found", "to mend"],
                [(marks[finding.state], finding.what, finding.found, finding.mend) for finding in findings],
            )
        if any(finding.state == "missing" for finding in findings):
            raise typer.Exit(1)
