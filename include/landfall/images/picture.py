"""Picture: the declaration of the pictures that are accepted, and of the vector that each becomes."""

from dataclasses import dataclass

from landfall.errors import SpecError

MOST_SIDE = 512
"""The largest side of the vector's grid, in cells."""
MOST_PIXELS = 50_000_000
"""The largest `max_pixels`: below the number at which Pillow itself warns of a decompression bomb (89 million)."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """PNG pictures that become vectors of `width` x `height` gray values.

    Args:
        width: Cells in a row of the vector's grid.
        height: Rows of the vector's grid.
        max_bytes: The largest file that is decoded, in bytes.
        max_pixels: The largest picture that is decoded, in pixels (its width times its height). A decoded pixel takes up to
            4 bytes, and there are up to two copies.

    Raises:
        SpecError: a number is not a whole number of its range.
    """

    width: int
    height: int
    max_bytes: int = 1_000_000
    max_pixels: int = 4_000_000

    def __post_init__(self) -> None:
        most = {"width": MOST_SIDE, "height": MOST_SIDE, "max_bytes": 100_000_000, "max_pixels": MOST_PIXELS}
        for field, limit in most.items():
            value = getattr(self, field)
            if type(value) is not int or not 1 <= value <= limit:
                raise SpecError(
                    f"`{field}` of a picture is {value!r}.", looked=f"expected a whole number from 1 to {limit}"
                )
        if self.width * self.height > self.max_pixels:
            raise SpecError(
                f"`max_pixels` of a picture is {self.max_pixels}, so no picture would be accepted.",
                looked=f"a picture has at least {self.width} x {self.height} pixels",
            )

    @property
    def length(self) -> int:
        """The number of values in a vector."""
        return self.width * self.height
