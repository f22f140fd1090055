"""Names, literals, and where arithmetic would raise."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.errors import SpecError
from landfall.scoring.dialect import SQUARE_UNDERFLOW, PostgreSQL, SparkSQL, largest_finite, largest_vanishing


def test_names_and_texts_are_quoted_whatever_they_hold():
    assert PostgreSQL().identifier('"; DROP TABLE x') == '"""; DROP TABLE x"'
    assert PostgreSQL().text("it's a\\b") == "E'it''s a\\\\b'"
    assert SparkSQL().identifier("a`b") == "`a``b`"
    assert SparkSQL().text("it's a\\b") == "'it\\'s a\\\\b'"


def test_a_text_that_postgresql_cannot_hold_is_refused():
    with pytest.raises(SpecError) as caught:
        PostgreSQL().text("a\0b")
    assert str(caught.value) == "PostgreSQL has no text with a NUL: 'a\\x00b'."


@pytest.mark.parametrize(
    ("value", "postgresql", "spark"),
    [
        (0.1, "'0.1'::pg_catalog.float8", "0.1D"),
        (-0.0, "'-0.0'::pg_catalog.float8", "-0.0D"),
        (5e-324, "'5e-324'::pg_catalog.float8", "5e-324D"),
        (math.inf, "'Infinity'::pg_catalog.float8", "double('Infinity')"),
        (-math.inf, "'-Infinity'::pg_catalog.float8", "double('-Infinity')"),
        (math.nan, "'NaN'::pg_catalog.float8", "double('NaN')"),
    ],
)
def test_a_number_is_the_shortest_text_that_reads_back(value, postgresql, spark):
    assert (PostgreSQL().number(value), SparkSQL().number(value)) == (postgresql, spark)


@given(st.floats(min_value=1.0, exclude_min=True, allow_infinity=False))
def test_a_product_is_infinite_just_behind_the_edge(factor):
    edge = largest_finite(Fraction(factor))
    assert math.isfinite(edge * factor)
    assert math.isinf(math.nextafter(edge, math.inf) * factor)


@given(st.floats(min_value=5e-324, max_value=1.0, exclude_max=True))
def test_a_product_is_not_0_just_behind_the_edge(factor):
    edge = largest_vanishing(Fraction(factor))
    assert edge * factor == 0
    assert math.nextafter(edge, math.inf) * factor > 0


@given(st.floats(min_value=1.0, exclude_min=True, allow_infinity=False))
def test_a_quotient_is_not_0_just_behind_the_edge(divisor):
    edge = largest_vanishing(1 / Fraction(divisor))
    assert edge / divisor == 0
    assert math.nextafter(edge, math.inf) / divisor > 0


def test_a_square_is_not_0_just_behind_the_edge():
    assert SQUARE_UNDERFLOW * SQUARE_UNDERFLOW == 0
    assert math.nextafter(SQUARE_UNDERFLOW, 1) ** 2 > 0
