"""Addresses and networks in the words of the pattern language, which has no CIDR; pure text.

An address is equal by its text. A network whose length is a multiple of 8 bits is a prefix with a
star (`198.51.100.*`); all others together become one regular expression, because AWS allows only
two in a pattern.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from trailwatch.pattern.printing import value_text
from trailwatch.pattern.syntax import Literal, RegexLiteral

_PREFIX = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){1,3}\*")


class AddressError(ValueError):
    """An address or network that the pattern language cannot express; says which and why."""


def excluding(selector: str, addresses: Sequence[str]) -> list[str]:
    """Tests that together hold for an address outside all of these; join them with `&&`.

    selector: e.g. `$.sourceIPAddress`; addresses: IPv4 or IPv6 addresses, networks as CIDR, or
    IPv4 prefixes like `198.51.100.*`. Raises AddressError.
    """
    return [f"{selector} != {value_text(value)}" for value in network_values(addresses)]


def network_values(addresses: Sequence[str]) -> list[Literal | RegexLiteral]:
    """What addresses and networks are compared with: texts, and at most one regular expression.

    As `excluding`. Raises AddressError.
    """
    texts: list[str] = []
    expressions: list[str] = []
    for address in dict.fromkeys(address.strip() for address in addresses):
        if _PREFIX.fullmatch(address):
            texts.append(address)
            continue
        try:
            network = ipaddress.ip_network(address)
        except ValueError as error:
            raise AddressError(str(error)) from error
        if network.prefixlen == network.max_prefixlen:
            texts.append(str(network.network_address))
        elif isinstance(network, ipaddress.IPv6Network):
            texts.append(_ipv6_prefix(network))
        elif network.prefixlen % 8 == 0 and network.prefixlen:
            octets = str(network.network_address).split(".")[: network.prefixlen // 8]
            texts.append(".".join(octets) + ".*")
        else:
            expressions.extend(_ipv4_expressions(network))
    values: list[Literal | RegexLiteral] = [Literal(text) for text in dict.fromkeys(texts)]
    return [*values, *([RegexLiteral("|".join(expressions))] if expressions else [])]


def _ipv4_expressions(network: ipaddress.IPv4Network) -> list[str]:
    """Expressions, one of which finds an address of the network; its length is no multiple of 8."""
    if not network.prefixlen:
        raise AddressError(f"{network} holds every address")
    whole = network.prefixlen // 8
    first = str(network.network_address).split(".")
    last = str(network.broadcast_address).split(".")
    before = "".join(rf"{octet}\." for octet in first[:whole])
    behind = r"\." if whole < 3 else "$"
    return [f"^{before}{digits}{behind}" for digits in number_range(first[whole], last[whole])]


def number_range(least: str, most: str) -> list[str]:
    """Expressions without parentheses, one of which fits a whole number from least to most."""
    found: list[str] = []
    while len(least) < len(most):
        found.extend(_same_length(least, "9" * len(least)))
        least = "1" + "0" * len(least)
    return [*found, *_same_length(least, most)]


def _same_length(least: str, most: str) -> list[str]:
    """The same for two numbers of as many digits."""
    if least == most:
        return [least]
    if least[0] == most[0]:
        return [least[0] + rest for rest in _same_length(least[1:], most[1:])]
    zeros, nines = "0" * (len(least) - 1), "9" * (len(least) - 1)
    if least[1:] == zeros and most[1:] == nines:
        return [f"[{least[0]}-{most[0]}]" + "[0-9]" * len(zeros)]
    if least[1:] != zeros:
        upper = str(int(least[0]) + 1) + zeros
        return [*_same_length(least, least[0] + nines), *_same_length(upper, most)]
    lower = str(int(most[0]) - 1) + nines
    return [*_same_length(least, lower), *_same_length(most[0] + zeros, most)]


def _ipv6_prefix(network: ipaddress.IPv6Network) -> str:
    """The text that all addresses of the network start with, and no others."""
    groups = network.network_address.exploded.split(":")[: network.prefixlen // 16]
    short = [group.lstrip("0") for group in groups]
    if network.prefixlen % 16 or not short or not all(short):
        raise AddressError(
            f"{network}: an IPv6 network must be /16, /32, /48 or another multiple of 16, and "
            "none of its groups may be zero, because AWS compares addresses as text"
        )
    return ":".join(short) + ":*"
