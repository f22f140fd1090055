"""What a change will do, as a value: made from what was asked for and what is there, before anything is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from landfall.deployments import chain, trigger
from landfall.deployments.history import Deployed, Entry, Kind
from landfall.deployments.names import quoted
from landfall.deployments.present import Present
from landfall.deployments.request import NOTHING, Request
from landfall.deployments.scoring import Scoring
from landfall.deployments.table import prepare
from landfall.errors import DeploymentError


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A change, before it is made. `landfall.deployments.change` makes it.

    Args:
        statements: What PostgreSQL is to do, in this order. One that begins with `--` is a remark for the person who asked.
        ended: Numbers of the deployments that are over after it.
        entry: What the history says of the deployment after it; None if it is to say nothing more.
    """

    statements: tuple[str, ...]
    ended: tuple[int, ...] = ()
    entry: Entry | None = None


def plan_deployment(request: Request, scoring: Scoring, present: Present, kind: Kind) -> Plan:
    """A version scores the table's rows from the end of the transaction on, and what feeds the table does so as it needs.

    Only the function is replaced, without a lock on the table, if the triggers look at the same columns as before.

    Args:
        request: What was asked for.
        scoring: The version that it means, compiled.
        present: What is there.
        kind: How the version came to score the table.

    Raises:
        DeploymentError: it cannot be done as it was asked.
    """
    _refuse(request, present)
    number, found, gone = present.number, present.found, present.gone
    link = chain.plan_link(request.model, list(scoring.inputs), request.after, present)
    table, prepared = prepare(
        present.table, request.model, scoring, fed=link.inputs if link else {}, filled=present.filled
    )
    kept = {name: of for name, of in present.filled.items() if name in table.columns}
    filled = {**kept, **scoring.outputs}
    watched = {**scoring.inputs, **{name: "text" if of == "text" else "number" for name, of in filled.items()}}
    body, rewatch = scoring.trigger_body(filled), not found or found.watched != watched
    return Plan(
        statements=(
            *(_clearing(gone) if gone else ()),
            *prepared,
            *trigger.make_function(f"score_{number}", body),
            *(trigger.triggers(number, table, watched) if rewatch else ()),
            *(link.statements if link else ()),
            *(f"GRANT SELECT, INSERT ON {table.name.quoted} TO {quoted(role)}" for role in request.readers),
        ),
        ended=(gone.id,) if gone else (),
        entry=Entry(
            id=number,
            table=table.name,
            filled=filled,
            watched=watched,
            fed_by=link.source if link else None,
            feeds=link.columns if link else None,
            scoring=scoring,
            kind=None if scoring == present.scoring else kind,
        ),
    )


def _refuse(request: Request, present: Present) -> None:
    """Nothing, if the table is free for the model."""
    found, table = present.found, present.table
    if found and found.model != request.model:
        raise DeploymentError(
            f"`{request.table}` is scored by another model, `{found.model}` version {found.version}.",
            looked="landfall.deployments",
            left=NOTHING,
            next=f"landfall undeploy {request.table}    (or chain a table of its own: --after {request.table})",
        )
    if request.create and table.oid and not found:
        raise DeploymentError(
            f"There is a table `{request.table}` already.",
            looked=f"its columns: {', '.join(table.columns)}",
            left=NOTHING,
            next=f"landfall deploy {request.model} --table {request.table.table}    (without --create-table)",
        )


def plan_withdrawal(found: Deployed, deployments: Sequence[Deployed], *, drop_columns: bool) -> Plan:
    """A table is to be scored no more.

    Args:
        found: Its deployment.
        deployments: All that are there.
        drop_columns: Whether the columns that were filled go too.

    Raises:
        DeploymentError: it feeds another table.
    """
    fed = [deployment for deployment in deployments if deployment.fed_by == found.table]
    if there := [str(deployment.table) for deployment in fed if not deployment.gone]:
        raise DeploymentError(
            f"`{found.table}` feeds {', '.join(f'`{name}`' for name in there)}.",
            looked="landfall.deployments",
            left=NOTHING,
            next=f"landfall undeploy {there[0]}    (first)",
        )
    over = [*fed, found]
    statements = [statement for deployment in over for statement in _clearing(deployment)]
    if drop_columns and not found.gone:
        drops = ", ".join(f"DROP COLUMN IF EXISTS {quoted(column)}" for column in found.filled)
        statements.append(f"ALTER TABLE {found.table.quoted} {drops}")
    return Plan(statements=tuple(statements), ended=tuple(deployment.id for deployment in over))


def _clearing(over: Deployed) -> list[str]:
    """The statements that take triggers and functions of a deployment away. Its table may be gone."""
    starved = chain.starving(over.id, over.fed_by) if over.feeds else []
    return [*starved, *trigger.withdrawal(over.id, None if over.gone else over.table)]
