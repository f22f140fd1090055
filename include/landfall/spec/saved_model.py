"""A fitted model as it is named on a job's command line."""

from dataclasses import dataclass
from typing import Self

from landfall.errors import ComputeError

LIBRARIES = ("spark", "scikit-learn")
"""The libraries that may have made a model."""


@dataclass(frozen=True)
class SavedModel:
    """A fitted model. As text it is `FOLDER#LIBRARY`, and `FOLDER#LIBRARY#SHA256` for a pickle.

    Args:
        folder: The folder of its files.
        library: The library that made it, one of `LIBRARIES`.
        sha256: The digest that the file of a pickle must have; empty for a model of Spark.
    """

    folder: str
    library: str = "spark"
    sha256: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The model that is written as `text`. An option of a job reads its value with it.

        Raises:
            ComputeError: the library is unknown.
        """
        folder, _, made = text.partition("#")
        library, _, sha256 = made.partition("#")
        if library not in ("", *LIBRARIES):
            raise ComputeError.unknown("library", library, list(LIBRARIES))
        return cls(folder, library or "spark", sha256)

    def __str__(self) -> str:
        return f"{self.folder}#{self.library}" + (f"#{self.sha256}" if self.sha256 else "")
