"""A copy of what is published, in a DynamoDB table, for readers without a connection to PostgreSQL."""

import re
from dataclasses import dataclass

from landfall.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class DynamoMirror:
    """The DynamoDB table that a prediction table is mirrored to. Several prediction tables may share one.

    Args:
        table: Its name. Region, endpoint and credentials are those that AWS's own tools read from the environment.
    """

    table: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", self.table):
            raise SpecError(
                f"DynamoMirror.table is `{self.table}`.", looked="expected 3 to 255 letters, digits, `_`, `-` and `.`"
            )
