"""`deploy_db`: a deployment from Python, as a job that can be watched.

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
    """A deployment that goes on in a thread of its own. What fails in it is raised by `watch` and `result`."""

    def __init__(self, work: Callable[[Say], Deployed]) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._log: list[str] = []
        thread = ThreadPoolExecutor(1, "deployment")
        self._deployed = thread.submit(self._run, work)
        thread.shutdown(wait=False)

    def _run(self, work: Callable[[Say], Deployed]) -> Deployed:
        try:
            done = work(self._say)
            self._say(f"-- `{done.table}` is scored by `{done.model}` version {done.version}")
            return done
        finally:
            self._lines.put(None)

    def _say(self, text: str) -> None:
        self._log.append(text)
        self._lines.put(text)

    @property
    def log(self) -> tuple[str, ...]:
        """What has happened so far, with the statements that were run."""
        return tuple(self._log)

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._deployed.done()

    def watch(self, write: Callable[[str], object] = print) -> Deployed:
        """Tell what happens, line by line, until it is done. Watched again, it tells nothing twice.

        Raises:
            LandfallError: it failed.
        """
        while (line := self._lines.get()) is not None:
            write(line)
        self._lines.put(None)
        return self.result()

    def result(self) -> Deployed:
        """What was deployed, when it is done.

        Raises:
            LandfallError: it failed.
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
    """Starts a deployment, and gives the job that it is.

    Args:
        schema_name: The schema of the table.
        table_name: The table.
        run_id: The MLflow run whose model is to score it.
        create_model_table: Whether the table is to be made.
        df: A data frame of Spark or pandas: the columns that the table is made with, beside the model's own.
        primary_key: Of the table that is made: column -> type, or columns, which are `bigint`.
        classes: What the classes are called, in the order of the model's labels.
        model: The registered model, instead of a run: its champion, or newest version.
        version: Which version of it.
        unscorable: What a row gets that cannot be scored: `null` and a reason, or `error`.
        after: The deployment that feeds it.
        settings: Where the servers are; by default those of the stack.

    Raises:
        DeploymentError: it makes no sense as it is asked.
        ModelError: the run made no version of a registered model. What goes wrong later, `watch` raises.
    """
    if run_id is None and model is None:
        raise DeploymentError(
            "Nothing says what to deploy.", looked="expected run_id or model", left="nothing was changed"
        )
    where = settings or settings_of_stack()
    request = Request(
        table=TableName(schema_name, table_name),
        model=model or model_of_run(where, run_id or ""),
        version=version,
        run_id=run_id,
        create=Create(primary_key=key_of(primary_key), columns=columns_of(df)) if create_model_table else None,
        classes=tuple(classes),
        unscorable=unscorable,
        after=after,
    )
    return DeploymentJob(lambda say: carry_out(where, request, say=say))
