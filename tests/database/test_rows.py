"""Rows by name: a record does not depend on the order of columns."""

from dataclasses import dataclass

import pytest
from psycopg import sql
from psycopg.rows import dict_row

from landfall.database import fetch_as


@dataclass(frozen=True)
class City:
    name: str
    people: int


@pytest.mark.parametrize("columns", ["'Rome' AS name, 3 AS people", "3 AS people, 'Rome' AS name"])
def test_a_row_becomes_a_record_whatever_the_order_of_its_columns(conn, columns):
    conn.row_factory = dict_row
    query = sql.SQL("SELECT {} WHERE %s").format(sql.SQL(columns))
    assert fetch_as(conn, City, query, [True]) == [City("Rome", 3)]
    assert fetch_as(conn, City, query, [False]) == []


@pytest.mark.parametrize("columns", ["'Rome' AS name", "'Rome' AS name, 3 AS people, 4 AS more"])
def test_a_column_that_is_missing_or_unknown_is_an_error(conn, columns):
    with pytest.raises(TypeError, match=r"people|more"):
        fetch_as(conn, City, sql.SQL("SELECT {}").format(sql.SQL(columns)))


def test_a_function_makes_what_a_column_is_not(conn):
    assert fetch_as(conn, lambda *, text: text.upper(), sql.SQL("SELECT 'rome' AS text")) == ["ROME"]
