"""What PostgreSQL and Spark SQL write differently: names, literals, and arithmetic that must not raise.

PostgreSQL raises where a double overflows, and also where a product, a quotient or `exp` underflows to 0; every other
implementation of IEEE 754 goes on. So there each product by a constant knows from which number on it is 0 or infinite. The
results are those of the plain operation, bit for bit, but for `exp` and `share` below 1e-300, which are 0.

In both, NaN equals NaN and is more than any other number, and -0 equals 0.
"""

import math
import struct
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

from landfall.errors import SpecError

UNDERFLOW = Fraction(1, 2**1075)
"""A result of at most this size is rounded to 0."""
TINY = 1e-300
"""Quotients of an exponential smaller than this are given as 0, rather than to meet PostgreSQL's underflow."""
LARGEST_EXP = 709.782712893384
SQUARE_UNDERFLOW = 1.5717277847026285e-162
"""The largest number whose square is rounded to 0."""


class Dialect(Protocol):
    """How one database writes what every one can do. Arguments and results are SQL; an argument may be repeated."""

    name: str
    no_text: str
    """NULL as text."""
    fence: str
    """What keeps a subquery from being merged into the query around it, so that a name is computed once a row."""

    def identifier(self, name: str) -> str:
        """A name of a column, whatever it holds."""

    def text(self, value: str) -> str:
        """A literal."""

    def number(self, value: float) -> str:
        """A literal of a double: the shortest text that reads back as the same number."""

    def as_number(self, column: str) -> str:
        """A column as a double."""

    def as_text(self, column: str) -> str:
        """A column as text that is compared byte by byte."""

    def is_negative_zero(self, value: str) -> str:
        """Whether a double is -0."""

    def numbers(self, values: tuple[float, ...]) -> str:
        """A literal of an array of doubles."""

    def element(self, array: str, position: int) -> str:
        """The element at a position, the first 0."""

    def times(self, value: str, factor: float) -> str:
        """The product with a constant. Infinity where it overflows."""

    def over(self, value: str, divisor: float) -> str:
        """The quotient by a constant other than 0."""

    def square(self, value: str) -> str:
        """The value times itself, a value of less than 1e154."""

    def exp(self, value: str) -> str:
        """The exponential, infinity or 0 where it overflows or underflows; NaN for NaN."""

    def share(self, part: str, whole: str) -> str:
        """A quotient of an exponential by a sum that holds it."""


class PostgreSQL:
    """PostgreSQL 15 and later.

    Types are named with their schema. A temporary type comes before all others wherever the search path does not say otherwise,
    and everybody may make one: a domain called `float8`, whose CHECK is a function, would run in the place of the number.
    """

    name = "postgresql"
    no_text = "NULL::pg_catalog.text"
    fence = " OFFSET 0"

    def identifier(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        if "\0" in value:
            raise SpecError(f"PostgreSQL has no text with a NUL: {value!r}.")
        quoted = value.replace("'", "''")
        return f"'{quoted}'" if "\\" not in value else "E'" + quoted.replace("\\", "\\\\") + "'"

    def number(self, value: float) -> str:
        return f"'{self._plain(value)}'::pg_catalog.float8"

    def as_number(self, column: str) -> str:
        return f"{column}::pg_catalog.float8"

    def as_text(self, column: str) -> str:
        return f'{column}::pg_catalog.text COLLATE pg_catalog."C"'

    def is_negative_zero(self, value: str) -> str:
        return f"{value}::pg_catalog.text = '-0'"

    def numbers(self, values: tuple[float, ...]) -> str:
        return "'{" + ",".join(map(self._plain, values)) + "}'::pg_catalog.float8[]"

    def element(self, array: str, position: int) -> str:
        return f"({array})[{position + 1}]"

    def times(self, value: str, factor: float) -> str:
        return self._bounded(value, f"{value} * {self.number(factor)}", factor, abs(Fraction(factor)))

    def over(self, value: str, divisor: float) -> str:
        return self._bounded(value, f"{value} / {self.number(divisor)}", divisor, 1 / abs(Fraction(divisor)))

    def square(self, value: str) -> str:
        small = self.number(SQUARE_UNDERFLOW)
        zero = self.number(0.0)
        return f"CASE WHEN {value} BETWEEN -{small} AND {small} THEN {zero} ELSE {value} * {value} END"

    def exp(self, value: str) -> str:
        lowest, largest = self.number(math.log(TINY)), self.number(LARGEST_EXP)
        return (
            f"CASE WHEN {value} < {lowest} THEN {self.number(0.0)} WHEN {value} <= {largest} THEN pg_catalog.exp({value}) "
            f"ELSE {value} * {self.number(math.inf)} END"
        )

    def share(self, part: str, whole: str) -> str:
        return f"CASE WHEN {part} < {self.number(TINY)} THEN {self.number(0.0)} ELSE {part} / {whole} END"

    def _bounded(self, value: str, plain: str, constant: float, factor: Fraction) -> str:
        """`plain` where it neither overflows nor underflows; behind that a product that PostgreSQL lets pass."""
        if factor in (0, 1):
            return plain
        sign = math.copysign(1.0, constant)
        if factor > 1:
            edge, beyond = self.number(largest_finite(factor)), self.number(sign * math.inf)
            return f"CASE WHEN {value} BETWEEN -{edge} AND {edge} THEN {plain} ELSE {value} * {beyond} END"
        edge, beyond = self.number(largest_vanishing(factor)), self.number(sign * 0.0)
        return f"CASE WHEN {value} BETWEEN -{edge} AND {edge} THEN {value} * {beyond} ELSE {plain} END"

    def _plain(self, value: float) -> str:
        if math.isnan(value):
            return "NaN"
        return repr(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


class SparkSQL:
    """Spark SQL 4."""

    name = "spark"
    no_text = "CAST(NULL AS STRING)"
    fence = ""

    def identifier(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def number(self, value: float) -> str:
        if math.isnan(value):
            return "double('NaN')"
        return f"{value!r}D" if math.isfinite(value) else f"double('{'' if value > 0 else '-'}Infinity')"

    def as_number(self, column: str) -> str:
        return f"CAST({column} AS DOUBLE)"

    def as_text(self, column: str) -> str:
        return f"CAST({column} AS STRING)"

    def is_negative_zero(self, value: str) -> str:
        return f"CAST({value} AS STRING) = '-0.0'"

    def numbers(self, values: tuple[float, ...]) -> str:
        return f"array({', '.join(map(self.number, values))})"

    def element(self, array: str, position: int) -> str:
        return f"{array}[{position}]"

    def times(self, value: str, factor: float) -> str:
        return f"{value} * {self.number(factor)}"

    def over(self, value: str, divisor: float) -> str:
        return f"{value} / {self.number(divisor)}"

    def square(self, value: str) -> str:
        return f"{value} * {value}"

    def exp(self, value: str) -> str:
        return f"exp({value})"

    def share(self, part: str, whole: str) -> str:
        return f"{part} / {whole}"


@lru_cache(maxsize=4096)
def largest_finite(factor: Fraction) -> float:
    """The largest double whose product with `factor` (more than 1) is not rounded to infinity."""
    infinite = Fraction(2**1024 - 2**970)
    return _last(lambda value: Fraction(value) * factor < infinite)


@lru_cache(maxsize=4096)
def largest_vanishing(factor: Fraction) -> float:
    """The largest double whose product with `factor` (less than 1) is rounded to 0; 0 if there is none."""
    return _last(lambda value: Fraction(value) * factor <= UNDERFLOW)


def _last(holds: Callable[[float], bool]) -> float:
    """The largest double from 0 up that `holds` is true of, if it is true of all below it. By halving their 2^63 bit patterns."""
    low, high = 0, 0x7FEFFFFFFFFFFFFF
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(_double(middle)) else (low, middle - 1)
    return _double(low)


def _double(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<q", bits))[0]
    return value
