"""Where tables are: in Delta folders of the bucket, or in a catalog such as Unity Catalog."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from landfall.errors import ComputeError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader


@dataclass(frozen=True)
class Lake:
    """The landed objects, and the tables that are made of them.

    Args:
        root: URL of the bucket, `s3a://BUCKET`: landed objects are below it, and so are tables that are in no catalog.
        catalog: A catalog of the session that holds the tables as `CATALOG.schema.name`. Its schemas must exist.

    Raises:
        ComputeError: `catalog` cannot be the name of a catalog.
    """

    root: str
    catalog: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w*", self.catalog):
            raise ComputeError(f"`{self.catalog}` is not a catalog.", looked="expected letters, digits and underscores")

    def folder(self, name: str) -> str | None:
        """Where the files of the table `schema.name` are; None for a table in a catalog, which gives no access to files."""
        return None if self.catalog else f"{self.root}/{name.replace('.', '/')}"

    def address(self, name: str) -> str:
        """The name of the table `schema.name` for people."""
        return self.folder(name) or f"{self.catalog}.{name}"

    def sql_name(self, name: str) -> str:
        """The name of the table `schema.name` in SQL."""
        folder, parts = self.folder(name), [self.catalog, *name.split(".")]
        return f"delta.`{folder}`" if folder else ".".join(f"`{part}`" for part in parts)

    def read(self, reader: "DataFrameReader", name: str) -> "DataFrame":
        """The rows of the table `schema.name`."""
        folder = self.folder(name)
        return reader.format("delta").load(folder) if folder else reader.table(self.sql_name(name))
