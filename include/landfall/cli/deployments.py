"""`landfall deployments`: lists which models are deployed to which tables, and which version scored at a time."""

from dataclasses import asdict
from typing import Annotated

import typer

from landfall import deployments as room
from landfall.cli.output import JsonFlag, Output, answering
from landfall.cli.times import moment_of
from landfall.database import QUESTION, connect
from landfall.database.statements import plain
from landfall.deployments import Deployed, Span, TableName
from landfall.deployments.rescore import IN_BULK
from landfall.errors import DeploymentError
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command("deployments")(show)


def show(
    table: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="Only this table, with the history of its versions.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="The version that scored TABLE at this time (ISO 8601).")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """List the tables that models score: which version, since when, how single rows and many rows are scored, what feeds them."""
    if at and not table:
        raise typer.BadParameter("it needs a TABLE", param_hint="--at")
    with answering(json) as out, connect(settings(), longest=QUESTION) as conn:
        if table is None:
            _show_all(out, room.deployments(conn))
            return
        deployed = room.deployed(conn, TableName.parse(table))
        spans = room.history(conn, deployed)
        if at is None:
            _show_history(out, deployed, spans)
        else:
            _show_moment(out, deployed, spans, at)


def deployment_json(deployed: Deployed) -> dict[str, object]:
    """A deployment as `--json` gives it."""
    left_out = ("oid", "watched")
    fields = {name: value for name, value in asdict(deployed).items() if name not in left_out}
    fields |= {"table": str(deployed.table), "in_bulk": IN_BULK}
    fields["fed_by"] = str(deployed.fed_by) if deployed.fed_by else None
    return {name: plain(value) for name, value in fields.items()}


def _show_all(out: Output, deployments: list[Deployed]) -> None:
    if out.wants_json:
        out.json([deployment_json(deployed) for deployed in deployments])
    elif not deployments:
        out.say("no model is deployed to a table    (landfall deploy MODEL --table TABLE)")
    else:
        rows = [
            (
                f"{deployed.table}{' (dropped)' if deployed.gone else ''}",
                deployed.model,
                deployed.version,
                f"{deployed.since:%Y-%m-%d %H:%M:%S}",
                deployed.for_a_row,
                IN_BULK,
                f"{deployed.trees:,} / {deployed.splits:,}" if deployed.trees else "",
                deployed.unscorable,
                str(deployed.fed_by or ""),
            )
            for deployed in deployments
        ]
        columns = ("table", "model", "version", "since", "a row", "many", "trees / splits", "unscorable", "fed by")
        out.table(columns, rows)
        if unsafe := [str(deployed.table) for deployed in deployments if not deployed.pinned]:
            out.say(
                f"made by an earlier version, not safe: {', '.join(unsafe)}    (python -m landfall.deployments.repair)"
            )


def _show_history(out: Output, deployed: Deployed, spans: list[Span]) -> None:
    if out.wants_json:
        out.json({**deployment_json(deployed), "history": [_span(span) for span in spans]})
        return
    _show_all(out, [deployed])
    out.say("")
    rows = [
        (
            span.model,
            span.version,
            span.kind,
            f"{span.since:%Y-%m-%d %H:%M:%S}",
            f"{span.until:%Y-%m-%d %H:%M:%S}" if span.until else "now",
            span.by_role,
            span.run_id,
        )
        for span in spans
    ]
    out.table(("model", "version", "kind", "since", "until", "by", "run"), rows)


def _span(span: Span) -> dict[str, object]:
    return {name: plain(value) for name, value in asdict(span).items()}


def _show_moment(out: Output, deployed: Deployed, spans: list[Span], at: str) -> None:
    moment = moment_of(at)
    span = room.scored_at(spans, moment)
    if span is None:
        raise DeploymentError(
            f"Nothing scored the rows of `{deployed.table}` at {moment:%Y-%m-%d %H:%M:%S} UTC.",
            looked=f"landfall.deployed_versions: the first entry is of {spans[-1].since:%Y-%m-%d %H:%M:%S} UTC",
            next=f"landfall deployments {deployed.table}",
        )
    until = f"{span.until:%Y-%m-%d %H:%M:%S} UTC" if span.until else "now"
    out.answer(
        _span(span),
        f"version {span.version} of `{span.model}`, {span.kind}, from {span.since:%Y-%m-%d %H:%M:%S} UTC until {until}",
    )
