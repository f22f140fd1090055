"""Lines of a task's log for people: long text is cut, and the docstrings here say where it can be read in full."""

import reprlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

WORD = 120
"""The most characters of one word of a command line."""


class _Short(reprlib.Repr):
    def repr_float(self, value: float, level: int) -> str:
        return f"{value:.4g}"


_short = _Short()
_short.maxdict, _short.maxlist, _short.maxtuple, _short.maxlevel = 12, 3, 3, 3
_short.maxstring = _short.maxother = _short.maxlong = 100


def command_line(argv: Sequence[str]) -> str:
    """A job's command line as a shell would take it. A word that is too long, such as a contract, is cut.

    The task's rendered template `argv` has all of it.
    """
    return shlex.join(
        word if len(word) <= WORD else f"{word[: WORD // 2]}... ({len(word):,} characters)" for word in argv
    )


def outline(report: Mapping[str, Any]) -> str:
    """A report in under 2,000 characters: its lists, texts and inner dictionaries are cut. The task's XCom has all of it."""
    line = ", ".join(f"{name} {_short.repr(value)}" for name, value in report.items())
    return line if len(line) <= 1000 else f"{line[:1000]}..."


def count(number: int, thing: str) -> str:
    """A number with its noun: `1 row`, `1,024 rows`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
