"""A verdict: the gate's checks with their results, and the page that shows them to a person who is asked to approve."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import isfinite

from landfall.spec.training_reports import JudgedModel, JudgedReport


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the gate; `text` gives its result with the figures."""

    name: str
    passed: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class GateVerdict:
    """What the gate says: it is passed if every check passed. `report` is what the gate judged."""

    checks: tuple[Check, ...]
    report: JudgedReport

    @property
    def passed(self) -> bool:
        """True if every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def why(self) -> str:
        """The checks that failed, in one line; if none did, how much better the challenger is."""
        failed = [check.text for check in self.checks if not check.passed]
        better = [check.text for check in self.checks if check.name == "better"]
        return "; ".join(failed or better)

    def markdown(self) -> str:
        """The results of the checks as a list, and under it a table with both models side by side."""
        return markdown(self)


def number(value: object) -> float | None:
    """The value as a float if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def markdown(verdict: GateVerdict) -> str:
    """See `GateVerdict.markdown`."""
    report = verdict.report
    challenger, champion = report.challenger, report.champion or JudgedModel()
    unseen = "neither has learnt from" if report.champion else "it has not learnt from; no version serves yet"
    lines = [
        f"Judged on {_cell(report.rows)} rows of {_cell(report.days)}, which {unseen}.",
        "",
        *(f"- {'passed' if check.passed else '**refused**'}: {_cell(check.text)}" for check in verdict.checks),
        "",
        "| | challenger | champion |",
        "|---|---:|---:|",
        *(f"| {_cell(name)} | {_cell(new)} | {_cell(old)} |" for name, new, old in _rows(challenger, champion)),
    ]
    return "\n".join(lines) + "\n"


def _rows(challenger: JudgedModel, champion: JudgedModel) -> list[tuple[str, object, object]]:
    rows = _paired(challenger.metrics, champion.metrics)
    rows += [
        ("lowest prediction", challenger.lowest, champion.lowest),
        ("highest prediction", challenger.highest, champion.highest),
        ("ms to score 1,000 rows", challenger.milliseconds, champion.milliseconds),
    ]
    for slice_name, values in challenger.slices.items():
        pairs = _paired(values, champion.slices.get(slice_name, {}))
        count = values.get("rows")
        rows += [(f"{slice_name}, {count} rows: {name}", new, old) for name, new, old in pairs if name != "rows"]
    if challenger.error or champion.error:
        rows.append(("error", challenger.error or None, champion.error or None))
    return rows


def _paired(new: Mapping[str, object], old: Mapping[str, object]) -> list[tuple[str, object, object]]:
    return [(name, new.get(name), old.get(name)) for name in sorted({*new, *old})]


def _cell(value: object) -> str:
    """The text of a value for a table. It can end no cell, begin no markup and break no line: it may come from the data."""
    if value is None:
        return ""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    text = escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]|~#" else sign for sign in text)
