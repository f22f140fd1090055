"""`landfall keys create`, `list`, `revoke`: the keys with which applications ask the lookup service."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from landfall import database
from landfall.cli.output import JsonFlag, answering
from landfall.cli.times import moment_of
from landfall.database.statements import plain
from landfall.deployments.readable import readable_tables
from landfall.errors import SpecError
from landfall.serving import keys
from landfall.serving.deployed import DEPLOYED
from landfall.serving.streams import declared_tables
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    group = typer.Typer(help="Make, list and revoke the keys of the lookup service.", no_args_is_help=True)
    group.command()(create)
    group.command("list")(list_keys)
    group.command()(revoke)
    app.add_typer(group, name="keys")


def create(
    name: Annotated[str, typer.Argument(help="Whom the key is for, such as dispatch-app.")],
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="A table that it may read, such as bike_demand, bike_demand/errors, streams/libsvm_accuracy; again for more."
        ),
    ] = None,
    all_tables: Annotated[
        bool, typer.Option("--all", help="It may read every table, those of later pipelines too.")
    ] = False,
    expires: Annotated[str, typer.Option(help="When it ends: 90d, or a time in ISO 8601. Without it: never.")] = "",
    per_second: Annotated[
        float | None,
        typer.Option(min=0.01, help="How many requests a second it may make; else the service's usual number."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Make a key and show it. Only its hash is stored, so this is the only time that anybody sees it."""
    if bool(table) == all_tables:
        raise typer.BadParameter("say which tables the key may read: --table NAME, or --all", param_hint="--table")
    with answering(json) as out:
        ends = _end(expires) if expires else None
        declared = [one for one in table or () if not one.startswith(DEPLOYED)]
        tables = [keys.EVERYTHING] if all_tables else [_declared(one) for one in declared]
        with database.connect(settings(), longest=database.QUESTION) as conn:
            tables += [_deployed(conn, one) for one in table or () if one not in declared]
            key = keys.create(conn, name, tables, per_second=per_second, expires_at=ends)
        out.answer({"name": name, "key": key, "tables": tables, "expires_at": plain(ends)}, key)
        out.remark(f"shown this once; {_scope(tables)}; in requests: Authorization: Bearer KEY")


def list_keys(json: JsonFlag = False) -> None:
    """List the keys, the oldest first: what each may read, when it ends, when it was last used."""
    with answering(json) as out:
        with database.connect(settings(), longest=database.QUESTION) as conn:
            listed = keys.listed(conn)
        rows = [{**{name: plain(value) for name, value in asdict(key).items()}, "state": _state(key)} for key in listed]
        if json:
            out.json(rows)
        elif not rows:
            out.say("no key yet    (landfall keys create NAME --table TABLE)")
        else:
            columns = ("name", "state", "begins", "tables", "expires_at", "last_used_at")
            shown = [(*(row[column] for column in columns[:3]), _scope(key.tables), row["expires_at"], row["last_used_at"])
                     for row, key in zip(rows, listed, strict=True)]  # fmt: skip
            out.table([column.replace("_", " ") for column in columns], shown)


def revoke(
    name: Annotated[str, typer.Argument(help="A key that `landfall keys list` shows.")], json: JsonFlag = False
) -> None:
    """End a key. A service that runs refuses it within five seconds; an answer that is under way is still given."""
    with answering(json) as out:
        with database.connect(settings(), longest=database.QUESTION) as conn:
            keys.revoke(conn, name)
        out.answer({"revoked": name}, f"`{name}` is revoked")


def _declared(table: str) -> str:
    served = declared_tables()
    if table not in served:
        raise SpecError.unknown("table", table, list(served), next="landfall keys create NAME --table TABLE")
    return table


def _deployed(conn: database.Database, table: str) -> str:
    """The name of a table with a deployed model. Whether the service may read it is its owner's to say, before or after."""
    there = [f"{DEPLOYED}{readable.table}" for readable in readable_tables(conn)]
    if table not in there:
        raise SpecError.unknown("table with a deployed model", table, there, next="landfall deployments")
    return table


def _end(text: str) -> datetime:
    """The moment that `90d` or an ISO 8601 time stands for."""
    now = datetime.now(UTC)
    days = text.removesuffix("d")
    lasts = text.endswith("d") and days.isdecimal() and len(days) < 6
    end = now + timedelta(days=int(days)) if lasts else moment_of(text)
    if end <= now:
        raise SpecError(f"A key cannot end at {text}.", looked=f"it is {now:%Y-%m-%d %H:%M} UTC", next="--expires 90d")
    return end


def _state(key: keys.ApiKey) -> str:
    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= datetime.now(UTC) else "live"


def _scope(tables: object) -> str:
    names = list(tables) if isinstance(tables, list | tuple) else []
    return "reads every table" if keys.EVERYTHING in names else f"reads {', '.join(map(str, names))}"
