"""The ledger remembers contracts: a publication by an older one says what has changed, over a real trip and ledger."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from landfall.errors import ContractError
from landfall.ledger import note_contract
from landfall.ledger.contracts import changes_since
from landfall.ledger.current import current_in
from landfall.ledger.gather import gather
from landfall.ledger.landed import list_feed
from landfall.ledger.standing import Standing, judged
from landfall.partitions import Reading, Trip, judge, look, open_readings, open_staging, refuse, swap
from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.spec import S3, Contract, Feed, Partition, Settings
from landfall.spec.reports import FeaturesReport, Verdict

DAY, BROKEN = Partition.parse("2026-03-01"), Partition.parse("2026-03-02")
Connection = psycopg.Connection[tuple[Any, ...]]
WARMER = "column `temp`: upper bound 1 -> 2"


def with_temp(contract: Contract, maximum: float) -> Contract:
    columns = (replace(column, maximum=maximum) if column.name == "temp" else column for column in contract.columns)
    return replace(contract, columns=tuple(columns))


@pytest.fixture
def feed(new_feed: Callable[..., Feed]) -> Feed:
    """A feed without a model, so that nothing scores its rows."""
    feed: Feed = replace(new_feed(), model="")
    return replace(feed, contract=with_temp(feed.contract, 1))


def reading(conn: Connection, store: Any, trip: Trip, day: Partition) -> Reading:
    store.put(f"{trip.feed.landing.folder(day)}a.csv", "e")
    return look(conn, store, trip, open_readings(conn, trip, [day])).only(day)


def stands(conn: Connection, store: Any, trip: Trip, feed: Feed) -> dict[Partition, Standing]:
    """Where the partitions stand if the declaration is `feed` now."""
    landed = list_feed(conn, store, "lake", feed)
    current = current_in(conn, replace(trip.pipeline, feeds=(feed,)), feed, datetime.now(UTC))
    current = replace(current, code=trip.code)
    return {facts.partition: judged(facts, current) for facts in gather(conn, feed, landed, lambda _: {})}


def test_what_changed_is_said_of_published_and_of_refused_partitions(
    conn: Connection, store: Any, feed: Feed, local_settings: Settings
) -> None:
    pipeline = replace(BIKE_DEMAND, name=feed.pipeline, feeds=(feed,), table=feed.table, training=None)
    trip = Trip(replace(local_settings, s3=S3(bucket="lake")), pipeline, feed, "r")
    good = reading(conn, store, trip, DAY)
    staging = open_staging(conn, trip, [good], "")
    publication = staging.publications[DAY]
    conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [publication.id])
    insert = sql.SQL("INSERT INTO {} (time, predicted) VALUES (%s, 1)")
    conn.execute(insert.format(sql.Identifier(*publication.staging.split("."))), [DAY.start])
    swap(conn, trip, publication, good.number, 1)
    bad = reading(conn, store, trip, BROKEN)
    verdict = Verdict(
        partition=str(BROKEN), rows=0, quarantined=1, reasons={"temp is over 1": (1, "temp is over 1 (2)")}
    )
    report = FeaturesReport(rows=0, quarantined=1, partitions={str(BROKEN): (0, 1)}, refused=(verdict,))
    with pytest.raises(ContractError) as broken:
        judge(conn, trip, bad, report)
    refuse(conn, trip, BROKEN, broken.value)

    assert {day: standing.state for day, standing in stands(conn, store, trip, feed).items()} == {
        DAY: "published",
        BROKEN: "failed",
    }
    changed = replace(feed, contract=with_temp(feed.contract, 2))
    now = stands(conn, store, trip, changed)
    assert (now[DAY].state, now[DAY].reason, now[DAY].automatic) == ("stale", "contract changed", False)
    assert now[DAY].why == f"the contract changed: {WARMER}"
    assert (now[BROKEN].reason, now[BROKEN].automatic) == ("contract changed", True)
    assert now[BROKEN].why.endswith(f", it is {changed.contract.version} now: {WARMER}")


def test_a_version_with_another_contract_is_left_out(conn: Connection, feed: Feed) -> None:
    changed = replace(feed, contract=with_temp(feed.contract, 2))
    note_contract(conn, feed)
    note_contract(conn, feed)
    assert changes_since(conn, changed) == {feed.contract.version: WARMER}
    conn.execute("UPDATE landfall.contracts SET contract = '{}' WHERE feed = %s", [feed.full_name])
    assert changes_since(conn, changed) == {}
