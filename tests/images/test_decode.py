"""A picture becomes the vector that is promised, and every kind of bad picture is refused with its reason."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from landfall.errors import SpecError
from landfall.images import Picture, Refusal, decode

EIGHT = Picture(width=8, height=8)
ROW = bytes(range(0, 256, 32))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(rows: bytes, width: int = 8, height: int = 8, depth: int = 8, colours: int = 0, before: bytes = b"") -> bytes:
    """A PNG file by hand: `rows` as they are before packing, and chunks that come before them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def gray(width: int = 8, height: int = 8, mode: str = "L") -> Image.Image:
    return Image.new("L", (width, height), 100).convert(mode)


GOOD = png((b"\0" + ROW) * 8)
TURNED = Image.Exif()
TURNED[0x0112] = 6
UPRIGHT = Image.Exif()
UPRIGHT[0x0112] = 1

BAD = {
    "0 bytes": (b"", "empty file (0 bytes)"),
    "a text": (b"hello, world", "no PNG: begins with b'hello, w'"),
    "cmyk": (saved(Image.new("CMYK", (8, 8)), "JPEG"), "no PNG but JPEG"),
    "tiff": (saved(Image.new("CMYK", (8, 8)), "TIFF"), "no PNG but TIFF"),
    "gif": (saved(gray(), "GIF"), "no PNG but GIF"),
    "signature alone": (GOOD[:8], "damaged PNG: it is cut off after 8 bytes"),
    "cut off": (GOOD[:45], "damaged PNG: it is cut off after 45 bytes"),
    "without end": (GOOD[:-12], f"damaged PNG: it is cut off after {len(GOOD) - 12} bytes"),
    "changed": (
        GOOD[:45] + bytes([GOOD[45] ^ 1]) + GOOD[46:],
        "damaged PNG: the checksum of its chunk b'IDAT' is wrong",
    ),
    "rows missing": (png((b"\0" + ROW) * 5), "damaged PNG: its rows have fewer bytes than its header says"),
    "rows too many": (png((b"\0" + ROW) * 9), "damaged PNG: its rows have more bytes than its header says"),
    "no size": (png(b"", width=0), "damaged PNG: its header says what PNG does not allow"),
    "no depth": (png((b"\0" + ROW) * 8, depth=3), "damaged PNG: its header says what PNG does not allow"),
    "no header": (GOOD[:8] + GOOD[33:], "damaged PNG: it has no header"),
    "pixel bomb": (
        png(b"\0" * 1000, width=10_000, height=10_000),
        "10000 x 10000 pixels, more than 4000000 in all",
    ),
    "row bomb": (png(b"\0" * 50_000_000), "damaged PNG: its rows have more bytes than its header says"),
    "16 bits": (png((b"\0" + ROW * 2) * 8, depth=16), "16 bits a channel, expected at most 8"),
    "16 bits of colour": (png((b"\0" + ROW * 6) * 8, depth=16, colours=2), "16 bits a channel, expected at most 8"),
    "animated": (
        saved(gray(), save_all=True, append_images=[Image.new("L", (8, 8), 7)]),
        "animated PNG of 2 frames",
    ),
    "turned": (saved(gray(), exif=TURNED), "rotated by EXIF (orientation 6)"),
    "see-through": (
        saved(Image.new("RGBA", (8, 8), (1, 2, 3, 254))),
        "see-through pixels, whose gray depends on a background",
    ),
    "see-through gray": (saved(gray(), transparency=100), "see-through pixels, whose gray depends on a background"),
    "small": (saved(gray(4, 4)), "4 x 4 pixels, expected at least 8 x 8"),
    "wide": (saved(gray(16, 8)), "16 x 8 pixels, expected the proportions of 8 x 8"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_picture_is_refused_with_its_reason(kind: str) -> None:
    content, reason = BAD[kind]

    assert decode(content, EIGHT) == Refusal(reason)


def test_a_text_that_unpacks_to_too_much_is_refused() -> None:
    bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 50_000_000))
    answer = decode(png((b"\0" + ROW) * 8, before=bomb), EIGHT)

    assert isinstance(answer, Refusal)
    assert answer.reason.startswith("damaged PNG: Decompressed data too large")


def test_a_file_that_is_too_large_is_refused() -> None:
    most = len(GOOD)

    assert not isinstance(decode(GOOD, Picture(width=8, height=8, max_bytes=most)), Refusal)
    assert decode(GOOD, Picture(width=8, height=8, max_bytes=most - 1)) == Refusal(
        f"file of more than {most - 1} bytes"
    )


def test_a_picture_is_refused_wherever_it_is_cut_off() -> None:
    accepted = [cut for cut in range(len(GOOD)) if not isinstance(decode(GOOD[:cut], EIGHT), Refusal)]

    assert accepted == []


@given(at=st.integers(8, len(GOOD) - 1), change=st.integers(1, 255))
def test_a_picture_is_refused_whichever_byte_has_changed(at: int, change: int) -> None:
    assert isinstance(decode(GOOD[:at] + bytes([GOOD[at] ^ change]) + GOOD[at + 1 :], EIGHT), Refusal)


@given(st.binary(max_size=400))
def test_no_rows_make_it_raise(rows: bytes) -> None:
    answer = decode(png(rows), EIGHT)

    assert isinstance(answer, Refusal) or answer.shape == (64,)


def test_the_vector_is_the_gray_values_row_by_row() -> None:
    vector = decode(GOOD, EIGHT)

    assert not isinstance(vector, Refusal)
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, np.tile(np.frombuffer(ROW, np.uint8), 8) / np.float32(255))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_opaque_picture_gives_the_same_grays(mode: str) -> None:
    vector = decode(saved(gray(mode=mode)), EIGHT)

    assert not isinstance(vector, Refusal)
    np.testing.assert_array_equal(vector, np.full(64, 100, np.float32) / np.float32(255))


@pytest.mark.parametrize(("colour", "expected"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)])
def test_colours_become_gray_by_their_luma(colour: tuple[int, int, int], expected: int) -> None:
    vector = decode(saved(Image.new("RGB", (8, 8), colour)), EIGHT)

    assert not isinstance(vector, Refusal)
    assert set(np.rint(vector * 255)) == {expected}


def test_one_bit_is_black_or_white() -> None:
    vector = decode(png(b"\0\xf0" * 8, depth=1), EIGHT)

    assert not isinstance(vector, Refusal)
    assert vector.tolist() == ([1.0] * 4 + [0.0] * 4) * 8


def test_a_cell_is_the_mean_of_its_pixels() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (32, 16), np.uint8)
    vector = decode(saved(Image.fromarray(pixels)), Picture(width=4, height=8))

    assert not isinstance(vector, Refusal)
    means = pixels.reshape(8, 4, 4, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(vector.reshape(8, 4) * 255, means, rtol=1e-6)


def test_an_interlaced_picture_has_the_rows_that_its_passes_have() -> None:
    # 8 x 8 in seven passes: 1 x 1, 1 x 1, 2 x 1, 2 x 2, 4 x 2, 4 x 4, 8 x 4 (columns x rows), each row with its filter
    passes = b"".join((b"\0" + b"\x64" * columns) * rows for columns, rows in PASSES)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1))
    rows, short = chunk(b"IDAT", zlib.compress(passes)), chunk(b"IDAT", zlib.compress(passes[:-9]))
    whole = decode(GOOD[:8] + header + rows + chunk(b"IEND", b""), EIGHT)

    assert not isinstance(whole, Refusal)
    assert set(np.rint(whole * 255)) == {100}
    assert decode(GOOD[:8] + header + short + chunk(b"IEND", b""), EIGHT) == Refusal(BAD["rows missing"][1])


PASSES = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)]


def test_an_upright_rotation_is_none() -> None:
    assert not isinstance(decode(saved(gray(), exif=UPRIGHT), EIGHT), Refusal)


def test_no_warning_reaches_the_caller() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for content, _ in BAD.values():
            decode(content, EIGHT)


def test_the_digits_of_scikit_learn_survive_as_pictures() -> None:
    digits = load_digits().images
    for digit in digits:
        vector = decode(saved(Image.fromarray(np.rint(digit * (255 / 16)).astype(np.uint8))), EIGHT)
        assert not isinstance(vector, Refusal)
        np.testing.assert_array_equal(np.rint(vector * 16), digit.ravel())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Picture(width=0, height=8),
            "`width` of a picture is 0.\n  looked: expected a whole number from 1 to 512",
        ),
        (
            lambda: Picture(width=8, height=True),
            "`height` of a picture is True.\n  looked: expected a whole number from 1 to 512",
        ),
        (
            lambda: Picture(width=8, height=8, max_pixels=60_000_000),
            "`max_pixels` of a picture is 60000000.\n  looked: expected a whole number from 1 to 50000000",
        ),
        (
            lambda: Picture(width=8, height=8, max_pixels=63),
            "`max_pixels` of a picture is 63, so no picture would be accepted.\n  looked: a picture has at least 8 x 8 pixels",
        ),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(make: Callable[[], Picture], message: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()

    assert str(refused.value) == message
