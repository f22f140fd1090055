"""One column of landed text: its value if the text is good, and the reason if it is not."""

from collections.abc import Callable

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from landfall.spec import forms
from landfall.spec.column import Column
from landfall.spec.patterns import LONGEST

_NOUNS = {
    "int": "a whole number",
    "bigint": "a whole number",
    "double": "a number",
    "decimal": "a decimal number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a timestamp",
    "string": "text",
}
_SHOWN_VALUES = 5


def typed(column: Column, point: str = ".") -> SparkColumn:
    """The text of `column` as its type; null if it is not of that type, or absent (NaN and infinities are not numbers).

    Args:
        column: The column; `typed` reads it by its name.
        point: The decimal point of the file.
    """
    return _TYPED[column.type](column, F.trim(F.col(column.name)), point)


def broken(column: Column, point: str = ".") -> SparkColumn:
    """Why the text of `column` breaks its promise; null if it keeps it."""
    text, value = F.col(column.name), typed(column, point)
    shown = F.concat(F.lit(" ("), F.coalesce(F.substring(text, 1, 40), F.lit("empty")), F.lit(")"))
    no_value = value.isNull()
    if column.nullable:
        no_value = no_value & (F.coalesce(F.trim(text), F.lit("")) != "")
    wrong = F.when(no_value, F.concat(F.lit(f"{column.name} is not {_noun(column)}"), shown))
    if column.type == "string":
        for problem, bad in _of_text(column, value):
            wrong = wrong.when(bad, F.concat(F.lit(f"{column.name} {problem}"), shown))
        return wrong
    outside = F.lit(False)
    if column.minimum is not None:
        outside = outside | (value < column.minimum)
    if column.maximum is not None:
        outside = outside | (value > column.maximum)
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    return wrong.otherwise(F.when(outside, F.concat(F.lit(f"{column.name} is outside {low}..{high}"), shown)))


def _noun(column: Column) -> str:
    if column.type == "decimal":
        digits = f"{column.precision - column.scale} digits before and {column.scale} after the point"
        return f"{_NOUNS[column.type]} of at most {digits}"
    if column.type == "timestamp" and not column.zone:
        return f"{_NOUNS[column.type]} with an offset"
    return _NOUNS[column.type]


def _of_text(column: Column, value: SparkColumn) -> list[tuple[str, SparkColumn]]:
    """The problems that a text may have -> whether it has them."""
    problems = [("has characters that could not be read", F.contains(value, F.lit("\ufffd")))]
    if column.pattern:
        unlike = (F.length(value) > LONGEST) | ~value.rlike(rf"\A(?:{column.pattern})\z")
        problems.append(("does not match its pattern", unlike))
    if column.allowed:
        more = ", ..." if len(column.allowed) > _SHOWN_VALUES else ""
        values = ", ".join(column.allowed[:_SHOWN_VALUES]) + more
        problems.append((f"is not one of {values}", ~value.isin(*column.allowed)))
    return problems


def _int(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    return F.when(text.rlike(forms.INT), text.try_cast("int"))


def _bigint(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    return F.when(text.rlike(forms.BIGINT), text.try_cast("bigint"))


def _double(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    value = _with_point(text, point).try_cast("double")
    infinite = F.abs(value) == float("inf")
    return F.when(~F.isnan(value) & ~infinite, value)


def _decimal(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    """Null if the text has more digits than the type, so that nothing is rounded."""
    number = _with_point(text, point)
    return F.when(number.rlike(forms.decimal_form(column)), number.try_cast(column.sql_type))


def _with_point(text: SparkColumn, point: str) -> SparkColumn:
    """The text with a decimal point. A text that has a point where its file has commas is no number."""
    return text if point == "." else F.when(~F.contains(text, F.lit(".")), F.replace(text, F.lit(point), F.lit(".")))


def _boolean(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    small = F.lower(text)
    return F.when(small == "true", F.lit(True)).when(small == "false", F.lit(False))


def _date(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    return F.when(text.rlike(forms.DATE), text.try_cast("date"))


def _timestamp(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    # Spark wants seconds, and a colon in the offset.
    moment = F.regexp_replace(text, r"^(.{10}[T ]\d{2}:\d{2})(?!:)", "$1:00")
    offset = F.regexp_replace(moment, r"([+-]\d{2})(\d{2})$", "$1:$2")
    value = F.when(text.rlike(forms.WITH_OFFSET), offset.try_cast("timestamp"))
    value = value.when(text.rlike(forms.MILLISECONDS), F.timestamp_millis(text.try_cast("bigint")))
    if column.zone:
        # Read as UTC and then moved, so that the time zone of Spark's session has no part in it.
        local = F.concat(moment, F.lit("Z")).try_cast("timestamp")
        value = value.when(text.rlike(forms.WITHOUT_OFFSET), F.to_utc_timestamp(local, column.zone))
    return value


def _string(column: Column, text: SparkColumn, point: str) -> SparkColumn:
    return F.when(text != "", text)


_TYPED: dict[str, Callable[[Column, SparkColumn, str], SparkColumn]] = {
    "int": _int,
    "bigint": _bigint,
    "double": _double,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "string": _string,
}
