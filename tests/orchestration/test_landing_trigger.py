"""The wait as Airflow sees it: a task that starts and ends in the triggerer, and holds next to nothing there."""

import asyncio
import gc
import json
import sys
import weakref
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.trigger import Trigger
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.serialization.decoders import smart_decode_trigger_kwargs
from airflow.serialization.serialized_objects import DagSerialization
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent
from jinja2 import Environment

from landfall.errors import LandingError, RunError, SpecError
from landfall.objects.listing import LandedObject
from landfall.orchestration import landing_trigger, landing_watcher, wait_for_landing
from landfall.orchestration.landing_trigger import LandingTrigger, landing_of
from landfall.orchestration.landing_watcher import LandingWatcher
from landfall.orchestration.steps.run_partition import partition_of, partition_template
from landfall.orchestration.steps.wait_for_landing import LandingSensor
from landfall.pipelines.bike_demand import ACTUALS, FORECAST
from landfall.spec import JsonLines, Landing, Partition, Settings
from landfall.spec.readiness import AllNamed, AtLeast, Marker, OneObject, Settled

DAYS = Landing(prefix="bikes/forecast")
HOURS = Landing(prefix="bikes/hours", folder_format="%Y/%m/%d/%H", timezone="Europe/Berlin")
LANDINGS = [
    DAYS,
    HOURS,
    Landing(prefix="a", ready=Marker("done"), deadline=timedelta(hours=6), suffixes=(".txt",), max_object_bytes=5),
    Landing(prefix="a", format=JsonLines(paths={"wind": "weather.wind"})),
    Landing(prefix="a", ready=AtLeast(24), deadline=timedelta(hours=-6)),
    Landing(prefix="a", ready=AllNamed(("a.csv", "b'\"\n{{ x }}.csv"))),
    Landing(prefix="a", ready=Settled(timedelta(minutes=5))),
]


@dataclass(frozen=True)
class OwnRule(OneObject):
    """A readiness that a project has made itself."""


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, of servers that nobody asks."""
    monkeypatch.setenv("LANDFALL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("LANDFALL_S3_BUCKET", "landings")
    monkeypatch.setenv("LANDFALL_SQS_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/1/landings")


class Context(dict[str, Any]):
    """A context that can be referred to weakly."""


def context(
    moment: datetime | None = datetime(2012, 12, 25, tzinfo=UTC), day: str | None = None, run_type: str = "manual"
) -> Context:
    """The part of Airflow's context that a wait reads."""
    run = SimpleNamespace(logical_date=moment, run_id="manual__1", run_type=run_type)
    return Context(
        params={"day": day},
        dag_run=run,
        run_id="manual__1",
        ds=moment and moment.date().isoformat(),
        ts=moment and moment.isoformat(),
    )


def trigger_of(sensor: LandingSensor) -> LandingTrigger:
    """The trigger as the triggerer makes it: from the serialized DAG, through the row in Airflow's database."""
    told = json.loads(json.dumps(DagSerialization.to_dict(sensor.dag)))
    again = DagSerialization.from_dict(told).get_task(sensor.task_id)
    assert again.start_from_trigger
    arguments = again.start_trigger_args
    row = Trigger(classpath=arguments.trigger_cls, kwargs=arguments.trigger_kwargs)
    assert row.classpath == f"{LandingTrigger.__module__}.LandingTrigger"
    decoded = {name: smart_decode_trigger_kwargs(value) for name, value in row.kwargs.items()}
    return LandingTrigger(**decoded)


def sensor_of(landing: Landing) -> LandingSensor:
    """A wait in a DAG."""
    with DAG("waits", schedule=None):
        return wait_for_landing(landing)


async def events_of(trigger: LandingTrigger) -> list[TriggerEvent]:
    """Everything that a trigger fires."""
    return [event async for event in trigger.run()]


# What is kept in Airflow's database


@pytest.mark.parametrize("landing", LANDINGS, ids=range(len(LANDINGS)))
def test_a_landing_comes_back_from_the_database_as_it_was(landing: Landing) -> None:
    assert landing_of(landing.to_json()) == landing
    assert landing_of(trigger_of(sensor_of(landing)).landing) == landing


def test_ten_thousand_waits_hold_one_landing() -> None:
    assert landing_of(DAYS.to_json()) is landing_of(Landing(prefix="bikes/forecast").to_json())


def test_a_readiness_that_a_triggerer_cannot_make_again_is_refused_when_the_dag_is_read() -> None:
    with pytest.raises(SpecError) as refused:
        wait_for_landing(Landing(prefix="bikes/forecast", ready=OwnRule()))
    assert str(refused.value) == (
        "The readiness rule `OwnRule` is not registered.\n"
        "  looked: landfall.spec.readiness.RULES: OneObject, AllNamed, Marker, AtLeast, Settled\n"
        "  next: add its class to RULES"
    )


def test_a_wait_gives_up_after_a_week_and_its_deferral_too() -> None:
    sensor = sensor_of(DAYS)
    assert sensor.start_trigger_args is not None
    assert sensor.start_trigger_args.timeout == timedelta(days=7) == timedelta(seconds=sensor.timeout)
    assert sensor.start_trigger_args.next_method == "execute_complete"


# Which partition


def rendered(landing: Landing, run: Any) -> str:
    return Environment().from_string(partition_template(landing.calendar)).render(run)


@pytest.mark.parametrize(
    ("landing", "moment", "day", "expected"),
    [
        (DAYS, datetime(2012, 12, 25, tzinfo=UTC), None, "2012-12-25"),
        (DAYS, datetime(2012, 12, 25, 23, 59, tzinfo=UTC), "", "2012-12-25"),
        (DAYS, datetime(2012, 12, 25, tzinfo=UTC), "2013-01-01", "2013-01-01"),
        (DAYS, None, "2013-01-01", "2013-01-01"),
        (Landing(prefix="a", timezone="Europe/Berlin"), datetime(2012, 12, 25, tzinfo=UTC), None, "2012-12-25"),
        (HOURS, datetime(2012, 10, 28, 2, tzinfo=UTC), None, "2012-10-28T02"),
        (HOURS, datetime(2012, 10, 28, 2, 59, tzinfo=UTC), None, "2012-10-28T02"),
        (HOURS, datetime(2012, 3, 25, 3, tzinfo=UTC), None, "2012-03-25T03"),
        (HOURS, None, "2012-12-25T07", "2012-12-25T07"),
    ],
)
def test_a_run_waits_for_the_partition_of_its_form_or_of_its_date(
    landing: Landing, moment: datetime | None, day: str | None, expected: str
) -> None:
    assert str(partition_of(context(moment, day), landing.calendar)) == expected
    sensor = sensor_of(landing)
    trigger = trigger_of(sensor)
    trigger.render_template_fields(context(moment, day))
    assert trigger.partition == expected
    sensor.render_template_fields(context(moment, day))
    assert sensor.folder == landing.folder(Partition.parse(expected))


def test_what_is_written_into_the_form_of_a_backfill_does_not_make_all_its_runs_do_one_day() -> None:
    named = context(datetime(2012, 12, 25, tzinfo=UTC), "2013-01-01", run_type="backfill")
    assert str(partition_of(named, DAYS.calendar)) == "2012-12-25"
    assert rendered(DAYS, named) == "2012-12-25"


@pytest.mark.parametrize(
    ("run_type", "day", "expected"),
    [("manual", "2013-01-01", "2013-01-01"), ("manual", None, "2012-12-25"), ("manual", "", "2012-12-25"),
     ("scheduled", None, "2012-12-25"), ("backfill", None, "2012-12-25")],
)  # fmt: skip
def test_a_step_s_command_line_names_the_partition_that_the_step_owns(
    run_type: str, day: str | None, expected: str
) -> None:
    run = context(datetime(2012, 12, 25, tzinfo=UTC), day, run_type)
    assert rendered(DAYS, run) == str(partition_of(run, DAYS.calendar)) == expected


@pytest.mark.parametrize("day", [None, "2012-12-25T07"])
def test_a_step_s_command_line_names_the_hour_that_the_step_owns(day: str | None) -> None:
    run = context(datetime(2012, 12, 25, 7, 30, tzinfo=UTC), day)
    assert rendered(HOURS, run) == str(partition_of(run, HOURS.calendar)) == "2012-12-25T07"


@pytest.mark.parametrize(
    ("landing", "moment", "day", "kind", "what"),
    [
        (DAYS, None, None, RunError, "The run `manual__1` has no partition."),
        (DAYS, None, "2012-12-25T07", SpecError, "`2012-12-25T07` is not a day."),
        (HOURS, None, "2012-12-25", SpecError, "`2012-12-25` is not an hour."),
        (
            HOURS,
            datetime(2012, 3, 25, 2, tzinfo=UTC),
            None,
            SpecError,
            "`2012-03-25T02` does not exist in Europe/Berlin.",
        ),
        (DAYS, None, "'; DROP TABLE dag; --", SpecError, "`'; DROP TABLE dag; --` is not a partition."),
    ],
)
def test_a_run_without_a_partition_fails_at_once_and_says_so(
    landing: Landing, moment: datetime | None, day: str | None, kind: type, what: str
) -> None:
    sensor = sensor_of(landing)
    trigger = trigger_of(sensor)
    trigger.render_template_fields(context(moment, day))
    [event] = asyncio.run(events_of(trigger))
    assert (event.payload["type"], event.payload["error"]) == (kind.__name__, what)
    sensor.render_template_fields(context(moment, day))
    assert sensor.folder == f"{landing.prefix}/{landing.folder_format}/"
    with pytest.raises(AirflowFailException) as refused:
        sensor.execute_complete({}, event.payload)
    assert str(refused.value).startswith(what)


# What is kept in memory


def test_a_waiting_trigger_lets_go_of_the_dag_that_airflow_gave_it() -> None:
    class Heavy(SimpleNamespace):
        """A task instance that holds a DAG, as Airflow's own does."""

    held = Heavy(id=1, dag_id="d", task_id="t", run_id="r", try_number=1, map_index=-1, context_carrier={}, task=[1])
    given = context()
    given["ti"] = given["task_instance"] = held
    held.context = given
    left = weakref.ref(held)
    trigger = LandingTrigger(DAYS.to_json())
    trigger.task_instance = held
    trigger.render_template_fields(given)
    del held
    gc.collect()
    assert left() is None
    assert given == {}
    assert trigger.task is None
    named = trigger.task_instance
    assert (named.dag_id, named.task_id, named.run_id, named.try_number, named.map_index) == ("d", "t", "r", 1, -1)


@pytest.mark.parametrize("recorded", [False, True])
def test_a_waiting_trigger_keeps_the_trace_only_where_it_is_recorded(
    recorded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_trigger, "traced", lambda: recorded)
    trigger, carrier = LandingTrigger(DAYS.to_json()), {"traceparent": "00-1-1-01"}
    trigger.task_instance = SimpleNamespace(dag_id="d", task_id="t", context_carrier=carrier)
    assert trigger.task_instance.context_carrier == (carrier if recorded else None)


def test_ten_thousand_waits_hold_one_value_of_the_settings_and_one_text_of_the_landing() -> None:
    assert landing_trigger._settings() is landing_trigger._settings()
    text = DAYS.to_json()
    assert LandingTrigger(f"{text} "[:-1]).landing is LandingTrigger(f" {text}"[1:]).landing


def test_waits_that_come_at_once_tell_their_logs_in_turn_and_each_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task: ContextVar[int] = ContextVar("task")
    monkeypatch.setattr(landing_trigger, "LINES", 10)
    monkeypatch.setattr(landing_trigger, "_last_line", 0.0)
    seen: list[tuple[float, int, str]] = []

    def note(line: str, folder: str) -> None:
        seen.append((asyncio.get_running_loop().time(), task.get(), folder))

    async def landed(*arguments: Any, **more: Any) -> None:
        await asyncio.sleep(0 if task.get() == 14 else 3)

    monkeypatch.setattr(landing_trigger, "landed", landed)
    monkeypatch.setattr(landing_trigger.log, "info", note)

    async def one(number: int) -> None:
        task.set(number)
        await events_of(LandingTrigger(DAYS.to_json(), f"2012-12-{number:02}"))

    async def work() -> float:
        began = asyncio.get_running_loop().time()
        waits = [asyncio.create_task(one(number)) for number in range(1, 17)]
        await asyncio.sleep(1.2)
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        return began

    began = asyncio.run(work())
    numbers = [number for number in range(1, 17) if number != 14]
    assert [(number, folder) for _, number, folder in seen] == [
        (number, f"bikes/forecast/dt=2012-12-{number:02}/") for number in numbers
    ]
    assert [when - began < 0.1 for when, *_ in seen[:10]] == [True] * 10
    assert seen[-1][0] - began > 0.4


def test_a_trigger_s_row_tells_which_partition_it_waits_for() -> None:
    trigger = LandingTrigger(DAYS.to_json(), "2012-12-25")
    path, arguments = trigger.serialize()
    assert path == "landfall.orchestration.landing_trigger.LandingTrigger"
    assert LandingTrigger(**arguments).serialize() == (path, arguments)
    trigger.render_template_fields(context(datetime(2013, 1, 1, tzinfo=UTC)))
    assert trigger.partition == "2012-12-25"


# How it ends


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], list[Any]]:
    """Makes every wait end at once, with an error or without; gives what was waited for."""

    def set_end(error: Exception | None) -> list[Any]:
        waited: list[Any] = []

        async def landed(s3: Any, landing: Landing, partition: Partition, *, tell: Any, queue_url: str) -> None:
            waited.append((s3.bucket, landing.folder(partition), queue_url))
            if error:
                raise error

        monkeypatch.setattr(landing_trigger, "landed", landed)
        return waited

    return set_end


def test_a_partition_that_is_ready_ends_its_task_without_a_worker(ends: Any) -> None:
    waited = ends(None)
    trigger = trigger_of(sensor_of(HOURS))
    trigger.render_template_fields(context(datetime(2012, 12, 25, 7, tzinfo=UTC)))
    [event] = asyncio.run(events_of(trigger))
    assert isinstance(event, TaskSuccessEvent)
    assert waited == [("landings", "bikes/hours/2012/12/25/07/", "https://sqs.eu-central-1.amazonaws.com/1/landings")]


def test_an_error_of_the_store_is_raised_in_a_worker_word_for_word_and_may_be_retried(ends: Any) -> None:
    error = LandingError("Waiting for `bikes/`: no.", looked="bucket", left="all", next="landfall ps")
    ends(error)
    sensor = sensor_of(DAYS)
    trigger = trigger_of(sensor)
    trigger.render_template_fields(context())
    [event] = asyncio.run(events_of(trigger))
    assert json.loads(json.dumps(event.payload)) == error.to_dict()
    with pytest.raises(LandingError) as refused:
        sensor.execute_complete({}, event.payload)
    assert str(refused.value) == str(error)


def test_a_missing_setting_is_an_error_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDFALL_DATABASE_URL")
    [event] = asyncio.run(events_of(LandingTrigger(DAYS.to_json(), "2012-12-25")))
    assert event.payload["type"] == "SettingsError"


def test_a_wait_that_is_given_up_lets_go_of_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def landed(*arguments: Any, **more: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("left")

    monkeypatch.setattr(landing_trigger, "landed", landed)

    async def work() -> None:
        waiting = asyncio.create_task(events_of(LandingTrigger(DAYS.to_json(), "2012-12-25")))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(work())
    assert seen == ["left"]


@pytest.mark.parametrize("store", ["empty", "half", "away"])
def test_a_week_without_a_landing_fails_the_run_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    def listed(client: Any, bucket: str, landing: Landing, partition: Partition) -> list[LandedObject]:
        if store == "away":
            raise LandingError("The landings under `a/` could not be listed: the object store does not answer.")
        one = LandedObject(f"{landing.folder(partition)}a.csv", "etag", 1, datetime(2012, 12, 25, tzinfo=UTC))
        return [one] if store == "half" else []

    monkeypatch.setattr("landfall.landing.landed.iterate_folder", listed)
    lacks = {
        "empty": "no object yet",
        "half": "no marker _SUCCESS",
        "away": "The landings under `a/` could not be listed: the object store does not answer.",
    }[store]
    sensor = sensor_of(Landing(prefix="bikes/forecast", ready=Marker()))
    with pytest.raises(AirflowFailException) as refused:
        sensor.resume_execution("__fail__", {"error": "Trigger timeout"}, context())
    assert str(refused.value) == (
        "Waiting for `bikes/forecast/dt=2012-12-25/` took more than 7 days.\n"
        f"  looked: bucket landings: {lacks}\n"
        "  left: the run has failed; what was published stays\n"
        "  next: landfall land bikes/forecast FILE.csv --from 2012-12-25 --until 2012-12-25    (then clear the task)"
    )
    assert refused.value.__context__ is None


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> list[LandedObject]:
    """What lies in the folder of the partition."""
    found: list[LandedObject] = []
    monkeypatch.setattr(sys.modules[LandingSensor.__module__], "connect", lambda s3: None)
    monkeypatch.setattr("landfall.landing.landed.iterate_folder", lambda *_: found)
    return found


def test_a_task_that_a_worker_runs_nevertheless_ends_at_once_where_the_partition_is_there(
    lying: list[LandedObject],
) -> None:
    lying.append(LandedObject("bikes/forecast/dt=2012-12-25/hours.csv", '"e"', 1, datetime(2012, 12, 25, tzinfo=UTC)))
    sensor_of(DAYS).execute(context())


@pytest.mark.usefixtures("lying")
def test_a_task_that_a_worker_runs_nevertheless_waits_in_the_triggerer_for_what_is_not(ends: Any) -> None:
    ends(None)
    sensor = sensor_of(DAYS)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context())
    trigger = deferred.value.trigger
    assert isinstance(trigger, LandingTrigger)
    assert trigger.partition == "2012-12-25"
    assert deferred.value.timeout == timedelta(days=7)
    [event] = asyncio.run(events_of(trigger))
    assert isinstance(event, TaskSuccessEvent)
    sensor.execute_complete({}, {"event": "success"})


# The watcher


def test_a_watcher_tells_which_feed_has_news_and_waits_between_two_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_watcher, "DEBOUNCE", 0.05)
    watched: list[Any] = []

    async def changes(s3: Any, landing: Landing, *, queue_url: str) -> AsyncGenerator[None, None]:
        watched.append((s3.bucket, landing, queue_url))
        while True:
            yield

    monkeypatch.setattr(landing_watcher, "changes", changes)

    async def three() -> tuple[list[Any], float]:
        events = LandingWatcher("bike_demand/forecast", FORECAST.landing.to_json()).run()
        began = asyncio.get_running_loop().time()
        payloads = [(await anext(events)).payload for _ in range(3)]
        return payloads, asyncio.get_running_loop().time() - began

    payloads, took = asyncio.run(three())
    assert payloads == [{"pipeline": "bike_demand", "feed": "forecast"}] * 3
    assert took >= 0.1
    assert watched == [("landings", FORECAST.landing, Settings.read().sqs_queue_url)]


def test_watchers_of_two_feeds_or_of_two_declarations_are_two_and_of_one_are_one() -> None:
    edited = replace(FORECAST.landing, prefix="elsewhere/forecast")
    hashes = [
        LandingWatcher.hash(*LandingWatcher(feed, landing.to_json()).serialize())
        for feed, landing in (
            ("bike_demand/forecast", FORECAST.landing),
            ("bike_demand/actuals", ACTUALS.landing),
            ("bike_demand/forecast", edited),
            ("bike_demand/forecast", FORECAST.landing),
        )
    ]
    assert hashes[0] == hashes[3]
    assert len({*hashes}) == 3
