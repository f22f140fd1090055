"""Names of columns: whatever a file calls them, they become plain names that no two columns share."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.errors import SpecError
from landfall.starting.names import LONGEST, TAKEN, plain_names, shown


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("temp", "temp"),
        ("Temp", "temp"),
        ("od280/od315", "od280_od315"),
        ("Größe in m²", "grosse_in_m2"),
        ("température", "temperature"),
        ('"; DROP TABLE', "drop_table"),
        ("2 beds", "column_2_beds"),
        ("体重", "column_1"),
        ("", "column_1"),
        ("source", "source_value"),
        ("Published At", "published_at_value"),
        ("a" * 60, "a" * LONGEST),
    ],
)
def test_a_name_becomes_plain(written: str, plain: str) -> None:
    assert plain_names([written]) == {written: plain}


def test_a_plain_name_keeps_its_name_and_another_that_would_get_it_is_counted() -> None:
    assert plain_names(["a b", "a_b", "a-b"]) == {"a b": "a_b_2", "a_b": "a_b", "a-b": "a_b_3"}


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("a", "a"), ("straße", "STRASSE")])
def test_names_that_spark_takes_for_one_are_refused(one: str, other: str) -> None:
    with pytest.raises(SpecError) as refused:
        plain_names(["x", one, other])
    assert str(refused.value) == (
        f"The sample has the columns `{shown(one)}` and `{shown(other)}`.\n"
        "  looked: Spark does not tell upper-case from lower-case names\n"
        "  left: nothing was written\n"
        "  next: rename one of them in the file"
    )


@given(st.lists(st.text(), unique_by=lambda name: name.casefold(), max_size=30))
def test_every_name_is_plain_new_and_in_order(names: list[str]) -> None:
    renamed = plain_names(names)

    assert list(renamed) == names
    assert len(set(renamed.values())) == len(names)
    for plain in renamed.values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", plain)
        assert plain not in TAKEN
        assert len(plain.encode()) <= 63
