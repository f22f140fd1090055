"""The auditing step: what it does while a server is away or a pipeline cannot be judged, and when it looks again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from landfall.errors import LandfallError, RunError
from landfall.ledger import Audit, Start
from landfall.orchestration.steps import audit as auditing
from landfall.orchestration.steps.audit import AuditLandings, PipelineLook, new_run_id, run_arguments

NOW = datetime(2015, 1, 20, 12, 7, 12, tzinfo=UTC)
START = Start(
    feed="p/f", dag_id="d", partition="2015-01-14", logical_date="2015-01-14T12:07:12+00:00", run_id=None,
    reason="never published", why="no run has read it", dead="old",
)  # fmt: skip
NO_DAG = RunError("Airflow has no DAG `d`.")
AWAY = RunError("Airflow does not answer.", fault="server")


def audit(**more: Any) -> Audit:
    return Audit(feed="p/f", objects=1, new=0, gone=0, **more)


def audited(monkeypatch: pytest.MonkeyPatch, looks: Mapping[str, PipelineLook | Exception]) -> Any:
    """What the step reports of the pipelines."""

    def look(_: object, name: str) -> PipelineLook:
        found = looks[name]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(auditing, "PIPELINES", looks)
    monkeypatch.setattr(auditing, "_look_at", look)
    step, context = AuditLandings(task_id="audit_landings"), {"dag": SimpleNamespace(dag_id="landing_audit")}
    return step.carry_out(context, lambda: step.run(context, None))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [NO_DAG, AWAY, OverflowError("date value out of range")])
def test_what_cannot_be_judged_stops_no_other(monkeypatch: pytest.MonkeyPatch, capsys: Any, error: Exception) -> None:
    first, *_ = audited(monkeypatch, {"a": error, "b": PipelineLook(audits=[audit(starts=[START])])})
    assert first["trigger_run_id"] == "landed__2015-01-14T12:07:12+00:00"
    assert f"a is not audited. {error}" in capsys.readouterr().out


def test_an_outage_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LandfallError) as caught:
        audited(monkeypatch, {"a": AWAY, "b": PipelineLook(audits=[audit()])})
    assert not isinstance(caught.value, AirflowFailException)
    with pytest.raises(LandfallError):
        audited(monkeypatch, {"a": PipelineLook(unjudged={"a/f": AWAY}), "b": PipelineLook()})


def test_a_dag_that_is_not_there_yet_fails_no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        audited(monkeypatch, {"a": PipelineLook(unjudged={"a/f": NO_DAG}), "b": PipelineLook(audits=[audit()])}) == []
    )


@pytest.mark.parametrize(
    ("look", "again"),
    [
        (PipelineLook(), None),
        (PipelineLook(audits=[audit()]), None),
        (
            PipelineLook(audits=[audit(postponed=3)]),
            None,
        ),  # nothing is at work: what holds it up is told, and the schedule looks
        (PipelineLook(audits=[audit(postponed=3)], working=True), "2015-01-20T12:07:40+00:00"),
        (PipelineLook(audits=[audit(postponed=3, away="Spark")], working=True), "2015-01-20T12:10:00+00:00"),
        (PipelineLook(audits=[audit(postponed=3, paused=True)], working=True), None),
        (PipelineLook(audits=[audit(running=1)]), "2015-01-20T12:10:00+00:00"),
        (PipelineLook(audits=[audit(again_at=NOW + timedelta(minutes=90))]), "2015-01-20T13:37:13+00:00"),
        (PipelineLook(audits=[audit(again_at=NOW - timedelta(minutes=90))]), None),
        (PipelineLook(audits=[audit(again_at=NOW + timedelta(minutes=90), running=1)]), "2015-01-20T12:10:00+00:00"),
    ],
)
def test_an_audit_asks_for_the_next_only_if_it_knows_of_something_to_do(look: PipelineLook, again: str | None) -> None:
    later = auditing._look_again("landing_audit", [look], False, False, NOW)
    assert (later and later["run_after"]) == again
    if later:
        assert (later["trigger_run_id"], later["skip_when_already_exists"]) == (f"more__{again}", True)


def test_audits_that_follow_one_another_closely_ask_for_the_same_one() -> None:
    moments = {
        auditing._look_again(
            "a", [PipelineLook(audits=[audit(running=1)])], False, False, NOW + timedelta(seconds=each)
        )["run_after"]  # type: ignore[index]
        for each in range(0, 160, 10)
    }
    assert moments == {"2015-01-20T12:10:00+00:00"}


def test_a_run_that_replaces_one_is_made_beside_it() -> None:
    told = run_arguments(START)
    assert (told["trigger_run_id"], told["logical_date"]) == (new_run_id(START), "2015-01-14T12:07:12+00:00")
    assert (told["reset_dag_run"], told["skip_when_already_exists"]) == (False, True)
