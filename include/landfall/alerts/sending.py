"""Sends alerts with Apprise: mail, Slack, Teams, a webhook and some hundred more, each an address of its own form.

The addresses hold secrets, so no error and no log shows more of one than its scheme, such as `slack`.
"""

import os
from collections.abc import Mapping, Sequence

from landfall.alerts.stored import Alert
from landfall.errors import LandfallError

ALERTS = "LANDFALL_ALERTS"
"""The variable with the addresses, separated by white space: `mailtos://...`, `slack://...`, `jsons://HOST/PATH`."""
MOST = 20
"""How many lines a message has at most. The rest are counted."""


class AlertError(LandfallError):
    """An alert could not be sent."""


def addresses(variables: Mapping[str, str] | None = None) -> list[str]:
    """Where alerts go; empty if nobody has said so. Reads the environment unless `variables` are given."""
    return (os.environ if variables is None else variables).get(ALERTS, "").split()


def message(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Title and text of one message about these alerts: first what began, then what is over."""
    began, over = [alert for alert in alerts if not alert.ended_at], [alert for alert in alerts if alert.ended_at]
    ordered = [*began, *over]
    counts = [f"{len(began)} new" if began else "", f"{len(over)} over" if over else ""]
    lines = [alert.line for alert in ordered[:MOST]]
    if len(ordered) > MOST:
        lines.append(f"and {len(ordered) - MOST} more    (landfall alerts list)")
    return f"Landfall: {', '.join(filter(None, counts))}", "\n".join(lines)


def send(to: Sequence[str], title: str, text: str) -> None:
    """Sends a message to every address. All are tried, whatever becomes of the others.

    Raises:
        AlertError: Apprise is not installed, an address is none, or somewhere the message was not accepted.
    """
    try:
        import apprise
    except ModuleNotFoundError:
        raise AlertError(
            "Alerts cannot be sent: a library is missing.",
            looked="for the Python package `apprise`",
            left="nothing was sent; what is wrong is in `landfall alerts list`",
            next="uv pip install 'landfall[alerts]'",
        ) from None
    failed = []
    for address in to:
        sender = apprise.Apprise()
        if not sender.add(address) or not sender.notify(title=title, body=text):
            failed.append(address.partition(":")[0])
    if failed:
        raise AlertError(
            f"Alerts were not sent to {len(failed)} of {len(to)} addresses: {', '.join(failed)}.",
            looked=f"in `{ALERTS}`; of each only the part before the first colon is shown",
            left="the other addresses were told; the next audit tells all of them again",
            next="landfall alerts test",
        )
