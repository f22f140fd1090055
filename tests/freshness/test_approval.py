"""What a person answers in the Airflow UI, with a real registry: a rejection is kept with the version, nothing is promoted."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from landfall.models.registry import champion_version, version
from landfall.pipelines.bike_demand import TRAINING
from landfall.spec import Settings

pytestmark = pytest.mark.stack
ANSWERS = {"Approve": {}, "Reject": {"landfall.gate": "refused", "landfall.verdict": "rejected by ann"}}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_rejection_is_kept_with_the_version(settings: Settings, models: Any, monkeypatch: Any, answer: str) -> None:
    from landfall.orchestration import approve

    name = models.new("2012-01-31", "2012-02-29")
    before = champion_version(settings, name)
    monkeypatch.setattr(Settings, "read", classmethod(lambda _: settings))
    step = approve(replace(TRAINING, model=name))
    event = {
        "chosen_options": [answer],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "1", "name": "ann"},
    }
    context: Any = {"ti": SimpleNamespace(xcom_pull=lambda task_ids: {"version": "2"}), "task": step}
    assert step.execute_complete(context, event)["chosen_options"] == [answer]
    tags = version(settings, name, "2").tags
    assert {key: tags[key] for key in ("landfall.gate", "landfall.verdict") if key in tags} == ANSWERS[answer]
    assert champion_version(settings, name) == before
