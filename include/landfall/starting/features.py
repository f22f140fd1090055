"""What the function of a new pipeline adds to landed rows, and drops of them."""

from dataclasses import dataclass, field

from landfall.starting.code import python
from landfall.starting.inference import TIME, Inference

TIME_FEATURES = ("hour_of_day", "day_of_week")


@dataclass
class Made:
    """The parts of the function, as Python source.

    Args:
        added: Column -> expression over the landed columns.
        dropped: The columns that are dropped in the end.
        sql: Column -> its type in a published table, of columns whose type the function sets.
        numbered: True if rows get a number in their partition.
        order: The columns by which they are numbered.
        time_words: What `time` is, in words.
        time_features: The columns that a model learns from `time`.
        time_functions: The functions of `spark_jobs.times` that are used.
    """

    added: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    sql: dict[str, str] = field(default_factory=dict)
    numbered: bool = False
    order: tuple[str, ...] = ()
    time_words: str = ""
    time_features: tuple[str, ...] = ()
    time_functions: tuple[str, ...] = ()

    @property
    def more(self) -> str:
        """What follows on the added columns, as Python source."""
        return f".drop({', '.join(map(python, self.dropped))})" if self.dropped else ""


def made_features(inference: Inference) -> Made:
    """The parts of the function for what a sample says."""
    made, when, label = Made(sql={TIME: "timestamptz"}), inference.when, inference.label
    zone = ", ZONE" if when.calendar.timezone != "UTC" else ""
    _add_time(made, inference, zone)
    if not inference.key.columns:
        made.numbered = True
        made.added["row"] = 'F.row_number().over(in_order).cast("bigint")'
        made.sql["row"] = "bigint"
        made.order = tuple(one.name for one in inference.columns if not label or one.name != label.name)
    for one in inference.columns:
        if one.name in (*made.dropped, *made.added):
            continue
        target = _cast(one.column.type, learnt=bool(label), key=one.name in inference.key.columns)
        if target:
            made.added[one.name] = f"F.col({python(one.name)}).cast({python(target)})"
    if label and when.kind == "timestamp":
        made.added |= {name: f"{name}(F.col({python(when.column)}){zone})" for name in TIME_FEATURES}
        made.time_features = TIME_FEATURES
        made.time_functions = tuple(sorted({*made.time_functions, *TIME_FEATURES}))
    return made


def _add_time(made: Made, inference: Inference, zone: str) -> None:
    when = inference.when
    column = f"F.col({python(when.column)})"
    if when.kind == "timestamp":
        made.time_words = f"`{when.column}`"
        if when.column != TIME:
            made.added[TIME], made.dropped = column, (when.column,)
    elif when.hour:
        made.added[TIME] = f"hour_start({column}, F.col({python(when.hour)}){zone})"
        made.time_words, made.dropped = f"the start of `{when.hour}` of `{when.column}`", (when.column,)
        made.time_functions = ("hour_start",)
    elif when.kind == "date":
        made.added[TIME], made.dropped = f"day_start({column}{zone})", (when.column,)
        made.time_words, made.time_functions = f"the start of `{when.column}`", ("day_start",)
    else:
        made.added[TIME] = f'partition_start(F.col("dt"){zone})'
        made.time_words, made.time_functions = "the start of its partition", ("partition_start",)


def _cast(kind: str, *, learnt: bool, key: bool) -> str:
    """The type to which a column is cast, so that a published table or a model takes it; empty if it is taken as it is."""
    if kind == "date":
        return "string"
    if kind == "boolean":
        return "double" if learnt and not key else "string"
    return "bigint" if kind == "int" else ""
