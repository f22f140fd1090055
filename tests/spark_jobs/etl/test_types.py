"""Columns of every type on real rows: which texts are good, and the reason of each that is not."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from landfall.spec import Column, Contract, Csv

DAY = "2012-06-01"
COLUMNS = {
    "big": Column(name="big", type="bigint"),
    "price": Column(name="price", type="decimal", precision=5, scale=2, minimum=0, maximum=500),
    "open": Column(name="open", type="boolean"),
    "at": Column(name="at", type="timestamp"),
    "local": Column(name="local", type="timestamp", zone="Europe/Berlin"),
    "plate": Column(name="plate", type="string", pattern=r"[A-Z]{1,3}-\d+"),
    "country": Column(name="country", type="string", allowed=("DE", "FR", "IT")),
    "maybe": Column(name="maybe", type="double", minimum=0, nullable=True),
    "note": Column(name="note", type="string", nullable=True),
}
EVERY = Contract(
    columns=(Column(name="n", type="int"), *COLUMNS.values()), key=("n",), partition_by="", max_bad_share=1.0
)
USUAL = {"big": "1", "price": "1", "open": "true", "at": "2012-06-01T00:00Z", "local": "2012-06-01T00:00Z"}
USUAL |= {"plate": "A-1", "country": "DE", "maybe": "", "note": ""}
CENTS = "price is not a decimal number of at most 3 digits before and 2 after the point"
OFFSET = "at is not a timestamp with an offset"
NOON = datetime(2012, 6, 1, 12, tzinfo=UTC)
CASES: list[tuple[str, str, Any]] = [
    ("big", "123456789012345678", 123456789012345678),
    ("big", "-7", -7),
    ("big", "1234567890123456789", "big is not a whole number (1234567890123456789)"),
    ("price", "123.45", Decimal("123.45")),
    ("price", "+007.10000", Decimal("7.10")),
    ("price", ".5", Decimal("0.50")),
    ("price", "500.00", Decimal("500.00")),
    ("price", "1.005", f"{CENTS} (1.005)"),
    ("price", "1234", f"{CENTS} (1234)"),
    ("price", ".", f"{CENTS} (.)"),
    ("price", "1e2", f"{CENTS} (1e2)"),
    ("price", "500.01", "price is outside 0..500 (500.01)"),
    ("open", "TRUE", True),
    ("open", "false", False),
    ("open", "1", "open is not true or false (1)"),
    ("open", "", "open is not true or false (empty)"),
    ("at", "2012-06-01T14:00:00+02:00", NOON),
    ("at", "2012-06-01 12:00Z", NOON),
    ("at", "2012-06-01T14:00:00+0200", NOON),
    ("at", "2012-06-01T14:00:00.000+02", NOON),
    ("at", "1338552000000", NOON),
    ("at", "1338552000", f"{OFFSET} (1338552000)"),
    ("at", "2012-06-01T12:00:00", f"{OFFSET} (2012-06-01T12:00:00)"),
    ("at", "2012-06-31T12:00:00Z", f"{OFFSET} (2012-06-31T12:00:00Z)"),
    ("at", "2012-06-01", f"{OFFSET} (2012-06-01)"),
    ("local", "2012-06-01T14:00:00", NOON),
    ("local", "2012-06-01T12:00:00Z", NOON),
    ("local", "2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ("local", "2026-10-25T02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ("local", "noon", "local is not a timestamp (noon)"),
    ("plate", "ABC-123", "ABC-123"),
    ("plate", "abc-1", "plate does not match its pattern (abc-1)"),
    ("plate", "A-1 B", "plate does not match its pattern (A-1 B)"),
    ("plate", "A-" + "1" * 199, f"plate does not match its pattern (A-{'1' * 38})"),
    ("country", "FR", "FR"),
    ("country", "UK", "country is not one of DE, FR, IT (UK)"),
    ("country", "", "country is not text (empty)"),
    ("maybe", "0.5", 0.5),
    ("maybe", "", None),
    ("maybe", "x", "maybe is not a number (x)"),
    ("maybe", "-1", "maybe is outside 0.. (-1)"),
    ("note", "", None),
    ("note", " x ", "x"),
]


@pytest.fixture(scope="module")
def corner(corner_of: Any) -> Any:
    """One file with a row for each case."""
    corner = corner_of(EVERY, Csv())
    rows = [[str(n), *{**USUAL, name: text}.values()] for n, (name, text, _) in enumerate(CASES)]
    corner.land(DAY, corner.csv(rows))
    corner.run(DAY)
    return corner


def test_a_good_text_becomes_its_value(corner: Any) -> None:
    good = {n: (name, value) for n, (name, _, value) in enumerate(CASES) if not is_reason(name, value)}
    rows = {row.n: row for row in corner.table("features").collect()}
    values = {n: rows[n][name] if n in rows else "quarantined" for n, (name, _) in good.items()}
    aware = {n: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for n, value in values.items()}
    assert aware == {n: value for n, (_, value) in good.items()}
    assert {row.dt for row in rows.values()} == {date(2012, 6, 1)}


def test_a_bad_text_has_its_reason(corner: Any) -> None:
    assert corner.reasons()[DAY] == sorted(value for name, _, value in CASES if is_reason(name, value))


def is_reason(name: str, value: Any) -> bool:
    return (isinstance(value, str) and value.startswith(f"{name} is")) or "does not match" in str(value)
