"""The gate: whether a challenger may serve, judged from one report alone: no server is asked.

Without a champion the challenger has only to be sane. With one it must be better by the declared margin, and in no slice much
worse. A number that is missing, or is not finite, fails the check that asks for it.
"""

from collections.abc import Mapping

from landfall.freshness.verdict import Check, Verdict, number
from landfall.spec import Gate
from landfall.spec.retraining import BETTER_BY
from landfall.spec.training_reports import JudgedModel, JudgedReport


def judge(gate: Gate, report: JudgedReport) -> Verdict:
    """The verdict on what `judge_models` reported."""
    challenger, champion = report.challenger, report.champion
    rows = number(report.rows) or 0
    checks = [Check(name="rows", passed=rows > 0, text=f"judged on {rows:g} rows of {report.days or 'no days'}")]
    if challenger.error:
        why = f"the challenger cannot be judged: {challenger.error}"
        checks.append(Check(name="challenger", passed=False, text=why))
        return Verdict(checks=tuple(checks), report=report)
    checks += [*_sane(gate, challenger), _better(gate, challenger, champion)]
    if champion and not champion.error:
        checks += _slices(gate, challenger, champion)
    return Verdict(checks=tuple(checks), report=report)


def _sane(gate: Gate, challenger: JudgedModel) -> list[Check]:
    """The range of predictions always has finite ends; it and the latency are held against what is declared."""
    lowest, highest = number(challenger.lowest), number(challenger.highest)
    floor = "any" if gate.lowest is None else f"{gate.lowest:g}"
    ceiling = "any" if gate.highest is None else f"{gate.highest:g}"
    inside = (
        lowest is not None
        and highest is not None
        and (gate.lowest is None or lowest >= gate.lowest)
        and (gate.highest is None or highest <= gate.highest)
    )
    text = f"predictions from {_told(lowest)} to {_told(highest)} (declared: {floor} to {ceiling})"
    checks = [Check(name="range", passed=inside, text=text)]
    if gate.milliseconds is not None:
        took = number(challenger.milliseconds)
        text = f"{_told(took)} ms to score 1,000 rows (declared: {gate.milliseconds:g})"
        checks.append(Check(name="latency", passed=took is not None and took <= gate.milliseconds, text=text))
    return checks


def _better(gate: Gate, challenger: JudgedModel, champion: JudgedModel | None) -> Check:
    """Strictly better than the champion's metric moved by the margin: with a margin of 0, a tie stays with the champion."""
    new = number(challenger.metrics.get(gate.metric))
    if champion is None:
        text = f"{gate.metric} {_told(new)}"
        return Check(name="better", passed=new is not None, text=text)
    if champion.error:
        return Check(name="better", passed=False, text=f"the champion cannot be judged: {champion.error}")
    old = number(champion.metrics.get(gate.metric))
    more = BETTER_BY[gate.metric] == "more"
    text = f"{gate.metric} {_told(new)}, the champion's {_told(old)}"
    if new is None or old is None:
        return Check(name="better", passed=False, text=text)
    bar = old + gate.margin * abs(old) if more else old - gate.margin * abs(old)
    wanted = f"{'more' if more else 'less'} than {bar:.4g}"
    text += f" (declared: {wanted}, a margin of {gate.margin:.3g})" if gate.margin else f" (declared: {wanted})"
    return Check(name="better", passed=new > bar if more else new < bar, text=text)


def _slices(gate: Gate, challenger: JudgedModel, champion: JudgedModel) -> list[Check]:
    """One check a slice that has rows enough. For a metric of which more is better, the error is 1 minus it."""
    checks = []
    for name, new in challenger.slices.items():
        rows, old = number(new.get("rows")) or 0, champion.slices.get(name)
        if old is None or rows < gate.slice_rows:
            continue
        mine, its = _error(gate, new), _error(gate, old)
        passed = mine is not None and its is not None and mine <= gate.worst_slice * its
        shown = gate.metric if BETTER_BY[gate.metric] == "less" else f"1 - {gate.metric}"
        text = (
            f"slice {name}, {rows:g} rows: {shown} {_told(mine)}, the champion's {_told(its)} "
            f"(declared: at most {gate.worst_slice:g} times)"
        )
        checks.append(Check(name=f"slice {name}", passed=passed, text=text))
    return checks


def _error(gate: Gate, values: Mapping[str, object]) -> float | None:
    value = number(values.get(gate.metric))
    return value if value is None or BETTER_BY[gate.metric] == "less" else 1 - value


def _told(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.4g}"
