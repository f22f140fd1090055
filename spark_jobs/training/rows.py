"""The rows that a model learns from: as doubles and text, in one order, and refused where nothing can be learnt from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec.feature_stages import Buckets, Quantiles, StringIndex
from landfall.spec.learner import Learner

LEFT = "no model was registered, the champion stays"
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "boolean")
CLASSES = 100
"""So many classes Spark's trees tell apart at most."""
NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where rows come from, as errors tell it.

    Args:
        where: The table, its version and the days; or the file.
        table: What the rows are in.
        made_in: Where a column of them is made, and a value of them is mended.
        escape: What else there is to do about a row that nothing can be learnt from.
        seen: Which rows the judged model learns from.
    """

    where: str
    table: str = "the feature table"
    made_in: str = "the features"
    escape: str = ", or leave those days out with --until"
    seen: str = "before the held-out days"

    def refused(self, what: str) -> ModelError:
        """The error of rows that nothing can be learnt from."""
        return ModelError(what, looked=self.where, left=LEFT, next=f"mend {self.made_in}{self.escape}", fault="input")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the rows of one partition are like, or of one side of the line between held-out rows and others.

    Args:
        rows: How many there are.
        lacking: Column -> rows in which it is null, NaN or infinite; the label's too.
        lowest: The smallest label.
        highest: The largest one.
        odd: Rows whose label is no whole number from 0.
        latest: The latest time of a row, seconds since 1970; None where the time column holds no timestamps.
    """

    rows: int
    lacking: dict[str, int]
    lowest: float | None
    highest: float | None
    odd: int
    latest: float | None


def check_columns(table: DataFrame, learner: Learner, origin: Origin, *, time: str = "") -> dict[str, str]:
    """Column that the model needs -> `double` or `string`. `time` is the column that orders rows, if one does.

    Raises:
        ModelError: one is not there, or is neither numbers nor text, or is text that no stage makes numbers of.
    """
    there = dict(table.dtypes)
    for name in (*learner.columns, *filter(None, (learner.label, time))):
        if name not in there:
            said = ModelError.unknown("column", name, list(there))
            raise ModelError(
                f"`{name}`, which the learner asks for, is not a column of {origin.table}.",
                looked=f"{origin.where}; {said.looked}",
                left=LEFT,
                next=f"add it to {origin.made_in}, or take it out of the learner",
                fault="input",
            )
    types = {name: "string" if there[name] == "string" else "double" for name in learner.columns}
    raw = set(learner.features) - {stage.output for stage in learner.stages}
    counted = raw | {name for each in learner.stages if not isinstance(each, StringIndex) for name in each.inputs}
    for name in filter(None, (*learner.columns, learner.label)):
        if not is_number(there[name]) and (there[name] != "string" or name == learner.label or name in counted):
            raise ModelError(
                f"`{name}` is a column of type {there[name]}, which the learner takes for a number.",
                looked=origin.where,
                left=LEFT,
                next=f"make it a number in {origin.made_in}; text can have a StringIndex stage in the learner",
                fault="input",
            )
    return types


def is_number(kind: str) -> bool:
    """True if a column of this type (as `DataFrame.dtypes` names it) can be read as double."""
    return kind in NUMBERS or kind.startswith("decimal")


def typed(table: DataFrame, learner: Learner, types: Mapping[str, str], *, keep: Sequence[str] = ()) -> DataFrame:
    """The columns `keep`, the label and the columns that the model needs: numbers as doubles with NaN for null."""
    chosen = {name: F.col(name) for name in keep}
    if learner.label:
        chosen[learner.label] = F.col(learner.label).cast("double")
    for name, kind in types.items():
        chosen[name] = number(name) if kind == "double" else F.col(name)
    return table.select(*(column.alias(name) for name, column in chosen.items()))


def number(name: str) -> Column:
    """A column as double, NaN where it is null: the one way in which every model is given what is missing."""
    return F.coalesce(F.col(name).cast("double"), F.lit(NAN))


def ordered(rows: DataFrame, time: str) -> DataFrame:
    """The rows in an order and in Spark partitions that do not depend on how they are stored: bagging draws by both.

    Rows of one time are ordered by all of their values, so that only equal rows may change places.
    """
    return rows.repartition(2, "dt").sortWithinPartitions(time, *(name for name in rows.columns if name != time))


def summarize(
    rows: DataFrame, learner: Learner, types: Mapping[str, str], *, by: str, timed: bool = False
) -> dict[Any, Summary]:
    """A summary of the `typed` rows of each value of the column `by`, in one pass. `timed`: the times are timestamps."""
    label = F.col(learner.label) if learner.label else F.lit(None).cast("double")
    kinds = {**types, **({learner.label: "double"} if learner.label else {})}
    classes = learner.estimator.task == "classification"
    asked = {
        "rows": F.count("*"),
        "lowest": F.min(label),
        "highest": F.max(label),
        "odd": F.count_if((label != F.floor(label)) | (label < 0)) if classes else F.lit(0),
        "latest": F.max(F.unix_micros(learner.time)) if timed else F.lit(None),
        "lacking": F.array(*(F.count_if(_lacks(name, kind)) for name, kind in kinds.items())),
    }
    found = rows.groupBy(by).agg(*(column.alias(name) for name, column in asked.items())).collect()
    return {
        row[by]: Summary(
            rows=row.rows,
            lacking=dict(zip(kinds, row.lacking, strict=True)),
            lowest=row.lowest,
            highest=row.highest,
            odd=row.odd,
            latest=None if row.latest is None else row.latest / 1e6,
        )
        for row in found
    }


def check_values(
    summaries: Mapping[Any, Summary], learner: Learner, types: Mapping[str, str], origin: Origin, *, dated: bool = False
) -> None:
    """Nothing, if every row has a value of everything that needs one.

    Raises:
        ModelError: a column or the label has no value; where summaries are `dated`, with the first day that lacks one.
    """
    rows = sum(summary.rows for summary in summaries.values())
    named = [(name, "feature") for name in types] + ([(learner.label, "label")] if learner.label else [])
    for name, what in named:
        lacking = sum(summary.lacking[name] for summary in summaries.values())
        if lacking == rows:
            raise origin.refused(f"The {what} `{name}` has no value in any of {rows} rows.")
        if lacking and (what == "label" or name not in set(_lenient(learner))):
            first = min(each for each, summary in summaries.items() if summary.lacking[name])
            when = f", first in {first}" if dated else ""
            raise origin.refused(f"The {what} `{name}` has no value in {lacking} of {rows} rows{when}.")


def check_classes(seen: Iterable[Summary], summaries: Iterable[Summary], label: str, origin: Origin) -> None:
    """Nothing, if the labels of a classification are classes, and those `seen` by the judged model are several.

    Raises:
        ModelError: a label is no class, or there is one class only.
    """
    seen, every = list(seen), list(summaries)
    odd = sum(summary.odd for summary in every)
    highest = max(summary.highest or 0 for summary in every)
    if odd or highest >= CLASSES:
        what = f"{odd} rows have others" if odd else f"the highest is {highest:g}"
        raise origin.refused(f"The label `{label}` is not a class numbered from 0 to at most {CLASSES - 1}: {what}.")
    for part, told in ((seen, f" {origin.seen}"), (every, "")):
        if len({value for each in part for value in (each.lowest, each.highest)}) < 2:
            raise origin.refused(f"The label `{label}` has one class only{told}: there is nothing to tell apart.")


def _lenient(learner: Learner) -> Iterable[str]:
    """The columns whose every use has a place for a missing value: a bucket or an index of its own."""
    takes = (Buckets, Quantiles, StringIndex)
    strict = set(learner.features) | {
        name for stage in learner.stages if not isinstance(stage, takes) for name in stage.inputs
    }
    return (name for name in learner.columns if name not in strict)


def _lacks(name: str, kind: str) -> Column:
    value = F.col(name)
    return value.isNull() if kind == "string" else value.isNull() | F.isnan(value) | (F.abs(value) == float("inf"))
