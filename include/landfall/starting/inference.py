"""What a sample says of a feed: its columns, its key, its partitions, and how its label is learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from landfall.errors import SpecError
from landfall.spec import Column, FileFormat, JsonLines
from landfall.spec.calendar import Grain
from landfall.starting.columns import InferredColumn, infer_column
from landfall.starting.keys import Key, infer_key
from landfall.starting.labels import Label, infer_label
from landfall.starting.names import plain_names, shown
from landfall.starting.sample import Sample, read_sample
from landfall.starting.times import When, infer_when

TIME = "time"
"""The column of every feature table and published table that says when. A file may only use the name for the same."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a person has decided; what is empty is inferred. Columns have their names in the file, or those that they get."""

    grain: Grain | None = None
    zone: str = "UTC"
    time: str = ""
    key: tuple[str, ...] = ()
    label: str = ""


class Decision(NamedTuple):
    """One thing that was inferred, what it is, and why."""

    what: str
    value: str
    why: str


@dataclass(frozen=True)
class Inference:
    """What a sample says.

    Args:
        sample: What was looked at.
        format: How objects of the feed are written; for JSON lines with the paths of the columns.
        columns: The columns, in the file's order.
        when: What says the partition of a row.
        key: What identifies a row.
        label: How the label is learnt; None without one.
        choices: What a person decided.
    """

    sample: Sample
    format: FileFormat
    columns: tuple[InferredColumn, ...]
    when: When
    key: Key
    label: Label | None
    choices: Choices = field(default_factory=Choices)

    def decisions(self) -> list[Decision]:
        """Everything that was inferred, with the reasons in words."""
        sample = self.sample
        extent = "all" if sample.whole else "the first"
        whole = f"{extent} {sample.rows:,} rows of {sample.path.name} were looked at"
        listed = [Decision("format", str(self.format), "; ".join((whole, *sample.remarks)))]
        listed += [Decision(f"column {one.name}", _shown_type(one.column), one.why) for one in self.columns]
        listed += [Decision(f"column {shown(name)}", "left out", why) for name, why in sample.left_out.items()]
        listed.append(Decision("time", self.when.column or "none", self.when.why))
        listed.append(Decision("key", ", ".join(self.key.columns) or "a number", self.key.why))
        if self.label:
            listed.append(Decision("label", self.label.name, f"{self.label.task}, because {self.label.why}"))
            for name, why in self.label.left_out.items():
                listed.append(Decision(f"feature {name}", "left out", f"the model does not learn from it: {why}"))
        return listed


def infer(path: Path, choices: Choices) -> Inference:
    """What the sample at `path` says, within what a person has chosen.

    Raises:
        SpecError: the sample cannot be used, a choice does not fit it, or no value of it says anything.
    """
    sample = read_sample(path)
    if not any(column.values for column in sample.columns):
        raise SpecError(
            f"The sample `{path.name}` has no value in any column.",
            looked=f"{sample.rows:,} rows",
            left="nothing was written",
            next="landfall new pipeline NAME --from a file with values",
        )
    names = plain_names([column.name for column in sample.columns])
    columns, chosen, when = _timed(sample, names, choices)
    if TIME in names.values() and (when.column, when.kind) != (TIME, "timestamp"):
        names = {name: f"{TIME}_value" if plain == TIME else plain for name, plain in names.items()}
        columns, chosen, when = _timed(sample, names, choices)
    if when.hour:  # the contract takes the hour of a partition as an int
        columns = tuple(_as_hour(one) if one.name == when.hour else one for one in columns)
    key = infer_key(columns, when, chosen=chosen.key, label=chosen.label)
    label = infer_label(columns, chosen.label, when, key.columns) if chosen.label else None
    if label and label.task == "classification":
        columns = tuple(_as_class(one) if one.name == label.name else one for one in columns)
    return Inference(sample, _format(sample, names), columns, when, key, label, chosen)


def _timed(
    sample: Sample, names: Mapping[str, str], choices: Choices
) -> tuple[tuple[InferredColumn, ...], Choices, When]:
    """The columns under these names, the choices in these names, and what says the partition of a row."""
    columns = tuple(infer_column(column, names[column.name], choices.zone) for column in sample.columns)
    chosen = _renamed(choices, names)
    return columns, chosen, infer_when(columns, column=chosen.time, grain=chosen.grain, zone=chosen.zone)


def _renamed(choices: Choices, names: Mapping[str, str]) -> Choices:
    def now(name: str) -> str:
        return names.get(name, name)

    return replace(choices, time=now(choices.time), key=tuple(map(now, choices.key)), label=now(choices.label))


def _as_hour(one: InferredColumn) -> InferredColumn:
    return replace(one, column=replace(one.column, type="int", minimum=0, maximum=23))


def _as_class(one: InferredColumn) -> InferredColumn:
    """The label with the classes of the sample, and no others."""
    if one.column.type == "boolean":
        return one
    highest = max(int(text) for text in one.texts if text is not None)
    why = f"only whole numbers; the classes 0 to {highest}"
    return replace(one, column=replace(one.column, minimum=0, maximum=highest), why=why)


def _format(sample: Sample, names: Mapping[str, str]) -> FileFormat:
    """The format of the feed. JSON needs no renamed columns: a path leads to each value, whatever its name is."""
    if not isinstance(sample.format, JsonLines):
        return sample.format
    return JsonLines(paths={plain: name for name, plain in names.items() if plain != name})


def declared(inference: Inference, *, but: Sequence[str] = ()) -> list[Column]:
    """The columns as a contract declares them, without some of them."""
    by_path = isinstance(inference.format, JsonLines)
    columns = [one.column for one in inference.columns if one.name not in but]
    return [replace(column, renamed_from="") if by_path else column for column in columns]


def _shown_type(column: Column) -> str:
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    return f"{column.type} {low}..{high}" if low or high else column.type
