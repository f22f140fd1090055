"""Reads structs in Thrift's compact protocol, in which Parquet writes its footer and the headers of its pages.

pyarrow reads them too, but ends the whole process for some footers that make no sense, with an exception of C++ that nobody
catches. What a stranger has landed is therefore read here first. The protocol is described in
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from typing import Union

Value = Union[int, bytes, list["Value"], "Struct"]
Struct = dict[int, Value]
"""Number of a field -> its value."""

_DEEPEST = 16
_TRUE, _FALSE, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, (9, 10), 12


class BrokenThrift(Exception):
    """The bytes are no struct."""


class Compact:
    """Reads values from `data`, from the byte `place` on."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place, self._depth = data, 0, 0

    def struct(self) -> Struct:
        """The next struct.

        Raises:
            BrokenThrift: the bytes are none, or they end before it does.
        """
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BrokenThrift("it is too deep")
        fields: Struct = {}
        number = 0
        while head := self._byte():
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._signed()
            # The value of a boolean field is in its kind.
            fields[number] = int(kind == _TRUE) if kind in (_TRUE, _FALSE) else self._value(kind)
        self._depth -= 1
        return fields

    def _value(self, kind: int) -> Value:
        if kind in _INTEGERS:
            return self._signed()
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == _STRUCT:
            return self.struct()
        if kind not in _LISTS:
            raise BrokenThrift("it has a field of an unknown kind")
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self.data) - self.place:  # every element takes a byte at least
            raise BrokenThrift("it is cut off")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BrokenThrift("it is too deep")
        values = [self._value(head & 15) for _ in range(count)]
        self._depth -= 1
        return values

    def _bytes(self, count: int) -> bytes:
        self.place += count
        if self.place > len(self.data):
            raise BrokenThrift("it is cut off")
        return self.data[self.place - count : self.place]

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise BrokenThrift("it has a number that is too long")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def number(struct: Struct, *path: int, missing: int = 0) -> int:
    """The integer at a path of fields; `missing` if there is none."""
    value: Value | None = struct
    for field in path:
        value = value.get(field) if isinstance(value, dict) else None
    return value if isinstance(value, int) else missing


def structs(struct: Struct, field: int) -> list[Struct]:
    """The structs in a list; none if the field is no such list."""
    values = struct.get(field)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
