"""Databases that earlier versions made are upgraded with nothing lost, and end with the schema of a new one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from landfall.cli.app import build
from landfall.database import applied, connect, migrate
from landfall.database.migrations import known
from landfall.deployments import deployments
from landfall.errors import PublishingError
from landfall.freshness import current, history
from landfall.freshness.measured import decisions, drift, errors
from landfall.ledger import gather
from landfall.ledger.landed import Landed
from landfall.ledger.lives import overdue, rows_read
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST, PREDICTIONS
from landfall.publishing import Fingerprint, lookup, open_publication, publications, publish, rollback
from landfall.spec import Partition

pytestmark = pytest.mark.stack
FOLDER = Path(__file__).parent
OLD = sorted(FOLDER.glob("made_by_*.sql"))
SCHEMA = """
SELECT c.oid::regclass::text AS relation, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'landfall'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY c.oid::regclass::text, a.attnum"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'landfall'::regnamespace ORDER BY 1, 2"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'landfall' ORDER BY 1"
VIEWS = "SELECT viewname, definition FROM pg_views WHERE schemaname = 'landfall' ORDER BY 1"
COLUMNS = """
SELECT c.oid::regclass::text, array_agg(a.attname ORDER BY a.attnum) FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text IN ('landfall', 'publications_data', 'predictions', 'public')
GROUP BY c.oid"""


def rows_of(conn, columns):
    """Every row of every table, by these columns, each value as text: what was a date may be text by now."""
    return {
        table: sorted(map(str, conn.execute(f"SELECT {', '.join(f'{name}::text' for name in names)} FROM {table}")))
        for table, names in columns.items()
    }


@pytest.fixture(params=OLD, ids=lambda path: path.stem)
def old(request, new_database, open_database):
    """A connection to a database that an earlier version has made."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as conn:  # the script leaves settings of its own behind
        conn.execute(request.param.read_text(encoding="utf-8"))
    return open_database(url)


@pytest.fixture
def url(old):
    return psycopg.conninfo.make_conninfo(old.info.dsn, password=old.info.password)


def test_there_is_a_database_of_the_version_before_migrations_and_of_one_long_before():
    assert len(OLD) == 2


def test_nothing_is_lost(old):
    columns = dict(old.execute(COLUMNS).fetchall())
    assert {
        "landfall.publications",
        "landfall.readings",
        "landfall.promotions",
        "landfall.deployments",
    } <= columns.keys()
    before = rows_of(old, columns)
    assert all(before[table] for table in columns if table not in ("landfall.own_versions", "landfall.other_aliases"))

    assert migrate(old) == list(known())

    assert rows_of(old, columns) == before
    assert migrate(old) == []


def test_it_ends_with_the_schema_of_a_new_database(old, conn):
    migrate(old)
    for query in (SCHEMA, CONSTRAINTS, INDEXES, VIEWS):
        assert old.execute(query).fetchall() == conn.execute(query).fetchall()


def test_it_is_refused_until_it_is_migrated(url, place):
    with pytest.raises(PublishingError, match="landfall migrate"), connect(place(url)):
        pass


def test_what_was_published_is_there_and_more_can_be(old, url, place):
    migrate(old)
    day = Partition.parse("2012-12-25")
    key = {"city": "Washington", "state": "D.C.", "time": "2012-12-25T01:00Z"}
    with connect(place(url)) as conn:
        assert [(record.state, record.model_version) for record in publications(conn, PREDICTIONS)] == [
            ("rolled_back", "2"),
            ("published", "1"),
            ("published", "1"),
        ]
        assert (lookup(conn, PREDICTIONS, key)["predicted"], lookup(conn, PREDICTIONS, key)["model_version"]) == (
            41.5,
            "1",
        )
        rollback(conn, PREDICTIONS, day, to=publications(conn, PREDICTIONS)[0].id)
        assert lookup(conn, PREDICTIONS, key)["predicted"] == 42.5
        made = Fingerprint(objects={"k": "e"}, code_version="c", model_version="3", contract="k1")
        opened = open_publication(conn, PREDICTIONS, day, run_id="r", model_version="3", fingerprint=made)
        conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [opened.id])
        conn.execute(f"INSERT INTO {opened.staging} VALUES ('Washington', 'D.C.', '2012-12-25T01:00Z', 7)")
        publish(conn, opened, expected_rows=1)
        assert lookup(conn, PREDICTIONS, key)["predicted"] == 7


def test_what_landed_was_read_and_was_decided_is_there(old):
    migrate(old)
    facts = {str(each.partition): each for each in gather(old, FORECAST, Landed({}), None)}
    assert {day: (each.read.rows, each.made and each.made.model) for day, each in facts.items()} == {
        "2012-12-24": (2, "1"),
        "2012-12-25": (2, "1"),
        "2012-12-26": (None, None),
    }
    assert facts["2012-12-26"].read.said == "nothing had been published for it"
    assert rows_read(old, "bike_demand/forecast") == {Partition.parse(f"2012-12-{day}"): 2 for day in (24, 25)}
    assert [str(partition) for partition in overdue(old, "bike_demand/forecast")] == ["2012-12-27"]
    assert [(each.kind, each.version) for each in history(old, "bike_demand")] == [
        ("rolled back", "1"),
        ("promoted", "2"),
        ("promoted", "1"),
    ]
    assert current(old, "bike_demand").version == "1"
    assert [each.run_id for each in decisions(old, "bike_demand", 9)] == ["manual__1"]
    assert [each.value for each in drift(old, "bike_demand", 9)] == [0.4]
    assert [(str(each.partition), each.rmse) for each in errors(old, "bike_demand", 9)] == [("2012-12-24", 50.0)]


def test_a_deployed_model_goes_on_scoring(old):
    migrate(old)
    (deployed,) = deployments(old)
    assert (deployed.model, deployed.version) == ("price", "2")
    scored = old.execute(
        "INSERT INTO public.houses (id, x) VALUES (2, 3) RETURNING prediction, model_version"
    ).fetchone()
    assert scored == (3.5, "2")


def test_the_command_migrates_and_the_others_work_after_it(old, url, monkeypatch, tmp_path):
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    monkeypatch.setenv("LANDFALL_DATABASE_URL", url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "unused")

    def landfall(*words):
        done = CliRunner().invoke(build(), [*words, "--json"])
        return done.exit_code, json.loads(done.stdout)

    names = [migration.name for migration in known()]
    where = f"{old.info.host}:{old.info.port}/{old.info.dbname}"
    code, told = landfall("publications", "bike_demand")
    assert (code, told["next"]) == (1, "landfall migrate")
    assert landfall("migrate", "--dry-run") == (0, {"database": where, "applied": [], "pending": names})
    assert applied(old) == []
    assert landfall("migrate") == (0, {"database": where, "applied": [], "migrated": names})
    assert landfall("migrate") == (0, {"database": where, "applied": names, "migrated": []})
    code, told = landfall("publications", "bike_demand")
    assert (code, len(told)) == (0, 3)
    key = ("city=Washington", "state=D.C.", "time=2012-12-25T01:00Z")
    assert landfall("lookup", "bike_demand", *key)[1]["predicted"] == 41.5
    code, told = landfall("deployments")
    assert (code, told[0]["table"]) == (0, "public.houses")


def test_a_report_of_it_can_be_read(old):
    from landfall.reporting import read_report

    migrate(old)
    report = read_report(old, BIKE_DEMAND, now=datetime(2012, 12, 27, tzinfo=UTC))
    assert [(promoted.version, str(promoted.first)) for promoted in report.promotions][-1][0] == "1"
    assert [[str(life.partition) for life in feed.lives] for feed in report.feeds] == [
        ["2012-12-24", "2012-12-25", "2012-12-26"]
    ] * 2
    assert all(life.landed_at for feed in report.feeds for life in feed.lives)
