"""What every step of a run shares: its partition, the servers' addresses, and errors that end a run or ask for a retry."""

from collections.abc import Callable, Mapping
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from landfall.errors import ContractError, DeploymentError, RunError, SettingsError, SpecError
from landfall.orchestration.lineage import TellsLineage
from landfall.spec import Settings

Report = dict[str, Any] | list[dict[str, Any]] | None
"""What a step tells the steps after it (XCom)."""
FINAL = (ContractError, DeploymentError, RunError, SettingsError, SpecError)
"""Errors that a retry cannot mend: the run fails at once and says what to do."""


class Step(TellsLineage, BaseOperator):
    """A step of a run. Subclasses write `run`; what it returns is the step's report (XCom)."""

    def execute(self, context: Context) -> Report:
        """Run the step; an error that no retry mends fails the task at once."""
        return self.told(lambda: self.run(context, Settings.read()))

    def told(self, work: Callable[[], Report]) -> Report:
        """The report of `work`, kept for the lineage; an error that no retry mends ends the task for good."""
        try:
            self.reported = work()
        except FINAL as error:
            raise AirflowFailException(str(error)) from error
        return self.reported

    def run(self, context: Context, settings: Settings) -> Report:
        """The step itself."""
        raise NotImplementedError

    def note(self, context: Context, asset: Asset, extra: Mapping[str, Any]) -> None:
        """Put `extra` on the event that `asset` emits when this step succeeds."""
        context["outlet_events"][asset].extra = dict(extra)
