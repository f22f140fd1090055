"""The columns of a Spark or pandas data frame, with their types in PostgreSQL."""

import re
from typing import Any

from landfall.errors import DeploymentError

_NAMES = {
    "smallint": "tinyint int8 uint8 smallint int16",
    "integer": "int int32 uint16",
    "bigint": "bigint int64 uint32",
    "real": "float float32",
    "double precision": "double float64",
    "text": "string object str category",
    "boolean": "boolean bool",
    "date": "date",
    "timestamp with time zone": "timestamp",
    "timestamp without time zone": "timestamp_ntz",
    "bytea": "binary",
}
TYPES = {name: kind for kind, names in _NAMES.items() for name in names.split()}
"""Type of a column as Spark or pandas writes it, in small letters -> the type in PostgreSQL."""


def columns_of(frame: Any) -> dict[str, str]:
    """Column of the data frame -> its type in PostgreSQL. Empty if there is no frame.

    Raises:
        DeploymentError: a column has a type that none of PostgreSQL's types stands for.
    """
    if frame is None:
        return {}
    types = frame.dtypes
    pairs = types if isinstance(types, list) else list(types.items())
    return {str(name): _type(str(name), str(kind)) for name, kind in pairs}


def _type(name: str, kind: str) -> str:
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", kind):
        return f"numeric({match[1]},{match[2]})"
    if match := re.fullmatch(r"datetime64\[(?:s|ms|us|ns)(, .+)?\]", kind):
        return f"timestamp {'with' if match[1] else 'without'} time zone"
    if kind.lower() in TYPES:
        return TYPES[kind.lower()]
    raise DeploymentError(
        f"The column `{name}` is {kind}, which no column of a table is made for.",
        looked=f"known: {', '.join(TYPES)}, datetime64, decimal",
        left="nothing was deployed",
        next=f"leave `{name}` out of the data frame, or cast it",
    )
