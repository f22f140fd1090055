"""One audit after the other, over a real ledger: what is started, what is reported, and that a second finds nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from landfall.ledger import Audit, Current, Refused, Seen, audit, close_reading, open_reading, refuse_reading
from landfall.pipelines.bike_demand import ACTUALS
from landfall.spec import AllNamed, Feed, Partition

DAY, NEXT = Partition.parse("2026-03-01"), Partition.parse("2026-03-02")
Connection = psycopg.Connection[tuple[Any, ...]]
Auditor = Callable[..., Audit]


@pytest.fixture
def auditor(conn: Connection, store: Any, current: Current) -> Auditor:
    """Audits one feed; `runs` are those that Airflow has."""

    def run(
        feed: Feed,
        runs: dict[Partition, Seen] | None = None,
        later: timedelta = timedelta(0),
        contract: str = "k1",
        **more: Any,
    ) -> Audit:
        known, now = runs or {}, datetime.now(UTC) + later
        active = {day: each for day, each in known.items() if each.active}
        newest = known.get
        return audit(
            conn, store, "lake", feed, replace(current, now=now, contract=contract),
            active=lambda _: active, newest=lambda _, day: newest(day), **more,
        )  # fmt: skip

    return run


def key(feed: Feed, day: Partition, name: str = "a.csv") -> str:
    return f"{feed.landing.folder(day)}{name}"


def read(conn: Connection, feed: Feed, day: Partition, objects: dict[str, str]) -> None:
    """A run reads the partition."""
    close_reading(conn, open_reading(conn, f"p/{feed.name}", day, "run"), objects)


def test_what_landed_and_was_never_read_is_started_newest_first_and_once(
    auditor: Auditor, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    store.put(key(feed, NEXT), "e2")
    first, second = auditor(feed), auditor(feed)
    assert [(start.partition, start.run_id, start.reason) for start in first.starts] == [
        ("2026-03-02", None, "never published"),
        ("2026-03-01", None, "never published"),
    ]
    assert first.starts[0].logical_date == "2026-03-02T00:00:00+00:00"
    assert (first.objects, first.new, first.gone) == (2, 2, 0)
    assert (second.starts, second.new) == ([], 0)


def test_a_start_that_came_to_nothing_is_decided_again_when_patience_is_over(
    auditor: Auditor, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    assert len(auditor(feed).starts) == 1
    assert len(auditor(feed, patience=timedelta(0)).starts) == 1


def test_a_partition_whose_run_waits_or_works_is_left_to_it(auditor: Auditor, store: Any, feed: Feed) -> None:
    store.put(key(feed, DAY), "e1")
    assert auditor(feed, {DAY: Seen(run_id="r", state="running")}).starts == []


def test_what_a_run_has_read_is_not_started_again_while_its_end_was_its_input_s(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    assert auditor(feed, {DAY: Seen(run_id="run", state="success")}).starts == []
    refuse_reading(conn, f"p/{feed.name}", DAY, "run", Refused("12 bad rows", "c1", "k1"))
    assert auditor(feed, {DAY: failed(DAY)}, later=timedelta(days=300)).starts == []
    [start] = auditor(feed, {DAY: failed(DAY)}, contract="k2").starts
    assert (start.run_id, start.reason) == ("run", "contract changed")


def failed(day: Partition, ago: timedelta = timedelta(0)) -> Seen:
    return Seen(run_id="run", state="failed", ended_at=datetime.now(UTC) - ago)


def test_what_a_server_made_fail_is_started_again_after_pauses_that_grow(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    passed = timedelta(0)
    for number, minutes in enumerate([5, 10, 20, 40, 80, 160, 160], start=1):
        run = {DAY: failed(DAY, -passed)}
        assert auditor(feed, run, later=passed + timedelta(minutes=minutes - 1)).starts == []
        [start] = auditor(feed, run, later=passed + timedelta(minutes=minutes + 1), patience=timedelta(0)).starts
        assert (start.partition, start.run_id, start.reason) == (str(DAY), "run", "failed")
        assert start.why == f"run did not finish; tried again by the next audit (attempt {number})"
        passed += timedelta(minutes=minutes + 1)


def test_a_run_that_failed_before_it_could_read_is_started_again_too(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    assert auditor(feed, {DAY: failed(DAY)}).starts == []
    [start] = auditor(feed, {DAY: failed(DAY)}, later=timedelta(minutes=6), patience=timedelta(0)).starts
    assert (start.run_id, start.reason) == ("run", "failed")


def test_of_two_audits_at_once_one_starts_what_failed(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    both = [auditor(feed, {DAY: failed(DAY)}, later=timedelta(minutes=6)) for _ in range(2)]
    assert [len(each.starts) for each in both] == [1, 0]


def test_while_a_server_is_away_nothing_is_started_and_no_attempt_is_counted(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed, predict: Any
) -> None:
    store.put(key(feed, DAY), "e1")
    store.put(key(feed, NEXT), "e1")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    away = auditor(feed, {DAY: failed(DAY)}, later=timedelta(hours=1), away="Spark does not answer.")
    assert (away.starts, away.postponed, away.away) == ([], 2, "Spark does not answer.")
    back = auditor(feed, {DAY: failed(DAY)}, later=timedelta(hours=1))
    assert ([(start.partition, start.reason) for start in back.starts], back.postponed) == (
        [(str(NEXT), "never published")],
        1,
    )
    predict(conn, feed.table, NEXT)
    [again] = auditor(feed, {DAY: failed(DAY, timedelta(hours=1))}).starts
    assert (again.partition, again.why) == (str(DAY), "run did not finish; tried again by the next audit (attempt 1)")


def test_after_an_outage_one_run_is_started_first_and_more_when_it_has_published(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed, predict: Any
) -> None:
    days = [Partition.parse(f"2026-03-{day:02}") for day in range(1, 11)]
    for day in days:
        store.put(key(feed, day), "e1")
        read(conn, feed, day, {key(feed, day): "e1"})
    runs = {day: failed(day, timedelta(hours=1)) for day in days}
    first = auditor(feed, runs, at_once=4)
    assert ([start.partition for start in first.starts], first.postponed) == ([str(days[-1])], 9)
    runs[days[-1]] = Seen(run_id="run", state="running")
    second = auditor(feed, runs, at_once=4)
    assert (second.starts, second.postponed) == ([], 9)
    runs[days[-1]] = Seen(run_id="run", state="success")
    predict(conn, feed.table, days[-1])
    third = auditor(feed, runs, at_once=4)
    assert ([start.partition for start in third.starts], third.postponed) == ([str(day) for day in days[8:4:-1]], 5)


def test_a_day_that_fails_for_ever_holds_up_no_other(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    for day in (DAY, NEXT):
        store.put(key(feed, day), "e1")
        read(conn, feed, day, {key(feed, day): "e1"})
    runs = {day: failed(day) for day in (DAY, NEXT)}
    assert [each.partition for each in auditor(feed, runs, later=timedelta(minutes=6)).starts] == [str(NEXT)]
    runs[NEXT] = failed(NEXT, -timedelta(minutes=7))
    assert [each.partition for each in auditor(feed, runs, later=timedelta(minutes=8)).starts] == [str(DAY)]


HELD = Seen(run_id="dead", state="queued", held="its backfill 7 was cancelled")


def test_runs_that_airflow_will_not_start_are_replaced_and_do_not_count_as_going_on(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    for day in (DAY, NEXT):
        store.put(key(feed, day), "e1")
    found = auditor(feed, {DAY: HELD, NEXT: replace(HELD, backfill=7, paused=True)}, at_once=2)
    assert [(start.partition, start.run_id, start.dead) for start in found.starts] == [
        (str(NEXT), None, ""),  # of a backfill that is not over, a run may still start
        (str(DAY), None, "dead"),
    ]
    assert {str(start.logical_date)[:10] for start in found.starts} == {str(DAY), str(NEXT)}
    assert not any(str(start.logical_date).endswith("T00:00:00+00:00") for start in found.starts)
    assert found.running == 0


def test_an_ended_run_that_could_not_start_again_stays_and_another_is_made(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e2")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    [start] = auditor(feed, {DAY: Seen(run_id="run", state="success", bound=True)}).starts
    assert (start.run_id, start.dead, str(start.logical_date)[:10]) == (None, "", str(DAY))
    assert start.logical_date != "2026-03-01T00:00:00+00:00"


def test_nothing_of_a_paused_dag_is_started(auditor: Auditor, store: Any, feed: Feed) -> None:
    store.put(key(feed, DAY), "e1")
    found = auditor(feed, paused=True)
    assert (found.starts, found.postponed, found.paused) == ([], 0, True)
    assert len(auditor(feed).starts) == 1


def test_an_audit_says_when_the_next_restart_is_due(auditor: Auditor, conn: Connection, store: Any, feed: Feed) -> None:
    store.put(key(feed, DAY), "e1")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    run = failed(DAY)
    assert auditor(feed, {DAY: run}).again_at == (run.ended_at or datetime.now(UTC)) + timedelta(minutes=5)


FAR = ["9999-12-31", "2200-01-01", "1969-12-31", "0001-01-01"]


def test_an_object_of_a_day_that_cannot_be_is_told_and_stops_nothing(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    for day in FAR:
        store.put(f"{feed.landing.prefix}/dt={day}/a.csv", "e1")
        conn.execute(  # as an earlier version would have read it
            "INSERT INTO landfall.readings (feed, partition, run_id) VALUES (%s, %s, 'r')", [f"p/{feed.name}", day]
        )
    store.put(key(feed, DAY), "e1")
    found = auditor(feed)
    assert [start.partition for start in found.starts] == [str(DAY)]
    assert found.unexpected == [repr(f"{feed.landing.prefix}/dt={day}/a.csv") for day in sorted(FAR)]


def test_a_replaced_object_reruns_its_partition_in_the_run_it_had(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    auditor(feed)
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    store.put(key(feed, DAY), "e2")
    found = auditor(feed, {DAY: Seen(run_id="run", state="success")})
    assert [(start.partition, start.run_id) for start in found.starts] == [("2026-03-01", "run")]
    assert (found.new, found.gone) == (1, 1)


def test_the_same_bytes_written_again_change_nothing(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    store.put(key(feed, DAY), "e1")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    store.put(key(feed, DAY), "e1")
    assert auditor(feed, {DAY: Seen(run_id="run", state="success")}).starts == []


def test_a_partition_that_is_not_ready_is_not_started(
    auditor: Auditor, store: Any, new_feed: Callable[..., Feed]
) -> None:
    feed = new_feed(AllNamed(("a.csv", "b.csv")))
    store.put(key(feed, DAY), "e1")
    assert auditor(feed).starts == []
    store.put(key(feed, DAY, "b.csv"), "e2")
    assert len(auditor(feed).starts) == 1


def test_a_year_of_old_data_starts_a_few_runs_at_a_time(auditor: Auditor, store: Any, feed: Feed) -> None:
    for month in range(1, 13):
        store.put(key(feed, Partition.parse(f"2025-{month:02}-01")), "e")
    first = auditor(feed, at_once=5)
    assert [start.partition for start in first.starts] == [f"2025-{month:02}-01" for month in (12, 11, 10, 9, 8)]
    assert first.postponed == 7
    assert [start.partition for start in auditor(feed, at_once=5).starts] == [
        f"2025-{month:02}-01" for month in (7, 6, 5, 4, 3)
    ]


def test_beside_something_urgent_the_newest_partition_alone_is_started(
    auditor: Auditor, store: Any, feed: Feed
) -> None:
    for month in range(1, 13):
        store.put(key(feed, Partition.parse(f"2025-{month:02}-01")), "e")
    found = auditor(feed, yielding=True)
    assert [start.partition for start in found.starts] == ["2025-12-01"]
    assert found.postponed == 11
    after = auditor(feed, yielding=True)
    assert (after.starts, after.postponed) == ([], 11)
    assert len(auditor(feed, at_once=20).starts) == 11


def test_what_was_read_before_anything_was_predicted_is_run_again_when_something_is(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed, new_feed: Callable[..., Feed], predict: Any
) -> None:
    predictions, ended = new_feed(), {DAY: Seen(run_id="run", state="success")}
    feed = replace(feed, model="", label=ACTUALS.label, held_against=predictions.table)
    store.put(key(feed, DAY), "e1")
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    assert auditor(feed, ended).starts == []
    predict(conn, predictions.table, DAY)
    assert [start.reason for start in auditor(feed, ended).starts] == ["predictions published"]
    read(conn, feed, DAY, {key(feed, DAY): "e1"})
    assert auditor(feed, ended).starts == []


STRANGE = [
    "a'; DROP TABLE x;--.csv",
    "{{ params.day }}.csv",
    "../../up.csv",
    "two\nlines.csv",
    "ü" * 400 + ".csv",
    "$(id).csv",
]


def test_keys_written_by_strangers_are_written_down_and_shown_escaped(
    auditor: Auditor, conn: Connection, store: Any, feed: Feed
) -> None:
    for name in STRANGE:
        store.put(f"{feed.landing.prefix}/{name}", "e")
        store.put(key(feed, DAY, name), "e")
    found = auditor(feed)
    hidden = [name for name in STRANGE if name.startswith(".") or "/" in name or "\n" in name]
    told = [f"{feed.landing.prefix}/{name}" for name in STRANGE]
    told += [key(feed, DAY, name) for name in hidden if not name.startswith(".")]
    assert found.unexpected == [repr(each) for each in sorted(told)]
    assert [start.partition for start in found.starts] == ["2026-03-01"]
    query = "SELECT key FROM landfall.landed_objects WHERE feed = %s"
    there = {str(row[0]) for row in conn.execute(query, [f"p/{feed.name}"]).fetchall()}
    assert there == set(store.objects)
    assert all("\n" not in each for each in found.unexpected)
