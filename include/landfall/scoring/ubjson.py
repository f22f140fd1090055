"""Reads Universal Binary JSON (https://ubjson.org, draft 12), as XGBoost writes its models: big-endian, arrays of one type.

No library that is maintained does this. What is read is a stranger's file: every length is held against the bytes that are
there, and values may not be nested more than `DEEPEST` deep.
"""

import struct
from typing import Any

from landfall.errors import ModelError

DEEPEST = 50
NUMBERS = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}
"""Marker of a number -> its layout."""
CONSTANTS = {"Z": None, "T": True, "F": False}


class Reader:
    """Reads one document."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def document(self) -> Any:
        """The one value that the content is.

        Raises:
            ModelError: it is no document of UBJSON, or something follows it.
        """
        try:
            value = self._value(self._marker(), 0)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise self._refused(str(error)) from error
        if self.at != len(self.content):
            raise self._refused(f"{len(self.content) - self.at} bytes follow the document")
        return value

    def _marker(self) -> str:
        while (marker := self._take(1).decode("ascii")) == "N":
            pass  # "no operation"
        return marker

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.content) - self.at:
            raise self._refused(f"{count} bytes are wanted, {len(self.content) - self.at} are left")
        self.at += count
        return self.content[self.at - count : self.at]

    def _number(self, marker: str) -> Any:
        layout = NUMBERS[marker]
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _count(self, marker: str) -> int:
        if marker not in "iUIlL":
            raise self._refused(f"a length is marked `{marker}`")
        return int(self._number(marker))

    def _text(self) -> str:
        return self._take(self._count(self._marker())).decode()

    def _value(self, marker: str, deep: int) -> Any:
        if deep > DEEPEST:
            raise self._refused(f"values are nested more than {DEEPEST} deep")
        if marker in NUMBERS:
            return self._number(marker)
        if marker in CONSTANTS:
            return CONSTANTS[marker]
        match marker:
            case "S":
                return self._text()
            case "C":
                return self._take(1).decode("ascii")
            case "[":
                return self._array(deep)
            case "{":
                return self._object(deep)
        raise self._refused(f"`{marker}` marks no value")

    def _array(self, deep: int) -> list[Any]:
        marker, kind = self._marker(), ""
        if marker == "$":
            kind, marker = self._take(1).decode("ascii"), self._marker()
            if kind not in NUMBERS or marker != "#":
                raise self._refused(f"an array is of type `{kind}`, followed by `{marker}`")
        if marker == "#":
            count = self._count(self._marker())
            if kind:
                size = struct.calcsize(NUMBERS[kind])
                return list(struct.unpack(f">{count}{NUMBERS[kind][1]}", self._take(count * size)))
            if count > len(self.content):
                raise self._refused(f"an array of {count} values is longer than the file")
            return [self._value(self._marker(), deep + 1) for _ in range(count)]
        values = []
        while marker != "]":
            values.append(self._value(marker, deep + 1))
            marker = self._marker()
        return values

    def _object(self, deep: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while (marker := self._marker()) != "}":
            name = self._take(self._count(marker)).decode()
            values[name] = self._value(self._marker(), deep + 1)
        return values

    def _refused(self, what: str) -> ModelError:
        return ModelError(
            "The model's file is no UBJSON.",
            looked=f"byte {self.at} of {len(self.content)}: {what}",
            left="nothing was compiled",
            next="log the model again",
        )
