"""The error of a learner that is asked before it learns: over the newest labelled rows, and since the start.

Source: A. P. Dawid, Statistical Theory: The Prequential Approach, 1984, doi:10.2307/2981683.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Prequential:
    """Measured errors.

    Args:
        size: The most rows in the window.
        newest: The errors of the newest rows, oldest first. Of a class 0 or 1, of a number the absolute error.
        count: All rows that were measured.
        total: The sum of all their errors.
    """

    size: int
    newest: tuple[float, ...] = ()
    count: int = 0
    total: float = 0.0

    def after(self, errors: Sequence[float]) -> "Prequential":
        """With further rows. One after the other and all at once give the same."""
        total = self.total
        for error in errors:
            total += error
        newest = (*self.newest, *errors)[-self.size :]
        return Prequential(size=self.size, newest=newest, count=self.count + len(errors), total=total)

    @property
    def window_error(self) -> float | None:
        """The mean error of the window; None without rows."""
        return sum(self.newest) / len(self.newest) if self.newest else None

    @property
    def error(self) -> float | None:
        """The mean error since the start; None without rows."""
        return self.total / self.count if self.count else None

    def to_json(self) -> dict[str, object]:
        """Plain numbers."""
        return {"newest": list(self.newest), "count": self.count, "total": self.total}
