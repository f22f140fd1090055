"""`landfall deployments`: what is deployed where, and which version scored at a time."""

from dataclasses import asdict
from typing import Annotated

import typer

from landfall import deployments as room
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.times import moment_of
from landfall.database import QUESTION, connect
from landfall.deployments import Deployed, Span, TableName
from landfall.deployments.rescore import IN_BULK
from landfall.errors import DeploymentError
from landfall.publishing.statements import plain
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command("deployments")(show)


def show(
    table: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="Only this table, with the history of its versions.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of TABLE, the version that scored at this time (ISO 8601).")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """List the tables that models score: which version, since when, how a row and how many are scored, and what feeds it."""
    if at and not table:
        raise typer.BadParameter("it goes with a table", param_hint="--at")
    with answering(json) as out, connect(settings(), longest=QUESTION) as conn:
        if table is None:
            _show_all(out, room.deployments(conn))
            return
        found = room.deployed(conn, TableName.parse(table))
        spans = room.history(conn, found)
        if at is None:
            _show_history(out, found, spans)
        else:
            _show_moment(out, found, spans, at)


def told(found: Deployed) -> dict[str, object]:
    """A deployment as JSON holds it."""
    left_out = ("oid", "watched")
    fields = {name: value for name, value in asdict(found).items() if name not in left_out}
    fields |= {"table": str(found.table), "fed_by": str(found.fed_by) if found.fed_by else None, "in_bulk": IN_BULK}
    return {name: plain(value) for name, value in fields.items()}


def _show_all(out: Output, found: list[Deployed]) -> None:
    if out.wants_json:
        out.json([told(each) for each in found])
    elif not found:
        out.say("no model is deployed to a table    (landfall deploy MODEL --table TABLE)")
    else:
        rows = [
            (
                f"{each.table}{' (dropped)' if each.gone else ''}",
                each.model,
                each.version,
                f"{each.since:%Y-%m-%d %H:%M:%S}",
                each.for_a_row,
                IN_BULK,
                f"{each.trees:,} / {each.splits:,}" if each.trees else "",
                each.unscorable,
                str(each.fed_by or ""),
            )
            for each in found
        ]
        columns = ("table", "model", "version", "since", "a row", "many", "trees / splits", "unscorable", "fed by")
        out.table(columns, rows)
        if unsafe := [str(each.table) for each in found if not each.pinned]:
            out.say(
                f"made by an earlier version, not safe: {', '.join(unsafe)}    (python -m landfall.deployments.repair)"
            )


def _show_history(out: Output, found: Deployed, spans: list[Span]) -> None:
    if out.wants_json:
        out.json({**told(found), "history": [_span(each) for each in spans]})
        return
    _show_all(out, [found])
    out.say("")
    rows = [
        (
            each.model,
            each.version,
            each.kind,
            f"{each.since:%Y-%m-%d %H:%M:%S}",
            f"{each.until:%Y-%m-%d %H:%M:%S}" if each.until else "now",
            each.by_role,
            each.run_id,
        )
        for each in spans
    ]
    out.table(("model", "version", "kind", "since", "until", "by", "run"), rows)


def _span(each: Span) -> dict[str, object]:
    return {name: plain(value) for name, value in asdict(each).items()}


def _show_moment(out: Output, found: Deployed, spans: list[Span], at: str) -> None:
    moment = moment_of(at)
    span = room.scored_at(spans, moment)
    if span is None:
        raise DeploymentError(
            f"Nothing scored the rows of `{found.table}` at {moment:%Y-%m-%d %H:%M:%S} UTC.",
            looked=f"landfall.deployed_versions: the first is of {spans[-1].since:%Y-%m-%d %H:%M:%S} UTC",
            next=f"landfall deployments {found.table}",
        )
    until = f"{span.until:%Y-%m-%d %H:%M:%S} UTC" if span.until else "now"
    out.answer(
        _span(span),
        f"version {span.version} of `{span.model}`, {span.kind}, from {span.since:%Y-%m-%d %H:%M:%S} UTC until {until}",
    )
