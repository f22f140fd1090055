"""A PNG file's chunks, checked as PNG's third edition says, because Pillow is lenient: it takes missing rows as black.

Nothing here unpacks more than the picture that the header announces.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type -> values a pixel (11.2.1)."""
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Colour type -> the bit depths that it may have (11.2.1)."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, columns apart, rows apart of each pass of an interlaced picture (8.2)."""


class DamagedError(ValueError):
    """The file is no whole PNG; the text says what is wrong."""


@dataclass(frozen=True)
class Header:
    """What the first chunk says: size in pixels, bits a channel, the values a pixel, whether it is interlaced."""

    width: int
    height: int
    depth: int
    channels: int
    interlaced: bool

    @property
    def unpacked(self) -> int:
        """The bytes of all rows, each with its filter's byte, before they become pixels (7.2 and 8)."""
        sizes = [(self.width, self.height)]
        if self.interlaced:
            sizes = [
                (-((x - self.width) // across), -((y - self.height) // down))
                for x, y, across, down in _PASSES
                if x < self.width and y < self.height
            ]
        bits = self.depth * self.channels
        return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes)


def header(content: bytes) -> Header:
    """The header of a file that begins with `SIGNATURE`.

    Raises:
        DamagedError: it is cut off, or says what PNG does not allow.
    """
    name, data = next(chunks(content), (b"", b""))
    if name != b"IHDR" or len(data) != 13:
        raise DamagedError("it has no header")
    width, height, depth, colours, packing, filters, interlace = struct.unpack(">IIBBBBB", data)
    if not (width and height) or depth not in _DEPTHS.get(colours, ()) or packing or filters or interlace > 1:
        raise DamagedError("its header says what PNG does not allow")
    return Header(width, height, depth, _CHANNELS[colours], bool(interlace))


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and data of each chunk, up to `IEND`; what follows that is not looked at.

    Raises:
        DamagedError: the file ends before `IEND` does, or the checksum of a chunk is wrong.
    """
    at = len(SIGNATURE)
    while True:
        length, name = struct.unpack_from(">I4s", content, at) if at + 8 <= len(content) else (0, b"")
        if not name or at + 12 + length > len(content):
            raise DamagedError(f"it is cut off after {len(content)} bytes")
        data = content[at + 8 : at + 8 + length]
        if zlib.crc32(name + data) != int.from_bytes(content[at + 8 + length : at + 12 + length], "big"):
            raise DamagedError(f"the checksum of its chunk {name!r} is wrong")
        yield name, data
        if name == b"IEND":
            return
        at += 12 + length


def frames(content: bytes, announced: Header) -> int:
    """Checks all chunks, and that the packed rows are as many as the header announces.

    Returns:
        The number of frames: more than 1 if it is animated.

    Raises:
        DamagedError: a chunk is damaged, or there are too few or too many rows.
    """
    count, packed = 1, []
    for name, data in chunks(content):
        if name == b"IDAT":
            packed.append(data)
        elif name == b"acTL" and len(data) == 8 and not packed:
            count = int.from_bytes(data[:4], "big")
    unpacking = zlib.decompressobj()
    try:
        size = len(unpacking.decompress(b"".join(packed), announced.unpacked + 1))
    except zlib.error as error:
        raise DamagedError(f"its rows cannot be unpacked: {error}") from None
    if size != announced.unpacked:
        raise DamagedError(
            f"its rows have {'more' if size > announced.unpacked else 'fewer'} bytes than its header says"
        )
    return count
