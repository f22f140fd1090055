"""Rollback and retention on a real PostgreSQL."""

import pytest

from landfall.errors import PublishingError
from landfall.publishing import publications, rollback

pytestmark = pytest.mark.stack


def test_a_rollback_gives_back_the_exact_rows(conn, table, steps):
    first = steps.land(conn, table, steps.hours(1.0), version="1")
    before = steps.seen(conn, table)
    second = steps.land(conn, table, steps.hours(2.0, count=30), version="2")
    done = rollback(conn, table, steps.christmas)

    assert steps.seen(conn, table) == before
    assert (done.id, done.replaced, done.published_at, done.model_version) == (
        first.id,
        second.id,
        first.published_at,
        "1",
    )
    records = {record.id: record for record in publications(conn, table)}
    assert (records[first.id].state, records[second.id].state) == ("published", "rolled_back")
    restored, published = records[first.id].restored_at, records[second.id].published_at
    assert restored
    assert published
    assert restored > published


def test_naming_a_rolled_back_publication_undoes_the_rollback(conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    second = steps.land(conn, table, steps.hours(2.0))
    before = steps.seen(conn, table)
    rollback(conn, table, steps.christmas)
    rollback(conn, table, steps.christmas, to=second.id)
    assert steps.seen(conn, table) == before


def test_a_second_rollback_goes_one_further_back(conn, table, steps):
    for version in (1.0, 2.0, 3.0):
        steps.land(conn, table, steps.hours(version))
    rollback(conn, table, steps.christmas)
    rollback(conn, table, steps.christmas)
    assert {p for (p,) in steps.seen(conn, table, "predicted")} == {1.0}


def test_only_the_last_few_are_kept(conn, table, steps):
    done = [steps.land(conn, table, steps.hours(float(version))) for version in range(5)]
    kept = {record.id for record in publications(conn, table) if record.kept}
    assert kept == {one.id for one in done[-(table.keep + 1) :]}
    tables = conn.execute(
        "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE %s", [f"{table.name.split('.')[1]}\\_2012%"]
    ).fetchone()
    assert tables == (table.keep + 1,)


def test_what_readers_hold_is_kept_until_the_next_publish(connection, conn, table, steps):
    done = [steps.land(conn, table, steps.hours(float(version))) for version in range(3)]
    (child,) = conn.execute("SELECT child_table FROM landfall.publications WHERE id = %s", [done[0].id]).fetchone()
    reader = connection()
    reader.execute("BEGIN")
    reader.execute(f"SELECT count(*) FROM {child}")
    steps.land(conn, table, steps.hours(3.0))
    assert reader.execute(f"SELECT count(*) FROM {child}").fetchone() == (24,)
    reader.execute("COMMIT")
    steps.land(conn, table, steps.hours(4.0))
    assert conn.execute("SELECT to_regclass(%s)", [child]).fetchone() == (None,)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (None, "no earlier publication is kept"),
        (0, "publication 0 is what readers see"),
        (10**9, "publication 1000000000 is not kept"),
    ],
)
def test_nothing_to_go_back_to_is_said(conn, table, steps, to, why):
    only = steps.land(conn, table, steps.hours(1.0))
    with pytest.raises(PublishingError) as caught:
        rollback(conn, table, steps.christmas, to=only.id if to == 0 else to)
    assert str(caught.value) == (
        f"`{table.name}` 2012-12-25 was not rolled back: {why.replace(' 0 ', f' {only.id} ')}.\n"
        "  looked: kept: none\n"
        "  left: readers see what they saw before\n"
        '  next: landfall sql "SELECT * FROM landfall.publications"'
    )


def test_a_day_that_was_never_published_is_said(conn, table, steps):
    steps.land(conn, table, steps.hours(1.0))
    with pytest.raises(PublishingError, match="nothing is published there"):
        rollback(conn, table, type(steps.christmas).parse("2013-01-01"))
