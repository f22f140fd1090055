"""Which version served when, from the history alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.freshness import PromotionRecord, current, history, in_favour, served_at

NOON = datetime(2012, 12, 25, 12, tzinfo=UTC)


def changes(*told):
    """`("promoted", "1")` and so on, oldest first."""
    made, before = [], None
    for number, (kind, version) in enumerate(told):
        at = NOON + timedelta(hours=number)
        made.append(
            PromotionRecord(
                id=number, model="m", version=version, replaced=before, at=at, kind=kind, reason="", by_run=""
            )
        )
        before = version
    return made


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([], []),
        ([("promoted", "1"), ("promoted", "2"), ("noticed", "5")], ["1", "2"]),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "1")], ["1"]),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "1"), ("promoted", "3")], ["1", "3"]),
        ([("promoted", "1"), ("promoted", "2"), ("promoted", "3"), ("rolled back", "1")], ["1"]),
        (
            [("promoted", "1"), ("promoted", "2"), ("promoted", "1"), ("promoted", "3"), ("rolled back", "1")],
            ["1", "2", "1"],
        ),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "7")], ["1", "7"]),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "1"), ("rolled back", "2")], ["1", "2"]),
        ([("promoted", "1"), ("noticed", None), ("noticed", "1")], ["1"]),
    ],
)
def test_a_version_that_was_rolled_back_is_out_of_favour(told, kept):
    assert in_favour(changes(*told)) == kept


kinds = st.sampled_from(["promoted", "promoted", "noticed", "rolled back"])


@given(st.lists(st.tuples(kinds, st.sampled_from(["1", "2", "3", "4"])), min_size=1, max_size=12))
def test_the_present_version_is_in_favour_and_last(told):
    kept = in_favour(changes(*told))
    assert kept[-1:] == [version for kind, version in told if kind != "noticed"][-1:]
    assert set(kept) <= {version for _, version in told}


@pytest.fixture
def written(conn):
    """Version 1 from noon, 2 an hour later, none after two, 3 after three."""
    name = f"history_{datetime.now(UTC).timestamp()}"
    for number, version in enumerate(("1", "2", None, "3")):
        conn.execute(
            "INSERT INTO landfall.promotions (model, version, replaced, at, kind, reason, by_run, report)"
            " VALUES (%s, %s, NULL, %s, 'promoted', %s, 'run', '{\"rows\": 1}')",
            [name, version, NOON + timedelta(hours=number), f"reason {number}"],
        )
    return name


@pytest.mark.parametrize(
    ("minutes", "version"),
    [(-1, None), (0, "1"), (59, "1"), (60, "2"), (119, "2"), (120, None), (179, None), (999, "3")],
)
def test_who_served_at_a_time(conn, written, minutes, version):
    found = served_at(conn, written, NOON + timedelta(minutes=minutes))
    assert (found.version if found else None) == version


def test_the_history_is_told_newest_first_and_whole(conn, written):
    told = history(conn, written)
    assert [each.version for each in told] == ["3", None, "2", "1"]
    assert [each.version for each in history(conn, written, 2)] == ["3", None]
    assert (told[0].reason, told[0].by_run, told[0].kind, told[0].report) == (
        "reason 3",
        "run",
        "promoted",
        {"rows": 1},
    )
    assert told[0].at == NOON + timedelta(hours=3)


def test_the_present_is_told_without_mlflow(conn, written):
    assert current(conn, written).version == "3"
    conn.execute("DELETE FROM landfall.promotions WHERE model = %s AND version = '3'", [written])
    assert current(conn, written) is None
    assert current(conn, "never heard of") is None
