"""Lines of a task's log that a person reads: what is long is cut, and said where it is whole."""

import reprlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

WORD = 120
"""Characters of one word of a command line."""


class _Short(reprlib.Repr):
    def repr_float(self, value: float, level: int) -> str:
        return f"{value:.4g}"


_short = _Short()
_short.maxdict, _short.maxlist, _short.maxtuple, _short.maxlevel = 12, 3, 3, 3
_short.maxstring = _short.maxother = _short.maxlong = 100


def command_line(argv: Sequence[str]) -> str:
    """A job's command line as a shell would take it; a word that is too long, such as a contract, is cut.

    It is whole in the task's rendered template `argv`.
    """
    return shlex.join(
        each if len(each) <= WORD else f"{each[: WORD // 2]}... ({len(each):,} characters)" for each in argv
    )


def outline(report: Mapping[str, Any]) -> str:
    """A report, its lists, texts and inner dictionaries cut: under 2,000 characters. It is whole in the task's XCom."""
    line = ", ".join(f"{name} {_short.repr(value)}" for name, value in report.items())
    return line if len(line) <= 1000 else f"{line[:1000]}..."


def count(number: int, thing: str) -> str:
    """A number with its noun: `1 row`, `1,024 rows`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
