"""Regular expressions that Spark (Java) and Python read alike, and that no text can keep busy for long."""

import re
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from landfall.errors import SpecError

LONGEST = 200
"""The length in characters of the longest text that is matched."""
MOST_WAYS = (LONGEST + 1) ** 3
"""The largest number of ways to share a text out among the repetitions of a pattern: three that have no limit."""
_PLAIN = {codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN}
_REPEATED = {codes.MAX_REPEAT, codes.MIN_REPEAT}
_UNLIKE = re.compile(r"\(\?(?!:)|\{,|&&|\\[AZzbBGQEpPuUNxc0-9]|\[[^\]]*\[")
"""What one of the two does not know or reads in another way: flags, named groups, `{,3}`, `[a&&b]`, `[[a]]`, anchors, codes."""


def check_pattern(pattern: str, where: str) -> None:
    """Checks a regular expression for the whole of a text.

    Args:
        pattern: The expression, without anchors: it must match the whole text.
        where: What declares it, for the message.

    Raises:
        SpecError: it is no regular expression, Spark and Python do not read it alike, or some text would keep it busy for long.
    """
    try:
        parsed = parser.parse(pattern, re.ASCII)
    except (re.error, OverflowError) as error:
        raise _refused(pattern, where, f"is no regular expression: {error}") from None
    if unlike := _UNLIKE.search(pattern):
        raise _refused(pattern, where, f"has `{unlike[0]}`, which Spark and Python do not read alike")
    if _repeats_a_choice(pattern):
        raise _refused(pattern, where, "repeats a choice: some texts would take forever")
    if _ways(parsed, pattern, where) > MOST_WAYS:
        raise _refused(pattern, where, "has too many repetitions: some texts would take long")


def _ways(parsed: Any, pattern: str, where: str, *, repeated: bool = False) -> int:
    """In how many ways a text can be shared out among the repetitions, at most."""
    ways = 1
    for code, value in parsed:
        if code in _REPEATED:
            least, most = value[0], min(int(value[1]), LONGEST)
            if repeated and least != most:
                raise _refused(pattern, where, "repeats a repetition: some texts would take forever")
            ways *= max(1, most - least + 1) * _ways(value[2], pattern, where, repeated=repeated or most > 1)
        elif code is codes.SUBPATTERN:
            ways *= _ways(value[-1], pattern, where, repeated=repeated)
        elif code is codes.BRANCH:
            ways *= sum(_ways(branch, pattern, where) for branch in value[1])
        elif code not in _PLAIN:
            raise _refused(pattern, where, f"has {str(code).lower()}, which a pattern for the whole text does not need")
    return ways


def _repeats_a_choice(pattern: str) -> bool:
    """True if a group with a choice is repeated. Python's parser makes a class of `(a|b)`, so this is found in the text."""
    signs = re.sub(r"\[\^?\]?[^\]]*\]", lambda found: "x" * len(found[0]), re.sub(r"\\.", "xx", pattern))
    begun: list[int] = []
    for place, sign in enumerate(signs):
        if sign == "(":
            begun.append(place)
        elif sign == ")" and "|" in signs[begun.pop() : place] and signs[place + 1 : place + 2] in ("*", "+", "{"):
            return True
    return False


def _refused(pattern: str, where: str, problem: str) -> SpecError:
    return SpecError(
        f"The pattern `{pattern}` of {where} {problem}.",
        looked="expected characters, [classes], \\d \\w \\s, groups, choices, and repetitions that do not contain others",
    )
