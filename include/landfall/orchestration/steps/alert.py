"""The step that tells people what is wrong, and what is over."""

from typing import Any

from airflow.sdk import Context

from landfall.orchestration.steps.step import Step
from landfall.spec import Settings


class SendAlerts(Step):
    """Looks at every feed, model and stream, notes what is wrong, and tells what was not told yet.

    Without addresses in `LANDFALL_ALERTS` it notes what is wrong, for `landfall alerts list`, and tells nobody.
    """

    def run(self, context: Context, settings: Settings) -> list[dict[str, Any]]:
        """What people were told.

        Raises:
            LandfallError: the database is away, or somewhere a message was not accepted; the task is tried again.
        """
        from landfall.alerts.look import look
        from landfall.alerts.sending import addresses, message, send
        from landfall.alerts.stored import note, tell
        from landfall.database import connect

        result, to = look(settings), addresses()
        for source, error in result.unknown.items():
            self.log.warning("%s is not known, its alerts stay as they are. %s", source, error)
        for wrong in result.wrong:
            self.log.info("%s: %s %s: %s", wrong.kind, wrong.source, wrong.subject, wrong.text)
        with connect(settings) as conn:
            note(conn, result.wrong, result.sources)
            told = tell(conn, lambda alerts: send(to, *message(alerts))) if to else []
        return [{"id": alert.id, "alert": alert.line} for alert in told]


def send_alerts() -> SendAlerts:
    """The alerting step. It looks also if the step before it failed, or had nothing to do."""
    return SendAlerts(task_id="send_alerts", trigger_rule="all_done")
