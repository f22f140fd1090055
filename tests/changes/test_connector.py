"""What is told to Kafka Connect and Debezium: no shared port, no secret in a repr, and what the reader of events relies on."""

from landfall.changes.connector import SourceDatabase, connector, preparation, slot_of
from landfall.pipelines.iris_online import IRIS_ONLINE
from landfall.stack.connect import ConnectPasswords, worker

SOURCE = SourceDatabase(host="127.0.0.1", port=5432, user="capture", password="of the source")


def test_events_have_what_the_reader_needs():
    told = connector(IRIS_ONLINE, SOURCE)
    assert told["provide.transaction.metadata"] == "true"
    assert told["decimal.handling.mode"] == "string"
    assert told["skipped.operations"] == "none"  # else a truncate is not told
    assert told["topic.prefix"] + ".public.iris_train" == IRIS_ONLINE.topic(IRIS_ONLINE.learns_from).name
    assert told["topic.creation.default.partitions"] == "1"
    assert set(told["table.include.list"].split(",")) == {
        "public.iris_train", "public.iris_test", "public.landfall_heartbeat",
    }  # fmt: skip


def test_a_slot_of_a_table_that_rests_moves_on():
    told = connector(IRIS_ONLINE, SOURCE)
    assert told["heartbeat.interval.ms"] == "10000"
    assert "landfall_heartbeat" in told["heartbeat.action.query"]
    made = [statement.as_string(None) for statement in preparation(IRIS_ONLINE)]
    assert made[-1] == 'CREATE PUBLICATION "landfall_iris_online" FOR TABLES IN SCHEMA "public"'
    assert told["publication.name"] == told["slot.name"] == slot_of(IRIS_ONLINE)


def test_the_worker_is_reached_by_this_machine_alone_and_asks_for_a_login():
    told = worker("127.0.0.1:19092", 18083, 'of "all"')
    assert told["listeners"] == "http://127.0.0.1:18083"
    assert told["rest.extension.classes"].endswith("BasicAuthSecurityRestExtension")
    assert told["exactly.once.source.support"] == "enabled"
    for whose in ("", "producer.", "consumer.", "admin."):
        assert 'password="of \\"all\\""' in told[f"{whose}sasl.jaas.config"]
    shown = f"{SOURCE} {ConnectPasswords(kafka='of the broker', connect='of the worker')}"
    assert [word for word in ("of the source", "of the broker", "of the worker") if word in shown] == []
