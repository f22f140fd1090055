"""A job elsewhere whose end nobody has seen: it is neither taken for ended nor forgotten."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from landfall.compute.remote import ASKED, RemoteJob
from landfall.compute.target import Order
from landfall.errors import ComputeError

ASK = {"argv": ["features"], "memo": {}}


@dataclass
class Silent:
    """A service whose answer is lost: after it has begun a run, or before."""

    begun: bool
    settled: list[tuple[str, bool]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def operator(self, order: Order, task_id: str) -> Any:
        self.tokens.append(order.token)
        return Lost(self.begun)

    def settle(self, earlier: Order, *, again: bool) -> None:
        self.settled.append((earlier.token, again))


@dataclass
class Lost:
    """Its operator."""

    begun: bool
    run_id: int | None = None

    def execute(self, context: Any) -> None:
        self.run_id = 7 if self.begun else None
        raise ConnectionError("the line is dead\nand more")


@pytest.fixture(params=[True, False])
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Silent:
    silent = Silent(request.param)
    monkeypatch.setattr("landfall.compute.remote.service_of", lambda target: silent)
    return silent


def test_a_run_that_nobody_saw_end_is_settled_before_another_is_ordered(
    stack: Any, service: Silent, new_task: Any
) -> None:
    task = new_task()

    def tried() -> None:
        job = RemoteJob(task.context(), stack.settings, "databricks", "features", small=True)
        with pytest.raises(ComputeError) as failed:
            job.run(ASK, again=job.known() is not None)
        assert failed.value.what == "The Spark job `features` did not finish."
        assert failed.value.looked == f"target databricks, {job.name}: the line is dead"

    tried()
    assert (ASKED in task.state) is service.begun
    tried()
    assert service.settled == ([(service.tokens[0], False)] if service.begun else [])
    assert len(set(service.tokens)) == 2
