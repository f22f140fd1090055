"""Writes numbers and times for people."""

import unicodedata
from datetime import UTC, datetime, timedelta

UNITS = (("y", 365.25 * 86400), ("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))
"""The units of delays, the largest first: unit and seconds."""
LARGE = {"y": 2, "d": 2, "h": 2, "min": 2}
"""A duration is given in a unit only from this many of it on: 36 h, not 1.5 d."""


JOINERS = "\u200c\u200d"
"""Format characters that are part of words in some scripts, and do not turn the direction of writing."""


def clean(text: object, longest: int = 2000) -> str:
    """Text from outside on one line, without control characters and characters that turn the direction of writing.

    Longer text is cut and ends in an ellipsis.
    """
    kept = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in str(text)
        if unicodedata.category(letter) not in ("Cf", "Cs") or letter in JOINERS
    )
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def number(value: float | int | None) -> str:
    """A number to four digits; whole from a thousand on; with an exponent if it is huge or tiny; a dash for None."""
    if value is None:
        return "–"
    if abs(value) >= 1e12:
        return f"{float(value):.3g}"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def duration(delay: timedelta | None) -> str:
    """A length of time in its largest fitting unit: `3 min`, `36 h`, `14 y`; a dash for None. The sign is left out."""
    if delay is None:
        return "–"
    seconds = abs(delay.total_seconds())
    for unit, length in UNITS:
        if seconds >= length * LARGE.get(unit, 0):
            amount = seconds / length
            short = f"{amount:.1f}".removesuffix(".0") if unit in ("y", "s") and amount < 10 else f"{amount:,.0f}"
            return f"{short} {unit}"
    return "0 s"


def against_due(delay: timedelta | None) -> str:
    """A landing's delay against the time it was due: `3 h early`, `2 d late`; a dash for None."""
    if delay is None:
        return "–"
    return f"{duration(delay)} {'late' if delay > timedelta(0) else 'early'}"


def ago(at: datetime, now: datetime) -> str:
    """How long before `now`: `3 h ago`; `in 3 h` for a time in the future."""
    return f"in {duration(at - now)}" if at > now else f"{duration(now - at)} ago"


def clock(at: datetime | None) -> str:
    """A time to the minute, UTC: `2012-12-25 13:07`; a dash for None."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "–"


def share(part: int, whole: int) -> str:
    """A share in per cent: `0.2 %`; a dash if the whole is 0."""
    return f"{100 * part / whole:.2g} %" if whole else "–"


def count(amount: int, noun: str) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")
