"""Patterns of text: which are allowed, and what is said of the others."""

import re

import pytest

from landfall.errors import SpecError
from landfall.spec.patterns import LONGEST, check_pattern

EXPECTED = "expected characters, [classes], \\d \\w \\s, groups, choices, and repetitions that do not contain others"


@pytest.mark.parametrize(
    "pattern",
    [
        r"[A-Z]{2}\d+",
        r"\w+@\w+\.\w+",
        r"(GB|FR)-\d{3}",
        r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}",
        r"(\d{3}-)*x",
        r"(a|b)?",
        r"[^|]*",
    ],
)
def test_a_pattern_of_the_whole_text_is_allowed(pattern: str) -> None:
    check_pattern(pattern, "column `x`")
    assert not re.fullmatch(pattern, "1" * LONGEST + "|")  # with a pattern that is to be refused, this would not end


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(a+)+", "repeats a repetition: some texts would take forever"),
        ("(a*){9}", "repeats a repetition: some texts would take forever"),
        ("(a|a)*", "repeats a choice: some texts would take forever"),
        ("(ab|a){2,}", "repeats a choice: some texts would take forever"),
        ("a*a*a*a*", "has too many repetitions: some texts would take long"),
        ("^a", "has at, which a pattern for the whole text does not need"),
        ("(?=a)a", "has `(?`, which Spark and Python do not read alike"),
        ("(?i)a", "has `(?`, which Spark and Python do not read alike"),
        (r"(a)\1", "has `\\1`, which Spark and Python do not read alike"),
        ("a{,3}", "has `{,`, which Spark and Python do not read alike"),
        ("[a-z&&[b]]", "has `[a-z&&[`, which Spark and Python do not read alike"),
        (r"a\Z", "has `\\Z`, which Spark and Python do not read alike"),
        ("(a", "is no regular expression: missing ), unterminated subpattern at position 0"),
    ],
)
def test_a_pattern_that_could_mean_two_things_or_never_end_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(SpecError) as refused:
        check_pattern(pattern, "column `x`")
    assert str(refused.value) == f"The pattern `{pattern}` of column `x` {problem}.\n  looked: {EXPECTED}"
