"""`landfall alerts list`, `test`: what is wrong and who was told."""

from dataclasses import asdict
from typing import Annotated

import typer

from landfall import database
from landfall.alerts.sending import ALERTS, addresses, send
from landfall.alerts.stored import Alert, alerts
from landfall.cli.output import JsonFlag, answering
from landfall.database.statements import plain
from landfall.errors import SettingsError
from landfall.stack import settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    group = typer.Typer(help="What is wrong and who was told.", no_args_is_help=True)
    group.command("list")(list_alerts)
    group.command("test")(send_test)
    app.add_typer(group, name="alerts")


def list_alerts(
    last: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="At most N alerts.")] = 50,
    json: JsonFlag = False,
) -> None:
    """List the alerts: first those that go on, then the newest."""
    with answering(json) as out:
        with database.connect(settings(), longest=database.QUESTION) as conn:
            listed = alerts(conn, last)
        if json:
            out.json([{name: plain(value) for name, value in asdict(alert).items()} for alert in listed])
        elif not listed:
            out.say("nothing was wrong at any audit since there are alerts")
        else:
            rows = [
                (
                    alert.kind,
                    f"{alert.source} {alert.subject}",
                    f"{alert.began_at:%m-%d %H:%M}",
                    _now(alert),
                    _told(alert),
                    alert.text,
                )
                for alert in listed
            ]
            out.table(("kind", "of", "began", "now", "told", "why"), rows)
        if not addresses():
            out.remark(f"nobody is told: `{ALERTS}` is not set    (docs/alerts.md)")


def send_test(json: JsonFlag = False) -> None:
    """Send a message to every address in `LANDFALL_ALERTS`, and say whether it was accepted."""
    with answering(json) as out:
        to = addresses()
        if not to:
            raise SettingsError(
                "There is nowhere to send alerts to.",
                looked=f"in `{ALERTS}`, which is not set",
                left="nothing was sent",
                next=f"{ALERTS}='mailtos://USER:PASSWORD@HOST?to=ADDRESS' landfall alerts test    (docs/alerts.md)",
            )
        send(to, "Landfall: a test", "This is what an alert of Landfall looks like. Nothing is wrong.")
        out.answer({"sent": len(to)}, f"accepted by {len(to)} of {len(to)} addresses")


def _now(alert: Alert) -> str:
    if not alert.ends:
        return "happened"
    return f"over since {alert.ended_at:%m-%d %H:%M}" if alert.ended_at else "goes on"


def _told(alert: Alert) -> str:
    return (
        "yes" if alert.end_sent_at or (alert.sent_at and not alert.ended_at) else "its begin" if alert.sent_at else "no"
    )
