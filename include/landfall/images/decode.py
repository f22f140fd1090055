"""The bytes of one PNG file as a vector of gray values, or the reason why it is refused.

The header is read first, so that size and kind are judged before anything is unpacked. Pillow decodes what is left, and is
allowed to try no other format than PNG. No bytes make it raise: a bad picture is an answer, not a failure of the batch.
"""

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from landfall.images import png
from landfall.images.picture import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_OTHERS = {
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"RIFF": "RIFF, such as WebP",
    b"8BPS": "Photoshop",
    b"%PDF": "PDF",
}
"""How files begin that are often named .png; also all that can hold CMYK, which PNG cannot."""
_ORIENTATION = 0x0112
"""The EXIF tag of a picture's rotation; 1, or no tag, is upright."""


@dataclass(frozen=True)
class Refusal:
    """Why a picture was refused, for the quarantine: a phrase that does not name the file."""

    reason: str


def decode(content: bytes, picture: Picture) -> "NDArray[np.float32] | Refusal":
    """The gray values of a PNG file, from 0 (black) to 1 (white), row by row.

    Colours become gray by the luma of ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B). A larger picture of the same proportions
    is reduced by averaging the pixels of each cell.

    Returns:
        A vector of `picture.length` values, or a refusal: the file is empty, too large, damaged, no PNG, animated, rotated by
        EXIF, of 16 bits, see-through, smaller than declared, or of other proportions.

    Raises:
        ImportError: Pillow is not installed (the extra `images`).
        MemoryError: there is not enough memory for a picture of the declared limits.
    """
    import PIL.Image  # noqa: F401 - here, so that a missing Pillow is not taken for a damaged picture

    if refused := _refused_by_beginning(content, picture):
        return Refusal(refused)
    try:
        announced = png.header(content)
        if refused := _refused_by_header(announced, picture):
            return Refusal(refused)
        if (frames := png.frames(content, announced)) != 1:
            return Refusal(f"animated PNG of {frames} frames")
        return _decoded(content, picture)
    except MemoryError:
        raise
    except Exception as error:  # for damaged files Pillow raises OSError, SyntaxError, struct.error and others
        return Refusal(f"damaged PNG: {error}")


def _refused_by_beginning(content: bytes, picture: Picture) -> str:
    if not content:
        return "empty file (0 bytes)"
    if len(content) > picture.max_bytes:
        return f"file of more than {picture.max_bytes} bytes"
    if not content.startswith(png.SIGNATURE):
        kind = next((kind for magic, kind in _OTHERS.items() if content.startswith(magic)), "")
        return f"no PNG but {kind}" if kind else f"no PNG: begins with {content[:8]!r}"
    return ""


def _refused_by_header(announced: png.Header, picture: Picture) -> str:
    width, height = announced.width, announced.height
    size = f"{width} x {height} pixels"
    if width * height > picture.max_pixels:
        return f"{size}, more than {picture.max_pixels} in all"
    if announced.depth == 16:
        return "16 bits a channel, expected at most 8"
    if width < picture.width or height < picture.height:
        return f"{size}, expected at least {picture.width} x {picture.height}"
    if width * picture.height != height * picture.width:
        return f"{size}, expected the proportions of {picture.width} x {picture.height}"
    return ""


def _decoded(content: bytes, picture: Picture) -> "NDArray[np.float32] | Refusal":
    import numpy as np
    from PIL import Image

    with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
        warnings.simplefilter("ignore")  # such as of damaged EXIF data, in which no rotation can be found
        opened.load()
        orientation = opened.getexif().get(_ORIENTATION, 1)
        if orientation != 1:
            return Refusal(f"rotated by EXIF (orientation {orientation})")
        if opened.has_transparency_data and not _opaque(opened):
            return Refusal("see-through pixels, whose gray depends on a background")
        gray = opened.convert("L").convert("F")  # floats, as Pillow rounds the mean of bytes twice
        cells = gray.resize((picture.width, picture.height), Image.Resampling.BOX)
        return np.asarray(cells, dtype=np.float32).ravel() / np.float32(255)


def _opaque(opened: "Image") -> bool:
    return opened.convert("RGBA").getchannel("A").getextrema() == (255, 255)
