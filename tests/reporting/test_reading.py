"""Reading a report from a real database: what it holds, what it lacks, what makes no sense."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from landfall.errors import PublishingError
from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.reporting import as_json, read_report, summary
from landfall.reporting.page import page
from landfall.spec import Partition

DAY = date(2014, 4, 1)
MIDNIGHT = datetime(2014, 4, 1, tzinfo=UTC)
FORECAST, ACTUALS = BIKE_DEMAND.feed("forecast"), BIKE_DEMAND.feed("actuals")


def hours(number: float) -> datetime:
    """So many hours after the day's start."""
    return MIDNIGHT + timedelta(hours=number)


@pytest.fixture
def read(conn, make):
    """Reads the report of bike_demand."""
    return lambda **options: read_report(conn, BIKE_DEMAND, now=make.now, **options)


def feed_of(report, name):
    return next(facts for facts in report.feeds if facts.feed.name == name)


def test_a_database_in_which_nothing_has_happened_gives_an_empty_report(conn, make):
    assert read_report(conn, BIKE_DEMAND, now=make.now) == make.report()


def test_what_was_published_before_the_ledger_was_kept_has_its_publication_alone(seed, read, make):
    seed.published(FORECAST, DAY, hours(2), version="3")

    found = read()

    assert feed_of(found, "forecast").lives == (
        make.life(FORECAST, "2014-04-01", first_published_at=2, published_at=2, version="3", published_rows=24),
    )


def test_a_report_writes_nothing(conn, make):
    conn.execute("SET default_transaction_read_only = on")

    assert read_report(conn, BIKE_DEMAND, now=make.now).errors == ()


def test_delays_are_told_from_the_landing_to_the_first_publication(seed, read, make):
    key = seed.landed("actuals", DAY, hours(30))
    seed.published(ACTUALS, DAY, hours(30.1), objects={key: "e1"}, state="superseded", version="1")
    seed.published(ACTUALS, DAY, hours(90), objects={key: "e1"}, version="2")
    seed.read("actuals", DAY, rows=20, quarantined=1)
    seed.read("actuals", DAY, rows=23, quarantined=None)

    (found,) = feed_of(read(), "actuals").lives

    assert found == make.life(
        ACTUALS, "2014-04-01", landed_at=30, first_published_at=30.1, published_at=90, version="2",
        published_rows=24, rows=23, quarantined=0,
    )  # fmt: skip
    assert (found.landing_delay, found.publishing_delay) == (timedelta(hours=-6), timedelta(minutes=6))


def test_the_same_bytes_put_there_again_are_no_later_landing(seed, read):
    key = seed.landed("actuals", DAY, hours(30))
    seed.published(ACTUALS, DAY, hours(31), objects={key: "e1"})
    seed.landed("actuals", DAY, hours(50), key=key, etag="e1")

    assert feed_of(read(), "actuals").lives[0].landed_at == hours(30)


def test_of_several_objects_the_last_one_to_land_counts(seed, read):
    first, second = seed.landed("actuals", DAY, hours(26), key="a"), seed.landed("actuals", DAY, hours(29), key="b")
    seed.published(ACTUALS, DAY, hours(30), objects={first: "e1", second: "e1"})

    assert feed_of(read(), "actuals").lives[0].landed_at == hours(29)


def test_a_partition_that_landed_and_was_not_published_is_told(seed, read):
    seed.landed("actuals", DAY, hours(26))
    seed.landed("actuals", DAY + timedelta(days=1), hours(50), gone=True)

    facts = feed_of(read(), "actuals")

    assert [str(each.partition) for each in facts.unpublished] == ["2014-04-01"]
    assert facts.lives[0].landing_delay == timedelta(hours=-10)


def test_a_partition_that_was_skipped_on_purpose_is_not_waited_for(seed, read):
    key = seed.landed("actuals", DAY, hours(26))
    seed.read("actuals", DAY)
    seed.conn.execute("UPDATE landfall.readings SET objects = jsonb_build_object(%s::text, 'e1')", [key])
    assert [str(life.partition) for life in feed_of(read(), "actuals").unpublished] == ["2014-04-01"]
    seed.conn.execute("UPDATE landfall.readings SET said = 'nothing had been published for these hours'")

    facts = feed_of(read(), "actuals")

    assert facts.unpublished == ()
    assert facts.standings[Partition(DAY)].state == "skipped"


def test_an_overdue_partition_is_told_until_it_lands(seed, read):
    seed.late("actuals", DAY, hours(36), lacks="no object yet")
    seed.late("actuals", DAY - timedelta(days=1), hours(12))
    seed.landed("actuals", DAY - timedelta(days=1), hours(20))

    (only,) = feed_of(read(), "actuals").overdue

    assert (str(only.partition), only.due, only.lacks) == ("2014-04-01", hours(36), "no object yet")


def test_the_newest_partitions_of_each_kind_are_read(seed, read):
    seed.days(20)

    report = read(limit=5)

    assert [[len(facts.lives), str(facts.lives[-1].partition)] for facts in report.feeds] == [[5, "2014-04-03"]] * 2
    assert [str(each.partition) for each in report.errors][:1] == ["2014-03-30"]
    assert {str(each.last) for each in report.drift} == {"2014-03-21", "2014-03-28"}


def test_a_promotion_knows_the_first_partition_that_was_published_while_it_served(seed, read):
    for version, at, replaced, kind in (
        ("1", hours(0), None, "promoted"),
        ("2", hours(10), "1", "promoted"),
        ("1", hours(20), "2", "rolled back"),
        (None, hours(30), "1", "noticed"),
    ):
        seed.promoted(version, at, replaced=replaced, kind=kind, report={"challenger": {"metrics": {"rmse": 50.5}}})
    for number, version in enumerate(["1", "1", "2", "1"]):
        seed.published(FORECAST, DAY + timedelta(days=number), hours(1 + 7 * number), version=version)

    history = read().promotions

    assert [(each.version, each.kind, each.first and str(each.first)) for each in history] == [
        ("", "noticed", None),
        ("1", "rolled back", "2014-04-04"),
        ("2", "promoted", "2014-04-03"),
        ("1", "promoted", "2014-04-01"),
    ]
    assert history[0].figures == {"challenger rmse": 50.5}
    assert read().serving.number == history[1].number
    assert read().other_alias == ""


def test_a_champion_that_was_set_in_mlflow_itself_is_shown(seed, read):
    seed.promoted("1", hours(0))
    seed.conn.execute("INSERT INTO landfall.other_aliases VALUES ('bike_demand', '3', '1')")

    told = (
        "MLflow calls version 3 of `bike_demand` the champion, which Landfall did not promote: it is not used, version 1 serves"
        "    (to accept it: landfall promote bike_demand 3; to put the alias back: landfall promote bike_demand 1)"
    )
    assert read().other_alias == told
    assert as_json(read())["other_alias"] == told
    assert "MLflow calls version 3 of `bike_demand` the champion" in page(read())
    assert "\nalias       MLflow calls version 3 of `bike_demand` the champion" in summary(read())


def test_decisions_come_newest_first_with_their_reasons_and_figures(seed, read):
    seed.decided(hours(1), new_rows=7, published_error=None, scheduled=True, drift={"temp": {"psi": 0.5}})
    seed.decided(hours(2), "28 new partitions since snapshot 2014-03-01 (declared: 28)", champion=None)

    newest, older = read().decisions

    assert newest.fired == ("28 new partitions since snapshot 2014-03-01 (declared: 28)",)
    assert (newest.champion, older.champion, older.fired) == ("", "1", ())
    assert older.figures == {"new_rows": 7, "scheduled": True, "drift temp psi": 0.5}


def test_what_is_not_a_number_is_not_known(seed, read):
    seed.erred(DAY, float("nan"), mae=float("inf"))
    seed.drifted("temp", DAY, float("nan"), 0.25)

    report = read()

    assert (report.errors[0].rmse, report.errors[0].mae) == (None, None)
    assert (report.drift[0].value, report.drift[0].over) == (None, True)


def test_a_partition_that_is_none_is_left_out(seed, read, conn):
    for text in ("<b>", "2014-99-99", "0001-01-01", "9999-12-31", "2014-04-01"):
        conn.execute(
            "INSERT INTO landfall.readings (feed, partition, run_id, rows, quarantined)"
            " VALUES ('bike_demand/actuals', %s, 'r', 1, 0)",
            [text],
        )
    seed.erred(date(1, 1, 1), 3.0)

    report = read()

    assert [str(each.partition) for each in feed_of(report, "actuals").lives] == ["2014-04-01"]
    assert report.errors == ()


def test_a_fingerprint_without_a_list_of_objects_tells_no_landing(seed, read, conn):
    seed.landed("actuals", DAY, hours(30))
    seed.published(ACTUALS, DAY, hours(31))
    conn.execute("""UPDATE landfall.publications SET fingerprint = '{"objects": {"key": 1}}'""")

    assert feed_of(read(), "actuals").lives[0].landed_at is None


def test_the_delay_is_that_of_the_view_of_freshness(seed, read, conn):
    seed.days(3)

    told = {facts.feed.table.name: facts.published[-1].publishing_delay for facts in read().feeds}

    assert dict(conn.execute("SELECT table_name, landing_delay FROM landfall.freshness").fetchall()) == told


def test_a_database_that_refuses_is_an_error_that_says_where(conn, database_url, make):
    place = psycopg.conninfo.conninfo_to_dict(database_url)
    conn.execute("ALTER TABLE landfall.drift RENAME COLUMN value TO worth")
    try:
        with pytest.raises(PublishingError) as error:
            read_report(conn, BIKE_DEMAND, now=make.now)
    finally:
        conn.execute("ALTER TABLE landfall.drift RENAME COLUMN worth TO value")

    assert str(error.value) == (
        "The drift since `bike_demand` was trained could not be read.\n"
        f'  looked: {place["host"]}:{place["port"]}/{place["dbname"]}: column "value" does not exist\n'
        "  next: landfall logs postgres"
    )


def test_the_report_of_two_years_is_read_in_a_second(seed, read, make):
    seed.days(730)
    before = datetime.now(UTC)

    report = read(limit=730)

    assert len(report.errors) == 730
    assert datetime.now(UTC) - before < timedelta(seconds=5), "with room for a machine that does other things"
    assert as_json(report)["version"] == "14"
    assert feed_of(report, "actuals").lives[-1].partition == Partition(make.now.date() - timedelta(days=1))
