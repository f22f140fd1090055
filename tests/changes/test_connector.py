"""What is told to Kafka Connect and Debezium: no shared port, no secret, and what the reader of events relies on."""

from landfall.changes.connector import connector, slot_of
from landfall.pipelines.iris_online import IRIS_ONLINE
from landfall.spec.capture import CAPTURE_PASSWORD, HEARTBEAT, PUBLICATION
from landfall.stack import databases
from landfall.stack.connect import ConnectPasswords, worker


def test_events_have_what_the_reader_needs():
    told = connector(IRIS_ONLINE, "127.0.0.1", 5432)
    assert told["provide.transaction.metadata"] == "true"
    assert told["decimal.handling.mode"] == "string"
    assert told["skipped.operations"] == "none"  # else a truncate is not told
    assert told["topic.prefix"] + ".public.iris_train" == IRIS_ONLINE.topic(IRIS_ONLINE.learns_from).name
    assert told["topic.creation.default.partitions"] == "1"
    assert told["slot.name"] == slot_of(IRIS_ONLINE) == "landfall_iris_online"
    assert set(told["table.include.list"].split(",")) == {
        "public.iris_train", "public.iris_test", "public.landfall_heartbeat",
    }  # fmt: skip


def test_a_slot_of_a_table_that_rests_moves_on():
    told = connector(IRIS_ONLINE, "127.0.0.1", 5432)
    assert told["heartbeat.interval.ms"] == "10000"
    assert f"public.{HEARTBEAT} " in told["heartbeat.action.query"]
    assert databases.publication().as_string(None) == f'CREATE PUBLICATION "{PUBLICATION}" FOR TABLES IN SCHEMA public'
    assert told["publication.name"] == PUBLICATION


def test_a_configuration_names_the_password_of_its_database_and_does_not_hold_it():
    assert connector(IRIS_ONLINE, "h", 1)["database.password"] == f"${{env:{CAPTURE_PASSWORD}}}"
    told = worker("127.0.0.1:19092", 18083, "of the broker")
    assert told["config.providers.env.param.allowlist.pattern"] == CAPTURE_PASSWORD


def test_the_worker_is_reached_by_this_machine_alone_and_asks_for_a_login():
    told = worker("127.0.0.1:19092", 18083, 'of "all"')
    assert told["listeners"] == "http://127.0.0.1:18083"
    assert told["rest.extension.classes"].endswith("BasicAuthSecurityRestExtension")
    assert told["exactly.once.source.support"] == "enabled"
    for whose in ("", "producer.", "consumer.", "admin."):
        assert 'password="of \\"all\\""' in told[f"{whose}sasl.jaas.config"]
    passwords = ConnectPasswords(kafka="of the broker", connect="of the worker", capture="of the source")
    assert [word for word in ("of the broker", "of the worker", "of the source") if word in str(passwords)] == []
