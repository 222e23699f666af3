"""The patterns of the detections that depend on a site's settings; it knows nothing else of a site.

Two do: `login-outside-office` (the addresses of the offices) and `large-instance` (the largest size
that the site allows). Without a setting they have the pattern of the catalogue: 0.0.0.0 as the
only office, an address that no login has, so that every console login is outside, and 4xlarge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trailwatch.detections.detection import Detection
from trailwatch.errors import ConfigError
from trailwatch.pattern import PatternError, parse
from trailwatch.pattern.addresses import AddressError, excluding

OUTSIDE_OFFICE = "login-outside-office"
LARGE_INSTANCE = "large-instance"
DEFAULT_OFFICES = ("0.0.0.0",)  # noqa: S104 - nobody binds to it; nobody logs in from it
DEFAULT_MAX_INSTANCE_SIZE = "4xlarge"

_SMALL_SIZES = ("nano", "micro", "small", "medium", "large")
_XLARGE = re.compile(r"([1-9][0-9]{0,2})?xlarge")


def pattern_for(
    detection: Detection,
    offices: Sequence[str] = (),
    max_instance_size: str = DEFAULT_MAX_INSTANCE_SIZE,
) -> str:
    """The filter pattern of a detection at a site.

    offices: addresses (`198.51.100.7`), networks (`198.51.100.0/24`) or prefixes (`198.51.100.*`)
    from which people log in; none means that every login is outside.
    max_instance_size: the largest size of EC2 instance allowed, e.g. `large`, `4xlarge`.
    Raises ConfigError for a setting that cannot be used or a pattern longer than AWS allows.
    """
    if detection.id == OUTSIDE_OFFICE and offices:
        text = outside_offices(offices)
    elif detection.id == LARGE_INSTANCE:
        text = larger_than(max_instance_size)
    else:
        return detection.pattern
    try:
        parse(text)
    except PatternError as error:
        raise ConfigError(
            f"The pattern of {detection.id} is not one that AWS takes.",
            str(error)[-200:],
            "Give fewer or larger office networks.",
        ) from error
    return text


def outside_offices(offices: Sequence[str]) -> str:
    """The pattern of a console login from anywhere else; raises ConfigError for a bad address."""
    try:
        tests = excluding("$.sourceIPAddress", offices)
    except AddressError as error:
        raise ConfigError(
            "The office addresses cannot be used.",
            str(error),
            "Write an address, a network like 198.51.100.0/24, or a prefix like 198.51.100.*.",
        ) from error
    return (
        " && ".join(['{ ($.eventName = "ConsoleLogin")', *(f"({test})" for test in tests)]) + " }"
    )


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
