"""File formats say how the objects of a landing are written. `Landing.format` declares one. Each format has its own file."""

from collections.abc import Mapping

from landfall.errors import SpecError
from landfall.spec.file_format.csv_text import Csv
from landfall.spec.file_format.format import FileFormat
from landfall.spec.file_format.json_lines import JsonLines
from landfall.spec.file_format.parquet import Parquet

FORMATS: tuple[type[FileFormat], ...] = (Csv, JsonLines, Parquet)
"""All formats. A job and a triggerer look up a format here by its name."""


def format_to_dict(file_format: FileFormat) -> dict[str, object]:
    """The format in values that JSON can hold, with its name as `is`. Fields that have their default are left out.

    Raises:
        SpecError: the format is not in `FORMATS`, so nobody could read it again.
    """
    if type(file_format) not in FORMATS:
        raise SpecError(
            f"The file format `{type(file_format).__name__}` is not registered.",
            looked=f"landfall.spec.file_format.FORMATS: {', '.join(known.kind for known in FORMATS)}",
            next="add its class to FORMATS",
        )
    return {"is": file_format.kind, **file_format.to_dict()}


def format_from_dict(values: Mapping[str, object]) -> FileFormat:
    """The format that `format_to_dict` wrote.

    Raises:
        SpecError: no format has that name, or the values do not fit the format.
    """
    formats = {known.kind: known for known in FORMATS}
    name = str(values.get("is"))
    if name not in formats:
        raise SpecError.unknown("file format", name, list(formats))
    return formats[name].from_dict({key: value for key, value in values.items() if key != "is"})


__all__ = ["FORMATS", "Csv", "FileFormat", "JsonLines", "Parquet", "format_from_dict", "format_to_dict"]
