"""Each alert is told once, and once that it is over, whatever is restarted."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import psycopg
import pytest

from landfall.alerts.stored import alerts, note, tell
from landfall.alerts.wrong import Wrong

pytestmark = pytest.mark.stack

LATE = Wrong(kind="late landing", source="p/f", subject="2014-04-03", text="no object yet")
NEWS = Wrong(kind="promotion", source="m", subject="change 1", text="version 1 serves", ends=False)


@pytest.fixture
def told(emptied):
    """Tells what was not told, and gives the lines."""

    def tell_now():
        lines = []
        tell(emptied, lambda untold: lines.extend(alert.line for alert in untold))
        return lines

    return tell_now


def test_what_stays_wrong_is_told_once_and_then_that_it_is_over(emptied, told):
    note(emptied, [LATE], ["p/f"])
    assert told() == ["late landing: p/f 2014-04-03: no object yet"]
    note(emptied, [LATE], ["p/f"])
    assert told() == []
    note(emptied, [], ["p/f"])
    assert told() == ["late landing: p/f 2014-04-03: over"]
    assert told() == []


def test_what_begins_again_is_told_again(emptied, told):
    for wrong in ([LATE], [], [LATE]):
        note(emptied, wrong, ["p/f"])
        told()

    assert [alert.ended_at is None for alert in alerts(emptied, 10)] == [True, False]


def test_a_source_that_is_away_keeps_its_alerts(emptied, told):
    note(emptied, [LATE], ["p/f"])
    told()
    note(emptied, [], ["p/other"])

    assert told() == []


def test_what_is_over_before_anybody_was_told_is_not_told(emptied, told):
    note(emptied, [LATE], ["p/f"])
    note(emptied, [], ["p/f"])

    assert told() == []


def test_what_happened_is_told_once_and_never_over(emptied, told):
    note(emptied, [NEWS], ["m"])
    assert told() == ["promotion: m change 1: version 1 serves"]
    note(emptied, [], ["m"])
    note(emptied, [NEWS], ["m"])
    assert told() == []


def test_what_could_not_be_sent_is_sent_the_next_time(emptied, told):
    def fail(untold):
        raise RuntimeError("down")

    note(emptied, [LATE], ["p/f"])
    with pytest.raises(RuntimeError, match="down"):
        tell(emptied, fail)

    assert told() == ["late landing: p/f 2014-04-03: no object yet"]


def test_two_at_once_tell_it_once(emptied, database_url):
    note(emptied, [LATE], ["p/f"])

    def tell_slowly(_):
        def slowly(_):
            sleep(0.3)

        with psycopg.connect(database_url, autocommit=True) as conn:
            return tell(conn, slowly)

    with ThreadPoolExecutor(4) as pool:
        assert len([line for lines in pool.map(tell_slowly, range(4)) for line in lines]) == 1
