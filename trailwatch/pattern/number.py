"""Numbers as AWS compares and prints them: exact integers, IEEE doubles; it never rounds a literal.

The service is Java: a number with a fraction or exponent in a message becomes a double and its text
is that of Double.toString; a number in a pattern is a BigDecimal, whose scale must fit 32 bits.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import cached_property

_FIELD = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EXPONENT = re.compile(r"(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$")
_INT32 = range(-(2**31), 2**31)


class JsonNumber:
    """A number of a message: `text` as AWS prints it, `value` exact, None where it overflows."""

    def __init__(self, written: str, *, integral: bool) -> None:
        self.written = written
        self.integral = integral

    @cached_property
    def text(self) -> str:
        """What a string comparison sees: integers as written, the others as Java prints doubles."""
        return self.written if self.integral else java_double(float(self.written))

    @cached_property
    def value(self) -> Decimal | None:
        """What a numeric comparison sees: None for a double that overflows to infinity."""
        if self.integral:
            return Decimal(self.written)
        double = float(self.written)
        return Decimal(repr(double)) if math.isfinite(double) else None


def integer(written: str) -> JsonNumber:
    """The number that an integer token of JSON stands for."""
    return JsonNumber(written, integral=True)


def fraction(written: str) -> JsonNumber:
    """The number that a JSON token with a fraction or an exponent stands for."""
    return JsonNumber(written, integral=False)


def literal(text: str) -> Decimal | None:
    """The exact value of a number in a pattern; None where its scale does not fit 32 bits."""
    parts = _EXPONENT.search(text)
    exponent = (parts and parts.group(2)) or "0"
    places = len((parts and parts.group(1)) or "")
    # A few digits beyond the range are enough to know that it is out of it.
    if len(exponent.lstrip("+-").lstrip("0")) > 10:
        return None
    if int(exponent) not in _INT32 or places - int(exponent) not in _INT32:
        return None
    return Decimal(text)


def of_field(text: str) -> Decimal | None:
    """The exact value of a space-delimited field, None if it is not a number."""
    return literal(text) if _FIELD.fullmatch(text) else None


def java_double(double: float) -> str:
    """The text that Double.toString gives (Java 19 and newer): `1.0`, `1.0E10`, `Infinity`."""
    if math.isinf(double):
        return "Infinity" if double > 0 else "-Infinity"
    if double == 0:
        return "-0.0" if math.copysign(1, double) < 0 else "0.0"
    sign, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    assert isinstance(exponent, int)  # the double is finite
    if len(digits) == 1:
        # Java prints at least two digits, and picks the two that come nearest.
        sign, digits, exponent = Decimal(f"{double:.1e}").as_tuple()
        assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent  # where the decimal point stands, counted from the first digit
    minus = "-" if sign else ""
    if -3 < point <= 7:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{text.rstrip('0') or '0'}"
        whole, rest = text[:point].ljust(point, "0"), text[point:].rstrip("0")
        return f"{minus}{whole}.{rest or '0'}"
    return f"{minus}{text[0]}.{text[1:].rstrip('0') or '0'}E{point - 1}"
