"""Days whose features a training made: which of them need no run of their own, over a real ledger."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from landfall.landing.landed import iterate_landing
from landfall.ledger import Current, Facts, Standing, gather, open_reading, standing
from landfall.ledger.collected import note_collected
from landfall.ledger.landed import Landed, list_feed, sort_objects
from landfall.spec import Feed, Partition

Connection = psycopg.Connection[tuple[Any, ...]]
READ, PREDICTED, REFUSED, OPEN, LATER = (Partition.parse(f"2026-03-0{number}") for number in range(1, 6))


@pytest.fixture
def stands(conn: Connection, store: Any, feed: Feed, current: Current) -> Callable[[Partition], tuple[Facts, Standing]]:
    """Where one partition of the feed stands; Airflow knows no run."""

    def one(day: Partition) -> tuple[Facts, Standing]:
        landed = sort_objects(feed.landing, iterate_landing(store, "lake", feed.landing), datetime.now(UTC))
        [facts] = gather(conn, feed, landed, lambda _: {}, only=day)
        return facts, standing(facts, current)

    return one


def etags(landed: Landed) -> dict[str, dict[str, str]]:
    """As the training's step remembers them: day -> key -> ETag."""
    return {str(day): {key: each.etag for key, each in found.items()} for day, found in landed.objects.items()}


def test_a_day_that_nothing_was_predicted_for_needs_no_run_and_every_other_does(
    conn: Connection, store: Any, feed: Feed, new_feed: Callable[..., Feed], predict: Any, stands: Any
) -> None:
    name, table = f"p/{feed.name}", new_feed().table
    for day in (READ, PREDICTED, REFUSED, OPEN, LATER):
        store.put(f"{feed.landing.folder(day)}a.csv", f"etag of {day}")
    opened = open_reading(conn, name, OPEN, "a run that is at it")
    landed = list_feed(conn, store, "lake", feed)
    predict(conn, table, PREDICTED)

    made = {str(day): (24, 1) for day in (READ, PREDICTED, REFUSED, OPEN)}
    objects = etags(landed)
    assert note_collected(conn, table, name, objects, "training", made, [str(REFUSED)]) == 1

    facts, stood = stands(READ)
    assert (facts.read.run_id, facts.read.rows, facts.read.quarantined) == ("training", 24, 1)
    assert (stood.state, stood.why, stood.automatic) == (
        "skipped", "nothing had been published for it when a training made its features", False,
    )  # fmt: skip
    for day in (PREDICTED, REFUSED, OPEN, LATER):
        assert stands(day)[1].automatic, day
    assert stands(OPEN)[0].read.number == opened
    assert note_collected(conn, table, name, objects, "another", made, [str(REFUSED)]) == 0


def test_what_was_replaced_since_it_was_listed_is_still_due(
    conn: Connection, store: Any, feed: Feed, new_feed: Callable[..., Feed], stands: Any
) -> None:
    name = f"p/{feed.name}"
    store.put(f"{feed.landing.folder(READ)}a.csv", "old")
    landed = list_feed(conn, store, "lake", feed)
    store.put(f"{feed.landing.folder(READ)}a.csv", "new")
    assert note_collected(conn, new_feed().table, name, etags(landed), "training", {str(READ): (24, 0)}, []) == 1
    assert stands(READ)[1].automatic


def test_what_landed_is_in_the_ledger_once_it_was_listed(conn: Connection, store: Any, feed: Feed) -> None:
    key = f"{feed.landing.folder(READ)}a.csv"
    store.put(key, "e1")
    list_feed(conn, store, "lake", feed)
    found = conn.execute("SELECT key, etag FROM landfall.landed_objects WHERE feed = %s", [f"p/{feed.name}"]).fetchall()
    assert found == [(key, "e1")]
