"""Publishing on a real PostgreSQL: what readers see while, after and in spite of a swap."""

import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from landfall.errors import PublishingError
from landfall.publishing import find_publication, publications, publish, published
from landfall.publishing.snapshots import SNAPSHOTS

pytestmark = pytest.mark.stack


def test_readers_see_the_old_rows_or_the_new_never_a_mix_and_never_none(connection, conn, table, steps):
    steps.land(conn, table, steps.hours(0.0, count=200))
    stop, seen, failures = threading.Event(), set(), []

    def read(isolation):
        reader = connection()
        reader.isolation_level = isolation
        while not stop.is_set():
            try:
                with reader.transaction():
                    rows = reader.execute(f"SELECT predicted, published_at FROM {table.name}").fetchall()
                seen.add((len(rows), len({p for p, _ in rows}), len({at for _, at in rows})))
            except psycopg.Error as error:
                failures.append(error)

    levels = [psycopg.IsolationLevel.READ_COMMITTED, psycopg.IsolationLevel.REPEATABLE_READ]
    readers = [threading.Thread(target=read, args=(level,)) for level in levels * 2]
    for reader in readers:
        reader.start()
    for version in range(1, 11):
        steps.land(conn, table, steps.hours(float(version), count=200))
    stop.set()
    for reader in readers:
        reader.join()

    assert failures == []
    assert seen == {(200, 1, 1)}
    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {10.0}


def test_a_rerun_gives_the_same_rows_and_another_line_in_the_history(conn, table, steps):
    steps.land(conn, table, steps.hours(3.0))
    before = steps.seen(conn, table, "city, time, predicted, model_version, partition")
    again = steps.land(conn, table, steps.hours(3.0))

    assert steps.seen(conn, table, "city, time, predicted, model_version, partition") == before
    assert [record.state for record in publications(conn, table)] == ["published", "superseded"]
    assert again.replaced == again.id - 1 or again.replaced is not None


def test_rows_carry_the_time_of_their_swap_not_of_their_staging(conn, table, steps):
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(1.0))
    staged = conn.execute("SELECT clock_timestamp()").fetchone()[0]
    done = publish(conn, publication, expected_rows=24)

    assert {at for (at,) in steps.seen(conn, table, "published_at")} == {done.published_at}
    assert done.published_at > staged
    assert published(conn, table, steps.christmas).published_at == done.published_at


def test_a_job_may_write_the_model_version_of_each_row(conn, table, steps):
    publication = steps.begin(conn, table, version="7")
    conn.execute(
        f"INSERT INTO {publication.staging} (city, time, predicted, model_version) VALUES ('A', '2012-12-25', 1, '6')"
    )
    conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [publication.id])
    publish(conn, publication, expected_rows=1)

    assert steps.seen(conn, table, "model_version, partition") == [("6", steps.christmas.day)]


def test_publishing_a_published_publication_changes_nothing(conn, table, steps):
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(1.0))
    first = publish(conn, publication, expected_rows=24)
    again = publish(conn, find_publication(conn, table, publication.id), expected_rows=24)

    assert (again.id, again.state, again.published_at, again.rows) == (first.id, "published", first.published_at, 24)
    assert (again.lock_ms, again.attempts, again.replaced) == (0, 0, None)


def test_a_superseded_publication_is_not_swapped_in_again(conn, table, steps):
    old = steps.begin(conn, table, run_id="old")
    steps.stage(conn, old, steps.hours(1.0))
    publish(conn, old, expected_rows=24)
    steps.land(conn, table, steps.hours(2.0), run_id="new")

    assert publish(conn, old, expected_rows=24).state == "superseded"
    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {2.0}


def test_attach_scans_nothing_and_adopts_the_index(conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    said = []
    conn.add_notice_handler(lambda notice: said.append(notice.message_primary))
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(2.0))
    conn.execute("SET client_min_messages = debug1")
    publish(conn, publication, expected_rows=24)
    conn.execute("RESET client_min_messages")

    child = publication.staging.split(".")[1]
    assert f'partition constraint for table "{child}" is implied by existing constraints' in said
    (kept,) = conn.execute("SELECT relpersistence FROM pg_class WHERE relname = %s", [child]).fetchone()
    assert kept in ("p", b"p")  # survives a crash of the server: UNLOGGED would not
    indexes = conn.execute(
        "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND indisvalid", [publication.staging]
    ).fetchone()
    assert indexes == (1,)


def test_readers_who_ask_by_partition_read_one_day(conn, table, steps):
    for day in ("2012-12-24", "2012-12-25", "2012-12-26"):
        partition = type(steps.christmas).parse(day)
        steps.land(conn, table, steps.hours(1.0, partition=partition), partition=partition)
    plan = conn.execute(f"EXPLAIN SELECT * FROM {table.name} WHERE partition = '2012-12-25'").fetchall()
    assert sum("publications" in line or "Scan" in line for (line,) in plan) == 1, plan


def test_two_publishes_at_once_both_succeed_and_the_last_swap_is_seen(connection, conn, table, steps):
    steps.land(conn, table, steps.hours(0.0))
    pairs = []
    for number in (1, 2, 3, 4):
        own = connection()
        publication = steps.begin(own, table, run_id=f"run {number}")
        steps.stage(own, publication, steps.hours(float(number), count=20 + number))
        pairs.append((own, publication, number))
    done = []
    threads = [
        threading.Thread(target=lambda c=c, p=p, n=n: done.append(publish(c, p, expected_rows=20 + n)))
        for c, p, n in pairs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    last = max(done, key=lambda one: one.published_at)
    states = {record.id: record.state for record in publications(conn, table)}
    assert len(done) == 4
    assert [number for number, state in states.items() if state == "published"] == [last.id]
    assert len(steps.seen(conn, table)) == last.rows


def test_the_same_publication_published_twice_at_once_is_swapped_once(connection, conn, table, steps):
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(1.0))
    done = []
    threads = [
        threading.Thread(target=lambda c=c: done.append(publish(c, publication, expected_rows=24)))
        for c in (connection(), connection())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.attempts for one in done) == [0, 1]
    assert len({one.published_at for one in done}) == 1


def test_a_long_reader_delays_the_swap_but_not_other_readers(connection, conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(2.0))
    long_reader = connection()
    long_reader.execute("BEGIN")
    long_reader.execute(f"SELECT count(*) FROM {table.name}")
    done = []
    publisher = threading.Thread(target=lambda: done.append(publish(conn, publication, expected_rows=24)))
    publisher.start()
    time.sleep(1)
    other = connection()
    assert {p for (p,) in steps.seen(other, table, "predicted")} == {1.0}
    assert done == []
    long_reader.execute("COMMIT")
    publisher.join()

    assert done[0].attempts > 1
    assert {p for (p,) in steps.seen(other, table, "predicted")} == {2.0}


def test_patience_ends_with_the_published_table_as_it_was(connection, conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(2.0))
    reader = connection()
    reader.execute("BEGIN")
    reader.execute(f"SELECT count(*) FROM {table.name}")
    with pytest.raises(
        PublishingError, match=f"^`{table.name}` 2012-12-25 was not published.\n  looked: waited 0.1 s for"
    ):
        publish(conn, publication, expected_rows=24, patience=0.1)
    reader.execute("COMMIT")

    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {1.0}
    assert publish(conn, publication, expected_rows=24).state == "published"


def test_a_snapshot_older_than_the_rows_never_finds_an_empty_partition(connection, conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    reader = connection()
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT 1")  # takes the snapshot, locks nothing
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(2.0))
    with pytest.raises(PublishingError) as caught:
        publish(conn, publication, expected_rows=24, patience=0.3)
    assert {p for (p,) in steps.seen(reader, table, "predicted")} == {1.0}
    assert caught.value.looked == (
        f"waited 0.3 s for sessions with a snapshot older than the rows: pid {reader.info.backend_pid} of `{reader.info.user}`"
    )
    reader.execute("COMMIT")
    assert publish(conn, publication, expected_rows=24).state == "published"


def test_a_crash_between_staging_and_swap_leaves_the_old_rows_and_the_next_try_cleans_up(
    connection, conn, table, steps
):
    steps.land(conn, table, steps.hours(1.0))
    crashed = connection()
    lost = steps.begin(crashed, table, run_id="scheduled")
    steps.stage(crashed, lost, steps.hours(9.0))
    conn.execute("SELECT pg_terminate_backend(%s)", [crashed.info.backend_pid])

    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {1.0}
    steps.land(conn, table, steps.hours(2.0), run_id="scheduled")
    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {2.0}
    assert conn.execute("SELECT to_regclass(%s)", [lost.staging]).fetchone() == (None,)
    assert [record.state for record in publications(conn, table)] == ["published", "abandoned", "superseded"]


def test_a_crash_inside_the_swap_leaves_the_old_rows_and_publishing_again_succeeds(connection, conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(2.0))
    reader, victim = connection(), connection()
    reader.execute("BEGIN")
    reader.execute(f"SELECT count(*) FROM {table.name}")
    caught = []

    def run():
        try:
            publish(victim, publication, expected_rows=24)
        except PublishingError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.6)
    conn.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
    thread.join()
    reader.execute("COMMIT")

    assert caught[0].left == "the connection was lost, so it may have happened or not; asking again is safe"
    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {1.0}
    assert publish(conn, publication, expected_rows=24).replaced is not None
    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {2.0}


def test_an_abandoned_publication_cannot_be_published(conn, table, steps):
    lost = steps.begin(conn, table, run_id="scheduled")
    steps.begin(conn, table, run_id="scheduled")
    with pytest.raises(PublishingError) as caught:
        publish(conn, lost, expected_rows=0, allow_empty=True)
    assert str(caught.value) == (
        f"The publication `{table.name} 2012-12-25 #{lost.id}` can no longer be published.\n"
        "  looked: its state is abandoned: another try of the same run took over\n"
        "  left: readers see what they saw before\n"
        "  next: run the partition again: a new publication is opened"
    )


def test_a_connection_inside_a_transaction_is_refused(conn, table, steps):
    publication = steps.begin(conn, table)
    with conn.transaction(), pytest.raises(PublishingError) as caught:
        publish(conn, publication, expected_rows=0)
    assert str(caught.value) == (
        "Publishing needs a connection of its own.\n"
        "  looked: expected autocommit=True and no open transaction\n"
        "  next: landfall.database.connect(settings)"
    )


def test_days_beside_each_other_do_not_touch(conn, table, steps):
    boxing_day = type(steps.christmas)(steps.christmas.day + timedelta(days=1))
    last, first = datetime(2012, 12, 25, 23, 59, 59, 999999, tzinfo=UTC), boxing_day.start
    steps.land(conn, table, [("A", last, 1.0)])
    steps.land(conn, table, [("A", first, 2.0)], partition=boxing_day)
    assert steps.seen(conn, table, "time, predicted") == [(last, 1.0), (first, 2.0)]


def test_a_plain_role_sees_the_snapshots_of_others(connection, conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    reader, role = connection(), f"plain_{table.name.split('.')[1]}"
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT 1")
    conn.execute(f"CREATE ROLE {role}")
    conn.execute(f"GRANT USAGE ON SCHEMA predictions TO {role}")
    try:
        conn.execute(f"SET ROLE {role}")
        assert reader.info.backend_pid in {pid for pid, *_ in conn.execute(SNAPSHOTS, [table.name])}
    finally:
        conn.execute("RESET ROLE")
        conn.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
