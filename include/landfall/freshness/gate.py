"""The gate decides from one report alone whether a challenger may serve. It asks no server.

Without a champion the challenger only has to be sane. With one it must be better by the declared margin, and not much worse
in any slice. A check fails if the number that it needs is missing or is not finite.
"""

from collections.abc import Mapping

from landfall.freshness.verdict import Check, GateVerdict, number
from landfall.spec import Gate
from landfall.spec.retraining import BETTER_BY
from landfall.spec.training_reports import JudgedModel, JudgedReport


def judge(gate: Gate, report: JudgedReport) -> GateVerdict:
    """The verdict on what `judge_models` reported."""
    challenger, champion = report.challenger, report.champion
    rows = number(report.rows) or 0
    checks = [Check(name="rows", passed=rows > 0, text=f"judged on {rows:g} rows of {report.days or 'no days'}")]
    if challenger.error:
        why = f"the challenger cannot be judged: {challenger.error}"
        checks.append(Check(name="challenger", passed=False, text=why))
        return GateVerdict(checks=tuple(checks), report=report)
    checks += [*_sane(gate, challenger), _better(gate, challenger, champion)]
    if champion and not champion.error:
        checks += _slices(gate, challenger, champion)
    return GateVerdict(checks=tuple(checks), report=report)


def _sane(gate: Gate, challenger: JudgedModel) -> list[Check]:
    """Checks the range of predictions and the latency against what is declared. The ends of the range must always be finite."""
    lowest, highest = number(challenger.lowest), number(challenger.highest)
    floor = "any" if gate.lowest is None else f"{gate.lowest:g}"
    ceiling = "any" if gate.highest is None else f"{gate.highest:g}"
    inside = (
        lowest is not None
        and highest is not None
        and (gate.lowest is None or lowest >= gate.lowest)
        and (gate.highest is None or highest <= gate.highest)
    )
    text = f"predictions from {_written(lowest)} to {_written(highest)} (declared: {floor} to {ceiling})"
    checks = [Check(name="range", passed=inside, text=text)]
    if gate.milliseconds is not None:
        took = number(challenger.milliseconds)
        text = f"{_written(took)} ms to score 1,000 rows (declared: {gate.milliseconds:g})"
        checks.append(Check(name="latency", passed=took is not None and took <= gate.milliseconds, text=text))
    return checks


def _better(gate: Gate, challenger: JudgedModel, champion: JudgedModel | None) -> Check:
    """Checks that the challenger is strictly better than the champion's metric moved by the margin.

    With a margin of 0, a tie stays with the champion.
    """
    new = number(challenger.metrics.get(gate.metric))
    if champion is None:
        text = f"{gate.metric} {_written(new)}"
        return Check(name="better", passed=new is not None, text=text)
    if champion.error:
        return Check(name="better", passed=False, text=f"the champion cannot be judged: {champion.error}")
    old = number(champion.metrics.get(gate.metric))
    more = BETTER_BY[gate.metric] == "more"
    text = f"{gate.metric} {_written(new)}, the champion's {_written(old)}"
    if new is None or old is None:
        return Check(name="better", passed=False, text=text)
    bar = old + gate.margin * abs(old) if more else old - gate.margin * abs(old)
    wanted = f"{'more' if more else 'less'} than {bar:.4g}"
    text += f" (declared: {wanted}, a margin of {gate.margin:.3g})" if gate.margin else f" (declared: {wanted})"
    return Check(name="better", passed=new > bar if more else new < bar, text=text)


def _slices(gate: Gate, challenger: JudgedModel, champion: JudgedModel) -> list[Check]:
    """One check for each slice that has enough rows. If more is better in a metric, the error is 1 minus the metric."""
    checks = []
    for name, new in challenger.slices.items():
        rows, old = number(new.get("rows")) or 0, champion.slices.get(name)
        if old is None or rows < gate.slice_rows:
            continue
        error, serving = _error(gate, new), _error(gate, old)
        passed = error is not None and serving is not None and error <= gate.worst_slice * serving
        shown = gate.metric if BETTER_BY[gate.metric] == "less" else f"1 - {gate.metric}"
        text = (
            f"slice {name}, {rows:g} rows: {shown} {_written(error)}, the champion's {_written(serving)} "
            f"(declared: at most {gate.worst_slice:g} times)"
        )
        checks.append(Check(name=f"slice {name}", passed=passed, text=text))
    return checks


def _error(gate: Gate, values: Mapping[str, object]) -> float | None:
    value = number(values.get(gate.metric))
    return value if value is None or BETTER_BY[gate.metric] == "less" else 1 - value


def _written(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.4g}"
