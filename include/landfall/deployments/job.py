"""`deploy_db` starts a deployment from Python and gives a job that can be watched.

job = deploy_db("public", "iris_live", run_id, create_model_table=True, df=flowers, primary_key={"id": "bigint"})
job.watch()
"""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from landfall.deployments.change import Say
from landfall.deployments.deploy import carry_out
from landfall.deployments.frames import columns_of
from landfall.deployments.history import Deployed
from landfall.deployments.names import TableName
from landfall.deployments.registered import model_of_run
from landfall.deployments.request import After, Create, Key, Request, Unscorable, key_of
from landfall.errors import DeploymentError
from landfall.spec import Settings
from landfall.stack import settings as settings_of_stack


class DeploymentJob:
    """A deployment that runs in a thread of its own. `watch` and `result` raise its error if it fails."""

    def __init__(self, work: Callable[[Say], Deployed]) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._log: list[str] = []
        thread = ThreadPoolExecutor(1, "deployment")
        self._deployed = thread.submit(self._run, work)
        thread.shutdown(wait=False)

    def _run(self, work: Callable[[Say], Deployed]) -> Deployed:
        try:
            deployment = work(self._say)
            self._say(f"-- `{deployment.table}` is scored by `{deployment.model}` version {deployment.version}")
            return deployment
        finally:
            self._lines.put(None)

    def _say(self, text: str) -> None:
        self._log.append(text)
        self._lines.put(text)

    @property
    def log(self) -> tuple[str, ...]:
        """The lines written so far: what happened, and the statements that were run."""
        return tuple(self._log)

    @property
    def done(self) -> bool:
        """True if the job has ended, with success or with an error."""
        return self._deployed.done()

    def watch(self, write: Callable[[str], object] = print) -> Deployed:
        """Writes what happens, line by line, until the job has ended. A second call writes no line again.

        Raises:
            LandfallError: the deployment failed.
        """
        while (line := self._lines.get()) is not None:
            write(line)
        self._lines.put(None)
        return self.result()

    def result(self) -> Deployed:
        """Waits until the job has ended and gives the deployment.

        Raises:
            LandfallError: the deployment failed.
        """
        return self._deployed.result()


def deploy_db(
    schema_name: str,
    table_name: str,
    run_id: str | None = None,
    create_model_table: bool = False,
    df: Any = None,
    primary_key: Key | None = None,
    classes: Sequence[str] = (),
    *,
    model: str | None = None,
    version: str | None = None,
    unscorable: Unscorable = "null",
    after: After | None = None,
    settings: Settings | None = None,
) -> DeploymentJob:
    """Starts a deployment and gives its job.

    Args:
        schema_name: The schema of the table.
        table_name: The table.
        run_id: The MLflow run whose model is to score it.
        create_model_table: True if the table is to be made.
        df: A data frame of Spark or pandas. The new table gets its columns, beside the model's own.
        primary_key: The primary key of the new table: column -> type, or only columns, which are then `bigint`.
        classes: The names of the classes, in the order of the model's labels.
        model: The registered model, instead of a run. Its champion is deployed, or its newest version if it has none.
        version: The version of the model.
        unscorable: What happens to a row that cannot be scored: `null` (no prediction, and a reason) or `error`.
        after: The deployment that feeds the table.
        settings: Where the servers are; by default those of the stack.

    Raises:
        DeploymentError: the arguments make no sense together.
        ModelError: the run made no version of a registered model. `watch` raises whatever goes wrong later.
    """
    if run_id is None and model is None:
        raise DeploymentError(
            "Nothing says what to deploy.", looked="expected run_id or model", left="nothing was changed"
        )
    servers = settings or settings_of_stack()
    request = Request(
        table=TableName(schema_name, table_name),
        model=model or model_of_run(servers, run_id or ""),
        version=version,
        run_id=run_id,
        create=Create(primary_key=key_of(primary_key), columns=columns_of(df)) if create_model_table else None,
        classes=tuple(classes),
        unscorable=unscorable,
        after=after,
    )
    return DeploymentJob(lambda say: carry_out(servers, request, say=say))
