"""The plan of a change, as a value. It follows from the request and the present state, before anything is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from landfall.deployments import chain, trigger
from landfall.deployments.history import Deployed, DeploymentKind, Entry
from landfall.deployments.names import quoted
from landfall.deployments.present import Present
from landfall.deployments.request import NOTHING, Request
from landfall.deployments.scoring import Scoring
from landfall.deployments.table import prepare
from landfall.errors import DeploymentError


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A change, before `landfall.deployments.change` carries it out.

    Args:
        statements: The statements that PostgreSQL is to run, in this order. A line that begins with `--` is a remark for the
            person who gave the command.
        ended: The numbers of the deployments that end with the change.
        entry: What the history will hold about the deployment; None if nothing is added.
    """

    statements: tuple[str, ...]
    ended: tuple[int, ...] = ()
    entry: Entry | None = None


def plan_deployment(request: Request, scoring: Scoring, present: Present, kind: DeploymentKind) -> Plan:
    """Plans that a version scores the table's rows from the end of the transaction on, and is fed the inputs that it needs.

    If the triggers watch the same columns as before, only the function is replaced, without a lock on the table.

    Args:
        request: The request.
        scoring: The version that it means, compiled.
        present: What the database has now.
        kind: How the version came to score the table.

    Raises:
        DeploymentError: the request cannot be fulfilled.
    """
    _refuse(request, present)
    number, deployment, gone = present.number, present.found, present.gone
    link = chain.plan_link(request.model, list(scoring.inputs), request.after, present)
    table, prepared = prepare(
        present.table, request.model, scoring, fed=link.inputs if link else {}, filled=present.filled
    )
    kept = {name: column_type for name, column_type in present.filled.items() if name in table.columns}
    filled = {**kept, **scoring.outputs}
    outputs = {name: "text" if column_type == "text" else "number" for name, column_type in filled.items()}
    watched = {**scoring.inputs, **outputs}
    body, rewatch = scoring.trigger_body(filled), not deployment or deployment.watched != watched
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
            model=request.model,
            filled=filled,
            watched=watched,
            fed_by=link.source if link else None,
            feeds=link.columns if link else None,
            scoring=scoring,
            kind=None if scoring == present.scoring else kind,
        ),
    )


def _refuse(request: Request, present: Present) -> None:
    """Raises an error if another model scores the table, or if a table that is to be made is there already."""
    deployment, table = present.found, present.table
    if deployment and deployment.model != request.model:
        raise DeploymentError(
            f"`{request.table}` is scored by another model, `{deployment.model}` version {deployment.version}.",
            looked="landfall.deployments",
            left=NOTHING,
            next=f"landfall undeploy {request.table}    (or chain a table of its own: --after {request.table})",
        )
    if request.create and table.oid and not deployment:
        raise DeploymentError(
            f"There is a table `{request.table}` already.",
            looked=f"its columns: {', '.join(table.columns)}",
            left=NOTHING,
            next=f"landfall deploy {request.model} --table {request.table.table}    (without --create-table)",
        )


def plan_withdrawal(withdrawn: Deployed, deployments: Sequence[Deployed], *, drop_columns: bool) -> Plan:
    """Plans that a table is scored no more. Deployments that it fed end too, if their tables were dropped.

    Args:
        withdrawn: The table's deployment.
        deployments: All present deployments.
        drop_columns: True if the filled columns are dropped too.

    Raises:
        DeploymentError: the table feeds another table.
    """
    fed = [deployment for deployment in deployments if deployment.fed_by == withdrawn.table]
    if fed_tables := [str(deployment.table) for deployment in fed if not deployment.gone]:
        raise DeploymentError(
            f"`{withdrawn.table}` feeds {', '.join(f'`{name}`' for name in fed_tables)}.",
            looked="landfall.deployments",
            left=NOTHING,
            next=f"landfall undeploy {fed_tables[0]}    (first)",
        )
    ended = [*fed, withdrawn]
    statements = [statement for deployment in ended for statement in _clearing(deployment)]
    if drop_columns and not withdrawn.gone:
        drops = ", ".join(f"DROP COLUMN IF EXISTS {quoted(column)}" for column in withdrawn.filled)
        statements.append(f"ALTER TABLE {withdrawn.table.quoted} {drops}")
    return Plan(statements=tuple(statements), ended=tuple(deployment.id for deployment in ended))


def _clearing(ended: Deployed) -> list[str]:
    """The statements that remove the triggers and functions of a deployment that ends. Its table may have been dropped."""
    starved = chain.starving(ended.id, ended.fed_by) if ended.feeds else []
    return [*starved, *trigger.withdrawal(ended.id, None if ended.gone else ended.table)]
