"""Rows are inserted, and answers get better: Postgres, Debezium, Kafka and the learner, all real, and killed meanwhile."""

import json
import os
import random
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

import landfall as package
from landfall.pipelines.iris_online import IRIS_ONLINE
from landfall.streams.topics import Topic

pytestmark = pytest.mark.stack
NAME = IRIS_ONLINE.name
FILES = Path(package.__file__).parent / "samples" / "iris_online"
KILLS = os.environ.get("LANDFALL_TEST_KILLS", "learner connect kafka learner").split()
"""What is killed, one after the other. `postgres` may be among them, where the stack has no Airflow that it would hold up."""


def status(flowers: Any) -> Any:
    (found,) = json.loads(flowers.run("status", NAME, "--json"))
    return found


def published(flowers: Any) -> dict[str, Any]:
    """Key -> message of the topic that answers are published to."""
    broker, topic = flowers.stack.settings.kafka, IRIS_ONLINE.publish_to
    assert topic is not None
    ends = Topic(broker, topic)
    ((_, end),) = ends.ends().values()
    ends.close()
    consumer = Consumer({**broker.client(), "group.id": "a-test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic.name, 0, 0)])
    messages: dict[str, Any] = {}
    place = 0
    while place < end:
        message = consumer.poll(60)
        assert message is not None
        assert message.error() is None
        messages[str(message.key() or b"", "utf-8")] = json.loads(message.value() or b"")
        place = int(message.offset() or 0) + 1
    consumer.close()
    return messages


def test_answers_get_better_with_each_file_of_rows(flowers: Any) -> None:
    told = json.loads(flowers.run("start", NAME, "--json"))
    assert told["connector"] == "running"

    # The tables come into being after the capture has begun, the second one first.
    accuracy = []
    for file in ("", "iris_train1.sql", "iris_train2.sql"):
        if file:
            flowers.psql(file)
            flowers.wait_learnt()
        flowers.psql("iris_test.sql")
        accuracy.append(flowers.accuracy_of_the_newest(11))
    assert accuracy[0] == 0 < accuracy[1] < accuracy[2]

    # A file that is run again brings new rows, which are learnt too.
    flowers.psql("iris_train1.sql")
    flowers.require_exactly_once()
    assert flowers.rows == 141

    flowers.wait(lambda: status(flowers)["lag"] == 0, "events are left to read")
    found = status(flowers)
    assert (found["state"], found["rows"], found["measured"]) == ("running", 141, 140)  # the first row has no answer
    assert found["capture"]["connector"] == "running"
    slot = found["capture"]["slot"]
    assert (slot["name"], slot["active"], slot["wal_status"]) == ("landfall_iris_online", True, "reserved")
    assert slot["left_bytes"] > 0
    shown = flowers.run("predictions", NAME, "--rows", "200")
    assert '{"id":1} of iris_test: no answer yet, by state 0, 0 rows learnt' in shown
    assert "of iris_test is classified as setosa (" in shown
    answered = flowers.count(f"SELECT count(*) FROM {IRIS_ONLINE.predictions_table}")
    assert len(published(flowers)) == answered == 141 + 33
    text = flowers.run("status", NAME)
    assert "  clusters    3: " in text
    assert "  connector   running\n  slot        landfall_iris_online: read, reserved, " in text


def test_a_person_freezes_thaws_restores_and_resets_it(flowers: Any) -> None:
    flowers.run("start", NAME)
    flowers.psql("iris_train2.sql")
    flowers.wait_learnt()

    flowers.run("freeze", NAME, "--why", "odd rows")
    flowers.wait(lambda: status(flowers)["frozen"] == "odd rows", "it is not frozen")
    flowers.psql("iris_train1.sql")
    of_train = f"SELECT count(*) FROM {IRIS_ONLINE.predictions_table}"
    flowers.wait(lambda: flowers.count(of_train) == 139, "the rows were not answered for")
    assert flowers.rows == 137
    flowers.run("thaw", NAME)
    flowers.wait(lambda: status(flowers)["frozen"] == "", "it is still frozen")
    flowers.psql("iris_train1.sql")
    flowers.wait(lambda: flowers.rows == 139, "it does not learn again")

    refused = flowers.landfall("changes", "restore", NAME, "--state", "1")
    assert refused.returncode == 1
    assert "cannot be restored while it is running" in refused.stderr
    flowers.run("stop", NAME)
    flowers.wait(lambda: status(flowers)["state"] == "stopped", "it does not stop")
    shown = json.loads(flowers.run("state", NAME, "--json"))
    oldest = shown["kept"][-1]
    now = json.loads(flowers.run("restore", NAME, "--state", str(oldest["number"]), "--json"))["number"]
    assert now > oldest["number"]
    assert flowers.rows == oldest["rows"]

    # What comes while it is stopped waits in the topic.
    flowers.psql("iris_train1.sql")
    flowers.run("start", NAME)
    flowers.wait(lambda: flowers.rows == oldest["rows"] + 2, "it does not go on")
    flowers.run("stop", NAME)
    flowers.wait(lambda: status(flowers)["state"] == "stopped", "it does not stop")
    flowers.run("reset", NAME)
    assert flowers.rows == 0


def test_a_capture_that_begins_anew_learns_what_was_missed_and_nothing_twice(flowers: Any) -> None:
    flowers.run("start", NAME)
    flowers.psql("iris_train2.sql")
    flowers.wait_learnt()
    flowers.run("stop", NAME, "--capture")
    assert status(flowers)["capture"]["connector"] == "absent"
    assert status(flowers)["capture"]["slot"] is None

    flowers.psql("iris_train1.sql")
    flowers.run("start", NAME)

    flowers.require_exactly_once()
    assert flowers.rows == 139


def test_whatever_is_killed_every_row_is_learnt_once_and_in_order(flowers: Any) -> None:
    chance, done = random.Random(), threading.Event()
    flowers.run("start", NAME)
    flowers.psql("iris_train1.sql")
    statements = [line for line in (FILES / "iris_train2.sql").read_text().splitlines() if line.startswith("INSERT")]

    def write() -> None:
        while not done.is_set():
            try:
                insert()
            except psycopg.OperationalError:  # its server was killed: what was not committed is not there
                done.wait(0.5)

    def insert() -> None:
        with psycopg.connect(flowers.stack.settings.sources["flowers"], autocommit=True) as conn:
            while not done.wait(chance.uniform(0, 0.1)):
                with conn.transaction():
                    for statement in chance.sample(statements, chance.randint(1, 5)):
                        conn.execute(statement.encode())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for victim in KILLS:
            before = flowers.rows
            flowers.wait(lambda before=before: flowers.rows > before, "it does not go on")
            done.wait(chance.uniform(0, 2))
            if victim == "learner":
                flowers.kill_learner()
            else:
                flowers.kill_part(victim)
    finally:
        done.set()
        writer.join()

    flowers.require_exactly_once()
