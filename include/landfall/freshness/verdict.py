"""A verdict: what the gate asked and what it was answered, and the page on which a person who is asked too reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import isfinite

Side = Mapping[str, object]
"""What the judging job reports of one model: metrics, slices, lowest, highest, milliseconds, error."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question of the gate; `text` answers it with the figures."""

    name: str
    passed: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gate says: passed if every check is. `report` is what it was judged from."""

    checks: tuple[Check, ...]
    report: Mapping[str, object]

    @property
    def passed(self) -> bool:
        """True if every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def why(self) -> str:
        """The checks that failed, else how much better the challenger is, in one line."""
        failed = [check.text for check in self.checks if not check.passed]
        better = [check.text for check in self.checks if check.name == "better"]
        return "; ".join(failed or better)

    def markdown(self) -> str:
        """Both models side by side as a table, and under it the answers."""
        return markdown(self)


def side_of(report: Mapping[str, object], name: str) -> Side | None:
    """What the report says of `challenger` or `champion`; None if nothing."""
    side = report.get(name)
    return side if isinstance(side, Mapping) else None


def number(value: object) -> float | None:
    """A finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def metric_of(side: Side, name: str) -> float | None:
    """A metric of one model, None if it is missing or not finite."""
    metrics = side.get("metrics")
    return number(metrics.get(name)) if isinstance(metrics, Mapping) else None


def slices_of(side: Side) -> Mapping[str, Mapping[str, object]]:
    """The slices of one model: `column=value` -> rows and metrics."""
    slices = side.get("slices")
    return slices if isinstance(slices, Mapping) else {}


def markdown(verdict: Verdict) -> str:
    """See `Verdict.markdown`."""
    report = verdict.report
    challenger, champion = side_of(report, "challenger") or {}, side_of(report, "champion") or {}
    unseen = "neither has learnt from" if champion else "it has not learnt from; no version serves yet"
    lines = [
        f"Judged on {_cell(report.get('rows'))} rows of {_cell(report.get('days'))}, which {unseen}.",
        "",
        *(f"- {'passed' if each.passed else '**refused**'}: {_cell(each.text)}" for each in verdict.checks),
        "",
        "| | challenger | champion |",
        "|---|---:|---:|",
        *(f"| {_cell(name)} | {_cell(new)} | {_cell(old)} |" for name, new, old in _rows(challenger, champion)),
    ]
    return "\n".join(lines) + "\n"


def _rows(challenger: Side, champion: Side) -> list[tuple[str, object, object]]:
    rows = [
        (name, new, old) for name, new, old in _paired(_mapping(challenger, "metrics"), _mapping(champion, "metrics"))
    ]
    for title, name in (("lowest prediction", "lowest"), ("highest prediction", "highest")):
        rows.append((title, challenger.get(name), champion.get(name)))
    rows.append(("ms to score 1,000 rows", challenger.get("milliseconds"), champion.get("milliseconds")))
    theirs = slices_of(champion)
    for slice_name, values in slices_of(challenger).items():
        pairs = _paired(values, theirs.get(slice_name, {}))
        count = values.get("rows")
        rows += [(f"{slice_name}, {count} rows: {name}", new, old) for name, new, old in pairs if name != "rows"]
    if challenger.get("error") or champion.get("error"):
        rows.append(("error", challenger.get("error"), champion.get("error")))
    return rows


def _mapping(side: Side, name: str) -> Mapping[str, object]:
    value = side.get(name)
    return value if isinstance(value, Mapping) else {}


def _paired(new: Mapping[str, object], old: Mapping[str, object]) -> list[tuple[str, object, object]]:
    return [(name, new.get(name), old.get(name)) for name in sorted({*new, *old})]


def _cell(value: object) -> str:
    """A value that can end no cell, begin no markup and break no line: it may come from the data."""
    if value is None:
        return ""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    text = escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]|~#" else sign for sign in text)
