"""Bad input and absent servers: what every step says, and that the published rows stay as they were."""

import asyncio
import socket
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.triggers.base import TriggerEvent

from landfall import pipelines
from landfall.database import connect as connect_database
from landfall.errors import ComputeError, LandingError, PublishingError, RunError
from landfall.freshness import promote
from landfall.landing.landed import check_landed
from landfall.ledger.survey import survey
from landfall.models.registry import register, registry, start_training
from landfall.objects.client import connect
from landfall.objects.listing import LandedObject
from landfall.orchestration import make_features, publish_predictions, wait_for_landing
from landfall.orchestration.champion_trigger import ChampionTrigger
from landfall.orchestration.landing_trigger import LandingTrigger
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST, TRAINING
from landfall.publishing import Fingerprint, open_publication
from landfall.publishing import publish as publish_rows
from landfall.runs import AirflowApi
from landfall.samples.bike_demand import forecast_hours
from landfall.spec import Landing, Partition, Settings
from landfall.spec.training_reports import TrainedReport

DAY, FLOWN = Partition.parse("2013-07-04"), Partition.parse("2013-07-05")
"""Days that no other test publishes: one for steps, one for runs of the real Airflow."""
FOLDER = f"bike_sharing/forecast/dt={DAY}/"
NAMES = list(FORECAST.contract.names)
SET_KEYS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys of this store    (landfall ps shows which store it is)"
)
Rows = list[tuple[Any, ...]]


class Run(dict[str, Any]):
    """The part of Airflow's context that steps read, for a run of `DAY`."""

    def __init__(self, **reports: dict[str, Any]) -> None:
        super().__init__(
            params={"day": None},
            ds=str(DAY),
            run_id=f"test_{uuid.uuid4().hex[:8]}",
            dag_run=SimpleNamespace(logical_date=DAY.start, run_id="test", run_type="manual"),
            ti=SimpleNamespace(xcom_pull=lambda task_ids: reports[task_ids]),
            outlet_events=defaultdict(SimpleNamespace),
        )

    def execute(self, step: Any) -> Any:
        """Run a step as a worker does: templates first."""
        step.render_template_fields(self)
        return step.execute(self)


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def env(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """The stack's variables as a task has them; a call sets one to something else."""
    for name, value in stack.env.items():
        if name.startswith(("AWS_", "MLFLOW_", "LANDFALL_")):
            monkeypatch.setenv(name, value)
    return monkeypatch.setenv


@pytest.fixture
def land(stack: Any) -> Iterator[Callable[..., str]]:
    """Puts an object into the folder of `DAY`; all of them are removed afterwards."""
    client: Any = connect(stack.settings.s3)
    keys = []

    def put(content: bytes, name: str = "hours.csv") -> str:
        keys.append(f"{FOLDER}{name}")
        client.put_object(Bucket=stack.settings.s3.bucket, Key=keys[-1], Body=content)
        return keys[-1]

    yield put
    for key in keys:
        client.delete_object(Bucket=stack.settings.s3.bucket, Key=key)


def rows_of(stack: Any, partition: Partition) -> Rows:
    """What readers see of one day."""
    query = "SELECT * FROM predictions.bike_demand WHERE partition = %s ORDER BY city, state, time"
    with psycopg.connect(stack.settings.database_url) as conn:
        return conn.execute(query, [partition.day]).fetchall()


@pytest.fixture(scope="module")
def published(stack: Any) -> Iterator[Rows]:
    """24 rows published for `DAY`, by the same steps as a run's but without Spark; taken out again afterwards."""
    made_from = Fingerprint(objects={"a.csv": "etag"}, code_version="c0de", model_version="0", contract="1")
    with connect_database(stack.settings) as conn:
        publication = open_publication(
            conn, FORECAST.table, DAY, run_id="test_bad_input", model_version="0", fingerprint=made_from
        )
        conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 24)", [publication.id])
        with conn.cursor().copy(f"COPY {publication.staging} (city, state, time, predicted) FROM STDIN") as stream:
            for hour in range(24):
                stream.write_row(("Washington", "D.C.", DAY.start + timedelta(hours=hour), float(hour)))
        publish_rows(conn, publication, expected_rows=24)
    yield rows_of(stack, DAY)
    with connect_database(stack.settings) as conn, conn.transaction():
        conn.execute(f"ALTER TABLE {FORECAST.table.name} DETACH PARTITION {publication.staging}")
        conn.execute(f"DROP TABLE {publication.staging}")
        conn.execute("DELETE FROM landfall.staged_parts WHERE publication_id = %s", [publication.id])
        conn.execute("DELETE FROM landfall.publications WHERE id = %s", [publication.id])


@pytest.fixture
def untouched(stack: Any, published: Rows) -> Iterator[None]:
    """The published rows of `DAY` are the same after the test."""
    assert len(published) == 24
    yield
    assert rows_of(stack, DAY) == published


pytestmark = pytest.mark.usefixtures("untouched")


def csv(header: list[str] = NAMES, *, rows: int = 24, broken: int = 0) -> bytes:
    """Hours of the sample, the first ones with text where the temperature belongs."""
    hours = [dict(zip(NAMES, row, strict=True)) for row in forecast_hours(DAY.day)][:rows]
    for hour in hours[:broken]:
        hour["temp"] = "mild"
    lines = [header, *([hour.get(name, "7") for name in header] for hour in hours)]
    return "".join(",".join(line) + "\n" for line in lines).encode()


# Servers that are away or refuse


def failing(env: Callable[[str, str], None], fault: str, port: int, endpoint: str) -> tuple[str, str, str]:
    """Sets up a fault of the object store; the end of what is said, where was looked, and what to do."""
    if fault == "bucket missing":
        env("LANDFALL_S3_BUCKET", "nowhere")
        make = "landfall up    (it makes the bucket; or set LANDFALL_S3_BUCKET to one that exists)"
        return "there is no bucket `nowhere`.", f"bucket `nowhere` at {endpoint} answered 404 NoSuchBucket", make
    if fault == "wrong credentials":
        env("AWS_SECRET_ACCESS_KEY", "wrong")
        said = f"bucket `landfall` at {endpoint} answered 403 SignatureDoesNotMatch"
        return "the object store refuses these credentials.", said, SET_KEYS
    env("LANDFALL_S3_ENDPOINT", f"http://127.0.0.1:{port}")
    said = f"bucket `landfall` at http://127.0.0.1:{port} (EndpointConnectionError)"
    return "the object store does not answer.", said, "landfall ps"


FAULTS = ["bucket missing", "wrong credentials", "S3 down"]


def first_event(sensor: Any, patience: float) -> TriggerEvent:
    """What the triggerer hands back of a wait of `DAY`."""
    trigger = LandingTrigger(**sensor.start_trigger_args.trigger_kwargs)
    trigger.render_template_fields(Run())
    events = trigger.run()

    async def first() -> TriggerEvent:
        return await asyncio.wait_for(anext(events), patience)

    return asyncio.run(first())


@pytest.mark.parametrize("fault", FAULTS[:2])
def test_waiting_says_what_is_wrong_with_the_store(env: Any, stack: Any, closed_port: int, fault: str) -> None:
    said, looked, next_ = failing(env, fault, closed_port, stack.settings.s3.endpoint)
    sensor = wait_for_landing(FORECAST.landing)
    with pytest.raises(LandingError) as refused:
        sensor.execute_complete(Run(), first_event(sensor, 60).payload)
    assert str(refused.value) == (
        f"Waiting for `{FOLDER}`: {said}\n  looked: {looked}\n"
        f"  left: the wait is tried again; what has landed stays, what was published stays\n  next: {next_}"
    )


def test_waiting_outlasts_a_store_that_is_down(env: Any, caplog: pytest.LogCaptureFixture, closed_port: int) -> None:
    said, looked, next_ = failing(env, "S3 down", closed_port, "")
    with pytest.raises(TimeoutError):
        first_event(wait_for_landing(FORECAST.landing), 10)
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == [
        f"The landings under `bike_sharing/forecast/` could not be listed: {said}\n  looked: {looked}\n"
        f"  left: what waits goes on waiting, and asks again\n  next: {next_}"
    ]


@pytest.mark.parametrize("fault", FAULTS)
def test_making_features_says_what_is_wrong_with_the_store(env: Any, stack: Any, closed_port: int, fault: str) -> None:
    said, looked, next_ = failing(env, fault, closed_port, stack.settings.s3.endpoint)
    with pytest.raises(LandingError) as refused:
        Run().execute(make_features(FORECAST))
    assert str(refused.value) == (
        f"The landings under `{FOLDER}` could not be listed: {said}\n  looked: {looked}\n"
        f"  left: nothing changed\n  next: {next_}"
    )


def test_a_database_that_is_down_publishes_nothing(env: Any, closed_port: int) -> None:
    env("LANDFALL_DATABASE_URL", f"postgresql://landfall:secret@127.0.0.1:{closed_port}/landfall")
    with pytest.raises(PublishingError) as refused:
        Run(make_features={"inputs": [], "reading": 0}).execute(publish_predictions(FORECAST))
    assert str(refused.value) == (
        f"The predictions database `127.0.0.1:{closed_port}/landfall` cannot be used.\n"
        "  looked: Connection refused\n  next: landfall ps"
    )


def test_spark_that_is_down_writes_nothing(env: Any, land: Any, closed_port: int) -> None:
    land(csv())
    env("LANDFALL_SPARK_REMOTE", f"sc://127.0.0.1:{closed_port}")
    with pytest.raises(ComputeError) as refused:
        Run().execute(make_features(FORECAST))
    assert str(refused.value) == (
        "The Spark job `features` could not start: Spark does not answer.\n"
        f"  looked: sc://127.0.0.1:{closed_port} ([Errno 111] Connection refused)\n"
        "  left: nothing was written, what was published stays\n  next: landfall ps"
    )


# Objects that Spark should not read


def refused_object(feed: Any = FORECAST) -> str:
    """What ends the run: a retry does not mend an object."""
    with pytest.raises(AirflowFailException) as refused:
        Run().execute(make_features(feed))
    return str(refused.value)


@pytest.mark.usefixtures("env")
def test_nothing_landed_is_said_if_the_step_is_run_by_hand() -> None:
    assert refused_object() == (
        f"Nothing has landed for `bike_demand/forecast` on {DAY}.\n  looked: expected {FOLDER}*.csv or *.csv.gz\n"
        "  left: nothing was read; what was published before stays\n"
        f"  next: landfall land bike_demand/forecast FILE.csv --from {DAY} --until {DAY}"
    )


@pytest.mark.usefixtures("env")
def test_a_key_outside_of_the_template_is_named(land: Any) -> None:
    land(csv())
    key = land(b"read me", "notes.txt")
    assert refused_object() == (
        f"Object `{key}` is not one of partition {DAY} of `bike_demand/forecast`.\n"
        f"  looked: expected {FOLDER}*.csv or *.csv.gz\n"
        "  left: nothing was read; what was published before stays\n"
        f"  next: move it out of {FOLDER}, then run the partition again"
    )


@pytest.mark.usefixtures("env")
def test_an_empty_object_is_named(land: Any) -> None:
    key = land(b"")
    told = refused_object().splitlines()
    assert told[1].startswith("  looked: 0 bytes, last written ")
    assert [told[0], *told[2:]] == [
        f"Object `{key}` is empty.",
        "  left: nothing was read; what was published before stays",
        f"  next: landfall land bike_demand/forecast FILE.csv --from {DAY} --until {DAY}",
    ]


@pytest.mark.usefixtures("env")
def test_an_object_beyond_the_limit_is_refused_before_spark_reads_it(land: Any) -> None:
    content = csv()
    key = land(content)
    small = replace(FORECAST, landing=replace(FORECAST.landing, max_object_bytes=1000))
    assert refused_object(small) == (
        f"Object `{key}` is too large for one partition.\n"
        f"  looked: {len(content):,} bytes, at most 1,000 (Landing.max_object_bytes)\n"
        "  left: nothing was read; what was published before stays\n"
        f"  next: land it in smaller objects under {FOLDER}, or raise the limit in the pipeline"
    )


def test_a_file_of_a_gigabyte_is_beyond_the_limit() -> None:
    landed = LandedObject(f"{FOLDER}hours.csv", "etag", 1024**3, datetime(2013, 7, 3, tzinfo=UTC))
    with pytest.raises(LandingError) as refused:
        check_landed([landed], FORECAST.landing, DAY)
    assert refused.value.what == f"Object `{FOLDER}hours.csv` is too large for one partition."
    assert refused.value.looked == "1,073,741,824 bytes, at most 67,108,864 (Landing.max_object_bytes)"
    assert Landing(prefix="a/b").max_object_bytes == 67_108_864


# No model


@pytest.mark.usefixtures("env")
def test_without_a_model_scoring_waits_for_the_first_champion(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deferred, so no worker is held; the trigger fires when a version becomes champion, not when it is registered."""
    settings, name = stack.settings, f"test_{uuid.uuid4().hex[:8]}"
    feed = replace(FORECAST, pipeline=name, model=name)
    pipeline = replace(BIKE_DEMAND, name=name, feeds=(feed,), training=replace(TRAINING, model=name))
    monkeypatch.setattr(pipelines, "PIPELINES", {name: pipeline})
    with pytest.raises(TaskDeferred) as deferred:
        Run(make_features={"inputs": [], "reading": 0}).execute(publish_predictions(feed))
    trigger = deferred.value.trigger
    assert isinstance(trigger, ChampionTrigger)
    assert deferred.value.method_name == "resume"
    assert trigger.serialize() == (
        "landfall.orchestration.champion_trigger.ChampionTrigger",
        {"model": name, "interval": 5.0},
    )
    snapshot = {"table": "features.x", "version": 0, "first": str(DAY), "last": str(DAY), "days": 1}
    report = TrainedReport(rows=0, metrics={}, parameters={}, snapshot=snapshot, features=["hr"])

    def promoted(version: str) -> None:
        with connect_database(settings) as conn:
            promote(settings, conn, name, version, expected=None, reason="the first")

    async def first_event() -> tuple[bool, Any]:
        events = ChampionTrigger(name, interval=0.05).run()
        waiting = asyncio.ensure_future(anext(events))
        version = await asyncio.to_thread(register, settings, start_training(settings, name, {}), name, report)
        await asyncio.sleep(0.2)
        early = waiting.done()
        await asyncio.to_thread(promoted, version.version)
        return early, (await waiting).payload

    try:
        assert asyncio.run(first_event()) == (False, {"version": "1"})
    finally:
        with registry(settings) as client:
            client.delete_registered_model(name)


# The contract


def report(rows: int, quarantined: int, reasons: dict[str, tuple[int, str]]) -> dict[str, Any]:
    refused = [{"partition": str(DAY), "rows": rows, "quarantined": quarantined, "reasons": reasons}]
    return {"rows": 0, "quarantined": quarantined, "partitions": {str(DAY): [rows, quarantined]}, "refused": refused}


def held_against_the_contract(told: dict[str, Any]) -> Any:
    """What the step says once its job has reported."""
    step, run = make_features(FORECAST), Run()
    memo = {"inputs": [["hours.csv", "e1"]], "reading": 0}
    return step.carry_out(run, lambda: step.finish(run, Settings.read(), told, memo))


CONTRACT_LEFT = (
    f"the features and the published rows of {DAY} are as they were; bad rows are in the table quarantine.bike_forecast"
)
CONTRACT_NEXT = f"mend the file, then landfall land bike_demand/forecast FILE.csv --from {DAY} --until {DAY}"
BROKEN = {
    "bad rows": (
        report(12, 12, {"temp": (8, "temp is not a number (mild)"), "hr": (4, "hr is outside 0..23 (24)")}),
        f"`bike_forecast` {DAY}: 12 of 24 rows break the contract (allowed: 10%).",
        f"{FOLDER}: 8 x temp is not a number (mild); 4 x hr is outside 0..23 (24)",
    ),
    "only bad rows": (
        report(0, 3, {"temp": (3, "temp is not a number (mild)")}),
        f"`bike_forecast` {DAY}: 3 of 3 rows break the contract (allowed: 10%).",
        f"{FOLDER}: 3 x temp is not a number (mild)",
    ),
    "no rows": (
        {"rows": 0, "quarantined": 0, "partitions": {}, "refused": []},
        f"`bike_forecast` {DAY}: what landed has no rows.",
        FOLDER,
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_day_that_breaks_the_contract_ends_its_run(env: Any, case: str) -> None:
    told, what, looked = BROKEN[case]
    with pytest.raises(AirflowFailException) as refused:
        held_against_the_contract(told)
    assert str(refused.value) == f"{what}\n  looked: {looked}\n  left: {CONTRACT_LEFT}\n  next: {CONTRACT_NEXT}"


def test_a_few_bad_rows_are_let_through(env: Any) -> None:
    told = {"rows": 22, "quarantined": 2, "partitions": {str(DAY): (22, 2)}, "refused": []}
    assert held_against_the_contract(told) == {**told, "inputs": [["hours.csv", "e1"]], "reading": 0}


# The same through Airflow


@pytest.fixture
def airflow(stack: Any, trained: None) -> AirflowApi:
    """A signed-in client of an Airflow that has a champion to score with."""
    return AirflowApi(stack.settings)


@pytest.fixture
def in_flown(stack: Any) -> Iterator[Callable[[bytes], None]]:
    """Puts the one object of `FLOWN`; it is removed afterwards."""
    client: Any = connect(stack.settings.s3)
    place = {"Bucket": stack.settings.s3.bucket, "Key": f"{FORECAST.landing.folder(FLOWN)}hours.csv"}
    yield lambda content: client.put_object(**place, Body=content)
    client.delete_object(**place)


def run_again(airflow: AirflowApi) -> str:
    """Run the day and wait; what it failed with, empty if it did not."""
    try:
        airflow.wait("bike_forecast", airflow.run_partition("bike_forecast", FLOWN), lambda _: None, patience=600)
    except RunError as error:
        return error.what
    return ""


@pytest.mark.usefixtures("env")
def test_a_broken_file_fails_its_run_and_readers_keep_what_they_had(
    stack: Any, airflow: AirflowApi, in_flown: Callable[[bytes], None]
) -> None:
    folder = FORECAST.landing.folder(FLOWN)

    def land(content: bytes) -> None:
        in_flown(content.replace(str(DAY).encode(), str(FLOWN).encode()))

    land(csv())
    assert run_again(airflow) == ""
    before = rows_of(stack, FLOWN)
    assert len(before) == 24

    land(csv(NAMES[:-1]))
    assert run_again(airflow) == (
        f"`bike_forecast` failed in `make_features`: The landed object `{folder}hours.csv` has no column `windspeed`.\n"
        f"  looked: first line: {','.join(NAMES[:-1])[:120]!r}; expected the columns {', '.join(NAMES)}\n"
        "  left: the tables are untouched, what was published stays\n"
        "  next: add the column to the file, then land it again"
    )
    assert rows_of(stack, FLOWN) == before

    assert refusal(stack) == f"its input: The landed object `{folder}hours.csv` has no column `windspeed`."

    land(csv(broken=12))
    assert run_again(airflow) == (
        f"`bike_forecast` failed in `make_features`: `bike_forecast` {FLOWN}: 12 of 24 rows break the contract"
        f" (allowed: 10%).\n  looked: {folder}: 12 x temp is not a number (mild)\n"
        f"  left: {CONTRACT_LEFT.replace(str(DAY), str(FLOWN))}\n  next: {CONTRACT_NEXT.replace(str(DAY), str(FLOWN))}"
    )
    assert rows_of(stack, FLOWN) == before
    assert refusal(stack) == f"its input: `bike_forecast` {FLOWN}: 12 of 24 rows break the contract (allowed: 10%)."


def refusal(stack: Any) -> str:
    """Why the day is not published, where its input is at fault: no audit starts it again."""
    [(_, standing)] = survey(stack.settings, BIKE_DEMAND, FORECAST, only=FLOWN).partitions
    assert (standing.state, standing.reason, standing.automatic, standing.again_at) == (
        "failed",
        "refused",
        False,
        None,
    )
    return standing.why
