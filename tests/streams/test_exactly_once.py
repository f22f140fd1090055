"""Whatever happens, every offset is committed exactly once, and windows are those of the rows: on real servers."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import psutil
import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewPartitions

from landfall.errors import LandfallError, PublishingError
from landfall.pipelines.libsvm import LIBSVM_STREAM, pictures
from landfall.spec import KafkaTopic
from landfall.streams import state
from landfall.streams.replay import rewind
from landfall.streams.send import Faults, messages

pytestmark = pytest.mark.usefixtures("stack")
EVERY_FAULT = Faults(labels_flipped=0.2, late=0.1, malformed=0.05, duplicate=0.05)


def rows(count: int, faults: Faults = EVERY_FAULT, seed: int = 7) -> list[bytes]:
    return list(islice(messages(LIBSVM_STREAM, faults, seed), count))


def row(label: int, moment: datetime, pixels: dict[str, float] | None = None) -> bytes:
    some = {"126": 51.0} if pixels is None else pixels
    return json.dumps({"time": moment.isoformat(), "label": label, "pixels": some}).encode()


def test_rows_with_every_fault_are_each_scored_or_a_dead_letter(live: Any) -> None:
    stream = live.new(batch=170)
    sent = rows(500)
    live.put(stream, sent)
    assert live.drain(stream) >= 3
    live.require_exactly_once(stream, 500)
    dead = dict(live.conn.execute(f"SELECT reason, count(*) FROM {stream.dead_letters_table} GROUP BY 1").fetchall())
    assert set(dead) == {
        "the message is empty",
        "the message is not UTF-8",
        "the message is not a JSON object of the declared form",
        "time is not a timestamp with an offset (no time)",
        "time is not a timestamp with an offset (empty)",
    }
    late = live.conn.execute(f"SELECT count(*), min(newest_time - event_time) FROM {stream.late_table}").fetchone()
    assert late[0] > 10
    assert late[1] >= stream.lateness
    flipped = live.conn.execute(f"SELECT sum(correct) / sum(rows) FROM {stream.windows_table}").fetchone()[0]
    assert 0.7 < flipped < 0.9  # a fifth of the labels is wrong, the model is not


def test_predictions_are_those_of_spark_ml_bit_for_bit(live: Any, stack: Any) -> None:
    from pyspark.ml import PipelineModel
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    from landfall.compute.local.warm import WarmSpark
    from landfall.models.registry import find_version

    stream = live.new()
    now = datetime.now(UTC)
    live.put(
        stream,
        [row(label, now, {str(at): pixels[at] for at in sorted(pixels)}) for label, pixels in pictures()],
    )
    live.drain(stream)
    assert live.conn.execute(f"SELECT count(*) FROM {stream.predictions_table}").fetchone() == (100,)
    [(number,)] = live.conn.execute(f"SELECT DISTINCT model_version FROM {stream.predictions_table}").fetchall()
    version = find_version(live.settings, "libsvm", number)
    server = WarmSpark(remote=live.settings.spark_remote, lake=live.settings.lake)
    session = server.open()
    try:
        model = PipelineModel.load(f"{version.source}/fitted".replace("s3://", "s3a://", 1))
        dense = [[float(pixels.get(at, 0.0)) for at in range(692)] for _, pixels in pictures()]
        frame = session.createDataFrame([(values,) for values in dense], "pixels array<double>")
        scored = model.transform(frame.select(array_to_vector("pixels").alias("pixels")))
        from pyspark.ml.functions import vector_to_array

        expected = scored.select("prediction", F.array_max(vector_to_array("probability")).alias("most")).collect()
    finally:
        server.close(session)
    wanted = sorted((each.prediction, each.most) for each in expected)
    got = sorted(
        (float(prediction), float(probability))
        for prediction, probability in live.conn.execute(
            f"SELECT prediction, probability FROM {stream.predictions_table}"
        )
    )
    assert [each[0] for each in got] == [each[0] for each in wanted]
    assert all(abs(mine[1] - theirs[1]) <= 1e-12 for mine, theirs in zip(got, wanted, strict=True))


def test_of_two_drivers_one_commits(live: Any) -> None:
    stream = live.new()
    live.put(stream, rows(40))
    with live.driving(stream) as old, live.driving(stream) as new:
        with pytest.raises(state.Fenced, match="Another process drives"):
            old.step()
        assert new.step().rows == 40
    live.require_exactly_once(stream, 40)


def test_postgres_lost_between_scoring_and_commit_loses_and_doubles_nothing(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = live.new()
    live.put(stream, rows(60))
    with live.driving(stream) as driver:
        scored = driver.session.score
        backend = driver.conn.info.backend_pid

        def then_lose(*arguments: object) -> object:
            table = scored(*arguments)
            live.conn.execute("SELECT pg_terminate_backend(%s)", [backend])
            time.sleep(0.2)
            return table

        monkeypatch.setattr(driver.session, "score", then_lose)
        with pytest.raises((PublishingError, psycopg.OperationalError)):
            driver.step()
    assert live.conn.execute(f"SELECT count(*) FROM {stream.predictions_table}").fetchone() == (0,)
    live.drain(stream)
    live.require_exactly_once(stream, 60)


def test_a_commit_that_fails_at_its_last_statement_leaves_nothing(live: Any) -> None:
    stream = live.new()
    live.put(stream, rows(30))
    with live.driving(stream) as driver:
        live.conn.execute(
            "INSERT INTO landfall.stream_batches (stream, batch, epoch, seconds, rows, late, dead, lost, model_version, ranges)"
            " VALUES (%s, 1, 0, 0, 0, 0, 0, 0, '', '{}')",
            [stream.name],
        )
        with pytest.raises(PublishingError, match="could not be written"):
            driver.step()
        for table in (stream.predictions_table, stream.windows_table, stream.dead_letters_table):
            assert live.conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        live.conn.execute("DELETE FROM landfall.stream_batches WHERE stream = %s", [stream.name])
        assert driver.step().rows == 30
    live.require_exactly_once(stream, 30)


def test_a_driver_killed_at_random_moments_loses_and_doubles_nothing(live: Any, stack: Any) -> None:
    """The process of the declared stream itself, killed with -9 while rows arrive."""
    stream = LIBSVM_STREAM
    live.made.append(stream)  # its tables and its topic are dropped like those of a test's own
    draw, sent = random.Random(20), 0
    environment = {**os.environ, **stack.env}
    command = [sys.executable, "-m", "landfall.streams.process", stream.name]
    state.want(live.conn, stream.name, "running", "test")
    live_rows = rows(2000)
    from landfall.streams.topics import ensure_topic

    ensure_topic(live.settings.kafka, stream.source)
    for number in range(10):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 90
            before = _batch(live, stream.name)
            live.put(stream, live_rows[sent : sent + 200])
            sent += 200
            while number % 2 and _batch(live, stream.name) == before and time.monotonic() < until:
                time.sleep(0.05)  # every other time it has committed something; else it dies on its way there
            time.sleep(draw.uniform(0, 1.5) if number % 2 else draw.uniform(3, 9))
        finally:
            process.kill()
            process.wait()
    live.drain(stream)
    live.require_exactly_once(stream, sent)


def _batch(live: Any, name: str) -> int:
    return int(state.state_of(live.conn, name).batch)


def _drive_on(driver: Any) -> None:
    while True:
        driver.step()


def test_the_broker_killed_and_restarted(live: Any, stack: Any) -> None:
    stream = live.new()
    live.put(stream, rows(50))
    with live.driving(stream) as driver:
        assert driver.step().rows == 50
        [broker] = [part for part in stack.ps() if part["name"] == "kafka"]
        psutil.Process(broker["pid"]).kill()
        with pytest.raises(LandfallError, match=r"cannot be used|failed in Spark"):
            _drive_on(driver)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        [part] = [each for each in stack.ps() if each["name"] == "kafka"]
        if part["state"] == "healthy" and part["pid"] != broker["pid"]:
            break
        time.sleep(0.5)
    live.put(stream, rows(50, seed=8))
    live.drain(stream)
    live.require_exactly_once(stream, 100)


def test_a_lost_database_line_of_offsets_is_not_guessed(live: Any) -> None:
    """The database's own offsets decide: a driver that believes others commits nothing."""
    stream = live.new()
    live.put(stream, rows(40))
    with live.driving(stream) as driver:
        driver.step()
        live.put(stream, rows(10))
        driver.places = {at: replace(place, next_offset=0) for at, place in driver.places.items()}
        with pytest.raises(LandfallError, match="is not at offset 0 of partition"):
            driver.step()
    live.drain(stream)
    live.require_exactly_once(stream, 50)


def test_a_poison_row_of_ten_megabytes_is_a_dead_letter(live: Any) -> None:
    stream = live.new()
    large = 12 * 1024**2
    admin = AdminClient({**live.settings.kafka.client()})
    limit = ConfigResource(ResourceType.TOPIC, stream.source.name, set_config={"max.message.bytes": str(large)})
    [done] = admin.alter_configs([limit]).values()
    done.result(10)
    poison = json.dumps({"time": "x" * 10 * 1024**2, "label": 1}).encode()
    live.put(stream, [*rows(20, Faults()), poison, *rows(20, Faults())], **{"message.max.bytes": large})
    live.drain(stream)
    live.require_exactly_once(stream, 41)
    letters = live.conn.execute(f"SELECT reason, length(message) FROM {stream.dead_letters_table}").fetchall()
    assert letters == [(f"the message is over 65536 bytes ({len(poison)})", 2000)]


def test_a_clock_that_runs_ahead_makes_no_other_row_late(live: Any) -> None:
    stream = live.new()
    now = datetime.now(UTC)
    ahead = row(1, now + timedelta(days=400))
    live.put(stream, [row(0, now), ahead, row(1, now), row(0, now - timedelta(hours=1))])
    live.drain(stream)
    live.require_exactly_once(stream, 4)
    [reason] = live.conn.execute(f"SELECT reason FROM {stream.dead_letters_table}").fetchone()
    assert reason.startswith("time lies after the message's arrival (")


def test_a_topic_with_more_partitions_later_is_read_whole(live: Any) -> None:
    stream = live.new()
    live.put(stream, rows(40))
    live.drain(stream)
    admin = AdminClient({**live.settings.kafka.client()})
    [done] = admin.create_partitions([NewPartitions(stream.source.name, 5)]).values()
    done.result(10)
    time.sleep(1)
    live.put(stream, rows(200), **{"metadata.max.age.ms": 500})
    live.drain(stream)
    live.require_exactly_once(stream, 240)
    assert len(state.places(live.conn, stream.name, stream.source.name)) > 2


def test_messages_that_the_topic_has_dropped_are_counted(live: Any) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin._listoffsets import OffsetSpec

    stream = live.new()
    live.put(stream, rows(60))
    admin = AdminClient({**live.settings.kafka.client()})
    place = TopicPartition(stream.source.name, 0)
    [found] = admin.list_offsets({place: OffsetSpec.latest()}).values()
    end = found.result(10).offset
    live.drain(stream)
    live.put(stream, rows(60, seed=9))
    [found] = admin.list_offsets({place: OffsetSpec.latest()}).values()
    now = found.result(10).offset
    [gone] = admin.delete_records([TopicPartition(stream.source.name, 0, now)]).values()
    gone.result(10)
    with live.driving(stream) as driver:
        while driver.step():
            pass
    lost = sum(batch.lost for batch in state.batches(live.conn, stream.name))
    assert lost == now - end


def test_a_topic_is_read_again_from_a_time_on(live: Any) -> None:
    stream = live.new()
    live.put(stream, rows(100))
    live.drain(stream)
    time.sleep(1.1)
    middle = datetime.now(UTC)
    live.put(stream, rows(100, seed=9))
    live.drain(stream)
    state.want(live.conn, stream.name, "stopped", "test")
    first = live.conn.execute(f"SELECT max(scored_at) FROM {stream.predictions_table}").fetchone()
    assert rewind(live.settings, stream, middle).messages == 100
    live.require_exactly_once(stream, 100)
    live.drain(stream)
    live.require_exactly_once(stream, 200)
    again = live.conn.execute(f"SELECT count(*) FROM {stream.predictions_table} WHERE scored_at > %s", first).fetchone()
    assert again[0] > 50
    state.want(live.conn, stream.name, "stopped", "test")
    assert rewind(live.settings, stream, datetime.fromtimestamp(0, UTC)).messages == 200
    live.drain(stream)
    live.require_exactly_once(stream, 200)


def test_rows_that_the_model_cannot_score_are_dead_letters(live: Any) -> None:
    stream, now = live.new(), datetime.now(UTC)
    odd = [{"9999": 1.0}, {"x": 1.0}, {"0": float("inf")}, {"1": 1e308, "2": 1e308}]
    live.put(
        stream, [row(0, now, pixels) for pixels in odd] + [json.dumps({"time": now.isoformat(), "label": 1}).encode()]
    )
    live.drain(stream)
    live.require_exactly_once(stream, 5)
    reasons = {text for (text,) in live.conn.execute(f"SELECT reason FROM {stream.dead_letters_table}")}
    assert "pixels has an element that the model does not know" in reasons
    assert "pixels is null" in reasons


def test_predictions_go_to_a_topic_too(live: Any) -> None:
    from confluent_kafka import Consumer

    stream = live.new()
    stream = replace(stream, publish_to=KafkaTopic(name=f"{stream.name}.predictions", partitions=1))
    live.put(stream, rows(30, Faults()))
    live.drain(stream)
    reader = Consumer({**live.settings.kafka.client(), "group.id": stream.name, "auto.offset.reset": "earliest"})
    reader.subscribe([f"{stream.name}.predictions"])
    found = [message for message in reader.consume(30, 30) if message.error() is None]
    reader.close()
    keys = {message.key().decode() for message in found}
    assert len(keys) == 30
    assert all(key.startswith(f"{stream.source.name}-") for key in keys)
    assert set(json.loads(found[0].value() or b"")) >= {"prediction", "probability", "model_version", "label"}
