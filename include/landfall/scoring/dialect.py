"""What PostgreSQL and Spark SQL write differently: names, literals, and arithmetic that must not raise.

PostgreSQL raises an error where a double overflows, and also where a product, a quotient or `exp` underflows to 0. Every other
implementation of IEEE 754 carries on. So in PostgreSQL each product by a constant is guarded: it knows from which number on its
result is 0 or infinite. The results are those of the plain operation, bit for bit, except for `exp` and `share` below 1e-300,
which give 0.

In both databases NaN equals NaN and is greater than any other number, and -0 equals 0.
"""

import math
import struct
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

from landfall.errors import SpecError

UNDERFLOW = Fraction(1, 2**1075)
"""A result of at most this size rounds to 0."""
TINY = 1e-300
"""Exponentials below this, and their quotients, are given as 0: PostgreSQL would raise an underflow error."""
LARGEST_EXP = 709.782712893384
SQUARE_UNDERFLOW = 1.5717277847026285e-162
"""The largest number whose square rounds to 0."""


class Dialect(Protocol):
    """How one database writes what all of them can do. Arguments and results are SQL; the SQL may repeat an argument."""

    name: str
    no_text: str
    """NULL as text."""
    fence: str
    """Keeps a subquery from being merged into the query around it, so that a name is computed once per row."""

    def identifier(self, name: str) -> str:
        """A column's name, quoted; it may hold any character."""

    def text(self, value: str) -> str:
        """A text literal."""

    def number(self, value: float) -> str:
        """A literal of a double: the shortest text that reads back as the same number."""

    def as_number(self, column: str) -> str:
        """The column as a double."""

    def as_text(self, column: str) -> str:
        """The column as text, which is compared byte by byte."""

    def is_negative_zero(self, value: str) -> str:
        """A condition: true if a double is -0."""

    def numbers(self, values: tuple[float, ...]) -> str:
        """A literal of an array of doubles."""

    def element(self, array: str, position: int) -> str:
        """The element at a position; the first position is 0."""

    def times(self, value: str, factor: float) -> str:
        """The product with a constant; infinity where it overflows."""

    def over(self, value: str, divisor: float) -> str:
        """The quotient by a constant that is not 0."""

    def single(self, value: str) -> str:
        """A double rounded to float32, which must hold it, and then a double again.

        The sum of two float32 numbers, computed in doubles and rounded so, is their sum in float32: 53 bits are more than
        twice 24 (Figueroa, "When is double rounding innocuous?", 1995).
        """

    def square(self, value: str) -> str:
        """The value times itself. The value must be less than 1e154."""

    def exp(self, value: str) -> str:
        """The exponential: infinity where it overflows, 0 where it underflows, NaN for NaN."""

    def share(self, part: str, whole: str) -> str:
        """The quotient of an exponential by a sum that includes it."""

    def element_of(self, vector: str, position: int) -> str:
        """The element of a vector column at a position counted from 0; 0 if the vector does not hold it.

        Raises:
            SpecError: the database has no vector columns.
        """

    def weights(self, values: tuple[float, ...]) -> str:
        """An array of doubles that `dot` multiplies with.

        Raises:
            SpecError: the database has no vector columns.
        """

    def dot(self, vector: str, weights: str) -> str:
        """The sum of the vector's elements, each times its weight, in the order in which the vector holds them.

        It is null if an element's position is no number or has no weight.

        Raises:
            SpecError: the database has no vector columns.
        """


class PostgreSQL:
    """PostgreSQL 15 and later.

    Types are named with their schema. Unless the search path says otherwise, a temporary type is found before all others, and
    anybody may make one: a domain called `float8` whose CHECK is a function would run in place of the number.
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

    def single(self, value: str) -> str:
        return f"({value})::pg_catalog.float4::pg_catalog.float8"

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

    def element_of(self, vector: str, position: int) -> str:
        raise self._no_vectors(vector)

    def weights(self, values: tuple[float, ...]) -> str:
        raise self._no_vectors(f"{len(values)} weights")

    def dot(self, vector: str, weights: str) -> str:
        raise self._no_vectors(vector)

    @staticmethod
    def _no_vectors(looked: str) -> SpecError:
        return SpecError(
            "A model of a vector column cannot be written for PostgreSQL.",
            looked=looked,
            next="score it in a stream, or train it on a column for each number",
        )

    def _bounded(self, value: str, plain: str, constant: float, factor: Fraction) -> str:
        """`plain` where it neither overflows nor underflows; elsewhere a product with the same result that PostgreSQL accepts."""
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

    def single(self, value: str) -> str:
        return f"CAST(CAST({value} AS FLOAT) AS DOUBLE)"

    def square(self, value: str) -> str:
        return f"{value} * {value}"

    def exp(self, value: str) -> str:
        return f"exp({value})"

    def share(self, part: str, whole: str) -> str:
        return f"{part} / {whole}"

    def element_of(self, vector: str, position: int) -> str:
        return f"coalesce(try_element_at({vector}, '{position}'), 0D)"

    def weights(self, values: tuple[float, ...]) -> str:
        # Folded into one constant when the query is planned. An `array(...)` is made anew for every element: 100 times slower.
        return f"from_json('[{','.join(map(repr, values))}]', 'ARRAY<DOUBLE>')"

    def dot(self, vector: str, weights: str) -> str:
        product = f"get({weights}, try_cast(e.key AS INT)) * e.value"
        return f"aggregate(map_entries({vector}), 0D, (a, e) -> a + {product})"


@lru_cache(maxsize=4096)
def largest_finite(factor: Fraction) -> float:
    """The largest double whose product with `factor` (more than 1) does not round to infinity."""
    infinite = Fraction(2**1024 - 2**970)
    return _last(lambda value: Fraction(value) * factor < infinite)


@lru_cache(maxsize=4096)
def largest_vanishing(factor: Fraction) -> float:
    """The largest double whose product with `factor` (less than 1) rounds to 0; 0 if there is none."""
    return _last(lambda value: Fraction(value) * factor <= UNDERFLOW)


def _last(holds: Callable[[float], bool]) -> float:
    """The largest double from 0 up for which `holds` is true, by bisection of the 2^63 bit patterns.

    `holds` must be true of every smaller double too.
    """
    low, high = 0, 0x7FEFFFFFFFFFFFFF
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(_double(middle)) else (low, middle - 1)
    return _double(low)


def _double(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<q", bits))[0]
    return value
