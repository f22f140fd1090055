"""Readings are numbered: what a slow run read earlier never replaces what a quick one read later."""

import pytest

from landfall.errors import OutdatedError
from landfall.publishing import Fingerprint, open_publication, publish

pytestmark = pytest.mark.stack


@pytest.fixture
def opened(conn, table, steps):
    """Opens a publication of Christmas from the reading of a number, and stages rows that say it."""

    def make(reading):
        made_from = Fingerprint(objects={"a.csv": f"e{reading}"}, code_version="c", model_version="7", contract="1")
        publication = open_publication(
            conn,
            table,
            steps.christmas,
            run_id=f"run{reading}",
            model_version="7",
            fingerprint=made_from,
            reading=reading,
        )
        steps.stage(conn, publication, steps.hours(float(reading)))
        return publication

    return make


def test_an_older_reading_that_comes_last_is_abandoned_and_readers_keep_the_newer(conn, table, steps, opened):
    slow, quick = opened(1), opened(2)
    publish(conn, quick, expected_rows=24)
    with pytest.raises(OutdatedError) as refused:
        publish(conn, slow, expected_rows=24)
    assert str(refused.value) == (
        f"`{slow}` is out of date: it was made from an older look at what landed.\n"
        f"  looked: publication {quick.id}, which readers see, was made from a newer one\n"
        "  left: readers see the newer one; this one is abandoned"
    )
    assert {row[0] for row in steps.seen(conn, table, "predicted")} == {2.0}
    states = "SELECT state, child_table IS NULL FROM landfall.publications WHERE id = %s"
    assert conn.execute(states, [slow.id]).fetchone() == ("abandoned", True)


def test_a_newer_reading_replaces_an_older_and_the_same_one_may_be_published_again(conn, table, steps, opened):
    for reading in (1, 2, 2):
        publish(conn, opened(reading), expected_rows=24)
    assert {row[0] for row in steps.seen(conn, table, "predicted")} == {2.0}


def test_a_publication_without_a_reading_is_never_out_of_date(conn, table, steps, opened):
    publish(conn, opened(5), expected_rows=24)
    steps.land(conn, table, steps.hours(7.0))
    assert {row[0] for row in steps.seen(conn, table, "predicted")} == {7.0}
