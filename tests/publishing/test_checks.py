"""What is refused before the swap, with its whole message, and that readers notice nothing."""

from datetime import timedelta

import psycopg
import pytest

from landfall.errors import PublishingError
from landfall.publishing import publish

pytestmark = pytest.mark.stack


@pytest.fixture
def before(conn, table, steps):
    """A published day, and what readers see of it."""
    steps.land(conn, table, steps.hours(1.0), run_id="first")
    return steps.seen(conn, table)


def refuse(conn, table, steps, rows, *, expected, noted=None, **options):
    """Stages `rows`, publishes, gives the error's text and the publication."""
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, rows, noted=noted)
    with pytest.raises(PublishingError) as caught:
        publish(conn, publication, expected_rows=expected, **options)
    return str(caught.value), publication


def left(publication):
    return (
        "  left: readers see what they saw before; "
        f"the rows are in `{publication.staging}` until the partition's next run\n"
        "  next: see what the scoring job wrote, then run the partition again"
    )


@pytest.mark.parametrize(("expected", "noted"), [(25, 24), (24, 23), (23, 24)])
def test_a_count_that_differs_leaves_the_published_table_untouched(conn, table, steps, before, expected, noted):
    text, publication = refuse(conn, table, steps, steps.hours(2.0), expected=expected, noted=noted)
    assert text == (
        f"`{table.name}` 2012-12-25 was not published: the row counts differ.\n"
        f"  looked: {expected} rows expected, 24 in `{publication.staging}`, {noted} noted by Spark tasks\n"
        + left(publication)
    )
    assert steps.seen(conn, table) == before


def test_a_duplicate_key_is_refused_and_named(conn, table, steps, before):
    rows = [*steps.hours(2.0), *steps.hours(3.0, count=1)]
    text, publication = refuse(conn, table, steps, rows, expected=25)
    assert text == (
        f"`{table.name}` 2012-12-25 was not published: a key is there twice.\n"
        '  looked: Key (city, "time")=(Washington, 2012-12-25 00:00:00+00) is duplicated.\n' + left(publication)
    )
    assert steps.seen(conn, table) == before


@pytest.mark.parametrize("minutes", [-1, 24 * 60])
def test_a_row_outside_of_the_day_is_refused(conn, table, steps, before, minutes):
    stray = steps.christmas.start + timedelta(minutes=minutes)
    text, publication = refuse(conn, table, steps, [*steps.hours(2.0), ("Washington", stray, 2.0)], expected=25)
    first, last = sorted([stray, steps.christmas.start, steps.christmas.start + timedelta(minutes=23)])[::2]
    assert text == (
        f"`{table.name}` 2012-12-25 was not published: 1 rows lie outside of its day.\n"
        f"  looked: times from {first.replace(tzinfo=None)} to {last.replace(tzinfo=None)} UTC\n" + left(publication)
    )
    assert steps.seen(conn, table) == before


def test_no_rows_are_refused_unless_they_are_meant(conn, table, steps, before):
    text, publication = refuse(conn, table, steps, [], expected=0)
    assert text == (
        f"`{table.name}` 2012-12-25 was not published: it has no rows.\n"
        "  looked: expected at least one row; `allow_empty` permits none\n" + left(publication)
    )
    assert steps.seen(conn, table) == before
    assert publish(conn, publication, expected_rows=0, allow_empty=True).rows == 0
    assert steps.seen(conn, table) == []


def test_a_key_without_a_value_never_gets_into_the_staging_table(conn, table, steps):
    publication = steps.begin(conn, table)
    with pytest.raises(psycopg.errors.NotNullViolation):
        steps.stage(conn, publication, [(None, steps.christmas.start, 1.0)])
    assert conn.execute(
        "SELECT count(*) FROM landfall.staged_parts WHERE publication_id = %s", [publication.id]
    ).fetchone() == (0,)


def test_a_retried_spark_task_does_not_duplicate_rows(conn, table, steps):
    publication = steps.begin(conn, table)
    steps.stage(conn, publication, steps.hours(1.0), part=3)
    with pytest.raises(psycopg.errors.UniqueViolation):
        steps.stage(conn, publication, steps.hours(1.0), part=3)
    assert publish(conn, publication, expected_rows=24).rows == 24
