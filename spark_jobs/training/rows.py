"""The rows that a model learns from: as doubles and text, in one order, and refused if nothing can be learnt from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec.feature_stages import Buckets, Quantiles, StringIndex
from landfall.spec.learner import Learner

LEFT = "no model was registered, the champion stays"
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "boolean")
_KINDS = {"string": "string", "array<double>": "vector"}
CLASSES = 100
"""The most classes that Spark's trees can tell apart."""
VECTOR = "array<double>"
"""The type of a column that a model takes as a vector of numbers."""
NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where rows come from, for errors.

    Args:
        place: The table, its version and the days; or the file.
        table: What the rows are in.
        made_in: Where their columns are made, and values are mended.
        escape: What else can be done about a row that cannot be learnt from.
        learnt_from: Which rows the judged model learns from.
    """

    place: str
    table: str = "the feature table"
    made_in: str = "the features"
    escape: str = ", or leave those days out with --until"
    learnt_from: str = "before the held-out days"

    def refused(self, what: str) -> ModelError:
        """The error for rows that cannot be learnt from."""
        return ModelError(what, looked=self.place, left=LEFT, next=f"mend {self.made_in}{self.escape}", fault="input")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A summary of the rows of one partition, or of one side of the line between held-out rows and others.

    Args:
        rows: The number of rows.
        lacking: Column (the label too) -> number of rows in which it is null, NaN or infinite.
        lowest: The smallest label.
        highest: The largest label.
        odd: The number of rows whose label is no whole number from 0 on.
        latest: The latest time of a row, in seconds since 1970; None if the time column has no timestamps.
    """

    rows: int
    lacking: dict[str, int]
    lowest: float | None
    highest: float | None
    odd: int
    latest: float | None


def check_columns(table: DataFrame, learner: Learner, origin: Origin, *, time: str = "") -> dict[str, str]:
    """Column that the model needs -> `double`, `string` or `vector`. `time` is the column that orders rows, if there is one.

    Raises:
        ModelError: a column is missing, is neither numbers nor text, or is text that no stage turns into numbers.
    """
    column_types = dict(table.dtypes)
    for name in (*learner.columns, *filter(None, (learner.label, time))):
        if name not in column_types:
            unknown = ModelError.unknown("column", name, list(column_types))
            raise ModelError(
                f"`{name}`, which the learner asks for, is not a column of {origin.table}.",
                looked=f"{origin.place}; {unknown.looked}",
                left=LEFT,
                next=f"add it to {origin.made_in}, or take it out of the learner",
                fault="input",
            )
    types = {name: _KINDS.get(column_types[name], "double") for name in learner.columns}
    raw = set(learner.features) - {stage.output for stage in learner.stages}
    counted = raw | {name for stage in learner.stages if not isinstance(stage, StringIndex) for name in stage.inputs}
    whole = (
        raw - {name for stage in learner.stages for name in stage.inputs}
        if learner.estimator.library == "spark"
        else set()
    )
    for name in filter(None, (*learner.columns, learner.label)):
        if name in whole and types.get(name) == "vector":
            continue
        if not is_number(column_types[name]) and (
            column_types[name] != "string" or name == learner.label or name in counted
        ):
            raise _no_number(name, column_types[name], learner, origin)
    return types


def _no_number(name: str, kind: str, learner: Learner, origin: Origin) -> ModelError:
    """The error for a column that is no number, with what can be done about a feature or about a label."""
    mend = f"make it a number in {origin.made_in}; text can have a StringIndex stage in the learner"
    if name == learner.label and learner.estimator.task == "classification":
        mend = (
            f"number the classes 0, 1, 2 ... in {origin.made_in}, such as "
            f"F.array_position(F.array(F.lit('no'), F.lit('yes')), F.col('{name}')) - 1"
        )
    return ModelError(
        f"`{name}` is a column of type {kind}, which the learner takes for a number.",
        looked=origin.place,
        left=LEFT,
        next=mend,
        fault="input",
    )


def is_number(kind: str) -> bool:
    """True if a column of this type (as `DataFrame.dtypes` names it) can be read as double."""
    return kind in NUMBERS or kind.startswith("decimal")


def typed(table: DataFrame, learner: Learner, types: Mapping[str, str], *, keep: Sequence[str] = ()) -> DataFrame:
    """The columns `keep`, the label and the columns that the model needs: numbers as doubles with NaN for null."""
    columns = {name: F.col(name) for name in keep}
    if learner.label:
        columns[learner.label] = F.col(learner.label).cast("double")
    for name, kind in types.items():
        columns[name] = number(name) if kind == "double" else F.col(name)
    return table.select(*(column.alias(name) for name, column in columns.items()))


def with_vectors(rows: DataFrame) -> DataFrame:
    """The rows as Spark ML takes them: an array of numbers becomes a vector. Until then it is an array, which has an order."""
    arrays = [name for name, kind in rows.dtypes if kind == VECTOR]
    return rows.withColumns({name: array_to_vector(F.col(name)) for name in arrays}) if arrays else rows


def number(name: str) -> Column:
    """A column as double, with NaN for null: this is how every model gets missing values."""
    return F.coalesce(F.col(name).cast("double"), F.lit(NAN))


def ordered(rows: DataFrame, time: str) -> DataFrame:
    """The rows in an order and in Spark partitions that do not depend on how they are stored: bagging draws by both.

    Rows of the same time are ordered by all of their values, so that only equal rows may change places.
    """
    return rows.repartition(2, "dt").sortWithinPartitions(time, *(name for name in rows.columns if name != time))


def summarize(
    rows: DataFrame, learner: Learner, types: Mapping[str, str], *, by: str, timed: bool = False
) -> dict[Any, Summary]:
    """A summary of the `typed` rows for each value of the column `by`, in one pass. `timed`: the times are timestamps."""
    label = F.col(learner.label) if learner.label else F.lit(None).cast("double")
    kinds = {**types, **({learner.label: "double"} if learner.label else {})}
    classes = learner.estimator.task == "classification"
    aggregates = {
        "rows": F.count("*"),
        "lowest": F.min(label),
        "highest": F.max(label),
        "odd": F.count_if((label != F.floor(label)) | (label < 0)) if classes else F.lit(0),
        "latest": F.max(F.unix_micros(learner.time)) if timed else F.lit(None),
        "lacking": F.array(*(F.count_if(_lacks(name, kind)) for name, kind in kinds.items())),
    }
    groups = rows.groupBy(by).agg(*(column.alias(name) for name, column in aggregates.items())).collect()
    return {
        row[by]: Summary(
            rows=row.rows,
            lacking=dict(zip(kinds, row.lacking, strict=True)),
            lowest=row.lowest,
            highest=row.highest,
            odd=row.odd,
            latest=None if row.latest is None else row.latest / 1e6,
        )
        for row in groups
    }


def check_values(
    summaries: Mapping[Any, Summary], learner: Learner, types: Mapping[str, str], origin: Origin, *, dated: bool = False
) -> None:
    """Checks that every row has a value wherever one is needed.

    Raises:
        ModelError: a column or the label has no value; if summaries are `dated`, the error names the first such day.
    """
    rows = sum(summary.rows for summary in summaries.values())
    needed = [(name, "feature") for name in types] + ([(learner.label, "label")] if learner.label else [])
    for name, what in needed:
        missing = sum(summary.lacking[name] for summary in summaries.values())
        if missing == rows:
            raise origin.refused(f"The {what} `{name}` has no value in any of {rows} rows.")
        if missing and (what == "label" or name not in set(_lenient(learner))):
            first = min(day for day, summary in summaries.items() if summary.lacking[name])
            when = f", first in {first}" if dated else ""
            raise origin.refused(f"The {what} `{name}` has no value in {missing} of {rows} rows{when}.")


def check_classes(learnt_from: Iterable[Summary], summaries: Iterable[Summary], label: str, origin: Origin) -> None:
    """Checks that the labels of a classification are classes, and that the judged model learns from more than one class.

    Raises:
        ModelError: a label is no class, or there is only one class.
    """
    learnt_from, all_summaries = list(learnt_from), list(summaries)
    odd = sum(summary.odd for summary in all_summaries)
    highest = max(summary.highest or 0 for summary in all_summaries)
    if odd or highest >= CLASSES:
        what = f"{odd} rows have others" if odd else f"the highest is {highest:g}"
        raise origin.refused(f"The label `{label}` is not a class numbered from 0 to at most {CLASSES - 1}: {what}.")
    for part, part_name in ((learnt_from, f" {origin.learnt_from}"), (all_summaries, "")):
        if len({value for summary in part for value in (summary.lowest, summary.highest)}) < 2:
            raise origin.refused(f"The label `{label}` has one class only{part_name}: there is nothing to tell apart.")


def _lenient(learner: Learner) -> Iterable[str]:
    """The columns that are used only where a missing value has a bucket or an index of its own."""
    takes = (Buckets, Quantiles, StringIndex)
    strict = set(learner.features) | {
        name for stage in learner.stages if not isinstance(stage, takes) for name in stage.inputs
    }
    return (name for name in learner.columns if name not in strict)


def _lacks(name: str, kind: str) -> Column:
    value = F.col(name)
    if kind == "vector":
        odd = F.exists(value, lambda x: x.isNull() | F.isnan(x) | (F.abs(x) == float("inf")))
        return value.isNull() | odd
    return value.isNull() if kind == "string" else value.isNull() | F.isnan(value) | (F.abs(value) == float("inf"))
