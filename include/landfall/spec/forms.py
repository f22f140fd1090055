"""The forms of values as text, as regular expressions that Spark and Python read alike. They match the whole text."""

from landfall.spec.column import Column

INT = r"^[+-]?\d{1,9}$"
BIGINT = r"^[+-]?\d{1,18}$"
DATE = r"^\d{4}-\d{2}-\d{2}$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
WITHOUT_OFFSET = rf"{_MOMENT}$"
WITH_OFFSET = rf"{_MOMENT}(Z|[+-]\d{{2}}(:?\d{{2}})?)$"
MILLISECONDS = r"^\d{11,14}$"


def decimal_form(column: Column) -> str:
    """The form of a decimal that its type holds without rounding. Zeros at the ends do not count."""
    whole, fraction = column.precision - column.scale, column.scale
    return rf"^[+-]?(?=\.?\d)0*\d{{0,{whole}}}(\.\d{{0,{fraction}}}0*)?$"
