"""Names and declarations: what becomes of odd ones, on paper and on a real PostgreSQL."""

import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from psycopg import sql

from landfall.errors import PublishingError, SpecError
from landfall.publishing import ensure_table, find_publication, lookup, open_publication, publish
from landfall.publishing.schema import column_definitions, key_definition
from landfall.publishing.staging import staging_name
from landfall.spec import Partition, PredictionTable
from landfall.spec.tables import ADDED, SqlType

ODD = 'we"ird %s; DROP TABLE x --'


@settings(deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1))
def test_any_column_name_is_quoted(name):
    assume(len(name.encode()) <= 63 and name not in ADDED)
    columns: dict[str, SqlType] = {name: "text", "time": "timestamptz"}
    table = PredictionTable(name="a.b", columns=columns, key=tuple(columns))
    quoted = ", ".join('"' + one.replace('"', '""') + '"' for one in columns)
    assert key_definition(table).as_string() == f"PRIMARY KEY ({quoted})"


@pytest.mark.parametrize("name", ['a."b"', "a.b; DROP TABLE c", "A.b", "b", "a.b.c", "a.b%s"])
def test_a_table_name_with_anything_odd_is_refused_by_the_declaration(name):
    with pytest.raises(SpecError):
        PredictionTable(name=name, columns={"time": "timestamptz"}, key=("time",))


def test_a_type_is_one_of_four():
    columns = {"time": "timestamptz", "x": "text); DROP TABLE y --"}
    with pytest.raises((PublishingError, SpecError)):
        column_definitions(PredictionTable(name="a.b", columns=columns, key=("time",)))  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.from_regex(r"[a-z_][a-z0-9_]{0,200}", fullmatch=True), st.integers(1, 2**63 - 1))
def test_a_staging_name_fits_and_differs_by_publication(name, number):
    table = PredictionTable(name=f"p.{name}", columns={"time": "timestamptz"}, key=("time",))
    made = staging_name(table, Partition.parse("2012-12-25"), number)
    assert len(made) <= 63
    assert made.endswith(f"_20121225_{number}")


@pytest.mark.stack
def test_many_callers_make_one_table(connection, table):
    failures = []
    barrier = threading.Barrier(8)

    def make(conn):
        try:
            barrier.wait()
            for number in range(5):
                ensure_table(conn, replace(table, name=f"raced.{table.name.split('.')[1]}_{number}"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=make, args=(connection(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.stack
def test_the_table_has_its_key_and_no_default_partition(conn, table):
    ensure_table(conn, table)
    ensure_table(conn, table)
    found = conn.execute(
        "SELECT pg_get_partkeydef(%s::regclass), pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype = 'p'",
        [table.name, table.name],
    ).fetchall()
    assert found == [('RANGE ("time")', 'PRIMARY KEY (city, "time")')]
    assert conn.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [table.name]).fetchone() == (
        0,
    )


@pytest.mark.stack
def test_a_changed_declaration_is_named_and_the_table_left_alone(conn, table):
    ensure_table(conn, table)
    changed = replace(table, columns={**table.columns, "riders": "bigint"})
    with pytest.raises(PublishingError) as caught:
        ensure_table(conn, changed)
    mine = "city text, time timestamptz, predicted double precision"
    added = "model_version text, partition date, published_at timestamptz, key (city, time)"
    assert str(caught.value) == (
        f"The prediction table `{table.name}` is not what is declared.\n"
        f"  looked: there: {mine}, {added}; declared: {mine}, riders bigint, {added}\n"
        "  left: the table is as it was\n"
        f"  next: rename or drop `{table.name}` with `landfall sql`, or declare it as it is"
    )


@pytest.mark.stack
def test_odd_column_names_live_through_a_whole_publication(conn, steps):
    table = PredictionTable(
        name="predictions.odd", columns={ODD: "text", "Time": "timestamptz"}, key=(ODD, "Time"), time="Time"
    )
    from landfall.publishing import Fingerprint

    odd = Fingerprint(objects={ODD: ODD}, code_version=ODD, model_version=ODD, contract=ODD)
    opened = open_publication(conn, table, steps.christmas, run_id=ODD, model_version=ODD, fingerprint=odd)
    insert = sql.SQL("INSERT INTO {} VALUES ({}, '2012-12-25')").format(
        sql.Identifier(*opened.staging.split(".")), sql.Literal(ODD)
    )
    conn.execute(insert)
    conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [opened.id])
    publish(conn, opened, expected_rows=1)
    row = lookup(conn, table, {ODD: ODD, "Time": "2012-12-25"})
    assert (row[ODD], row["model_version"]) == (ODD, ODD)


@pytest.mark.stack
def test_a_later_task_finds_the_publication_again(conn, table, steps):
    opened = steps.begin(conn, table)
    assert find_publication(conn, table, opened.id) == opened
    with pytest.raises(PublishingError) as caught:
        find_publication(conn, table, 10**9)
    assert str(caught.value) == (
        f"There is no publication `1000000000` of `{table.name}`.\n"
        "  looked: landfall.publications\n"
        "  next: run the pipeline again: a new publication is opened"
    )


def test_the_room_loads_nothing_heavy():
    heavy = "pandas", "pyarrow", "airflow", "pyspark", "mlflow", "adbc_driver_postgresql"
    code = f"import sys, landfall.publishing; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
