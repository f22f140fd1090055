"""The configuration of Debezium's connector for the tables of a learner."""

from landfall.spec.capture import CAPTURE_PASSWORD, CAPTURE_ROLE, HEARTBEAT, PUBLICATION
from landfall.spec.online import OnlineLearner

BEAT = f"UPDATE public.{HEARTBEAT} SET at = clock_timestamp()"  # noqa: S608  (a constant)
HEARTBEAT_SECONDS = 10


def slot_of(declared: OnlineLearner) -> str:
    """The learner's replication slot, which is also the name of its connector."""
    return f"landfall_{declared.name}"


def connector(declared: OnlineLearner, host: str, port: int) -> dict[str, str]:
    """The connector's configuration, as Kafka Connect's REST API takes it.

    It holds no secret: the worker puts in the password of the role that captures changes (`landfall.spec.capture`).
    Events are JSON without schemas, with their number in the transaction; decimals are text. The publication is
    ours: one that Debezium makes has the tables that are there at its start, and not those that come into being later.

    Args:
        declared: The learner.
        host: Where the worker finds the source database.
        port: Its port.
    """
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "plugin.name": "pgoutput",
        "database.hostname": host,
        "database.port": str(port),
        "database.user": CAPTURE_ROLE,
        "database.password": f"${{env:{CAPTURE_PASSWORD}}}",
        "database.dbname": declared.database,
        "topic.prefix": declared.name,
        "table.include.list": ",".join([*(table.full_name for table in declared.tables), f"public.{HEARTBEAT}"]),
        "slot.name": slot_of(declared),
        "publication.name": PUBLICATION,
        "publication.autocreate.mode": "disabled",
        "snapshot.mode": "when_needed",
        "exactly.once.support": "required",
        "transaction.boundary": "poll",
        "provide.transaction.metadata": "true",
        "decimal.handling.mode": "string",
        "tombstones.on.delete": "true",
        "skipped.operations": "none",
        "heartbeat.interval.ms": str(HEARTBEAT_SECONDS * 1000),
        "heartbeat.action.query": BEAT,
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "1",
    }
