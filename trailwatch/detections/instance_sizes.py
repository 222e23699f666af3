"""Knows the sizes of EC2 instances and how a pattern says that one is larger; it asks no one."""

from __future__ import annotations

import re

from trailwatch.errors import ConfigError

DEFAULT_MAX_INSTANCE_SIZE = "4xlarge"

_SMALL_SIZES = ("nano", "micro", "small", "medium", "large")
_XLARGE = re.compile(r"([1-9][0-9]{0,2})?xlarge")


def larger_than(size: str) -> str:
    """The pattern of a launch of an EC2 instance larger than this size; raises ConfigError.

    The size stands in the request, or, for a launch template, only in the answer.
    """
    sizes = f"%{'|'.join(_sizes_above(size))}%"
    return (
        '{ ($.eventName = "RunInstances") && '
        f"(($.requestParameters.instanceType = {sizes}) || "
        f"($.responseElements.instancesSet.items[0].instanceType = {sizes})) }}"
    )


def _sizes_above(size: str) -> list[str]:
    """Regular expressions of AWS's subset (no parentheses) for all sizes above this one."""
    if size in _SMALL_SIZES:
        larger = _SMALL_SIZES[_SMALL_SIZES.index(size) + 1 :]
        return [*(rf"\.{name}" for name in larger), r"\.[0-9]*xlarge", r"\.metal"]
    found = _XLARGE.fullmatch(size)
    if not found:
        raise ConfigError(
            f"{size!r} is not a size of EC2 instance.",
            fix=f"Write one of {', '.join(_SMALL_SIZES)}, xlarge, 2xlarge, 4xlarge and so on.",
        )
    digits = found.group(1) or "1"
    above = []
    # Numbers of as many digits that are larger: alike up to one digit, which is larger.
    for place in reversed(range(len(digits))):
        if digits[place] < "9":
            first = str(int(digits[place]) + 1)
            digit = "9" if first == "9" else f"[{first}-9]"
            above.append(rf"\.{digits[:place]}{digit}{'[0-9]' * (len(digits) - place - 1)}xlarge")
    above.append(rf"\.[1-9]{'[0-9]' * (len(digits) - 1)}[0-9]+xlarge")
    return [*above, r"\.metal"]
