"""A fitted model as a job is told it."""

from dataclasses import dataclass
from typing import Self

from landfall.errors import ComputeError

LIBRARIES = ("spark", "scikit-learn")
"""What may have made a model."""


@dataclass(frozen=True)
class SavedModel:
    """A fitted model; as text `FOLDER#LIBRARY`, and of a pickle `FOLDER#LIBRARY#SHA256`.

    Args:
        folder: Where it lies.
        library: What made it, one of `LIBRARIES`.
        sha256: Of a pickle, the digest that it must have.
    """

    folder: str
    library: str = "spark"
    sha256: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The model written as `text`; used as the `read` of a job's options.

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
