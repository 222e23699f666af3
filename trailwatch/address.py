"""Knows where a call came from: an office, AWS itself, a VPC endpoint, elsewhere. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,39})=(.+)")
_ENDPOINT = re.compile(r"vpce-[0-9a-f]{8,40}")
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")


class OriginKind(StrEnum):
    OFFICE = "office"
    SERVICE = "service"
    ENDPOINT = "endpoint"
    PRIVATE = "private"
    PUBLIC = "public"
    OTHER = "other"
    """No address: what stands there is the record's own text."""


@dataclass(frozen=True)
class Origin:
    """Where a call came from. `name` is the office's, the service's or the endpoint's."""

    kind: OriginKind
    address: str
    name: str = ""


def office_name(office: str) -> str:
    """The name in "berlin=203.0.113.0/24", "" where there is none."""
    found = _NAMED.fullmatch(office)
    return found[1] if found else ""


def office_range(office: str) -> str:
    """The address, network or prefix of an office without its name."""
    found = _NAMED.fullmatch(office)
    return found[2] if found else office


def origin_of(address: str, vpc_endpoint: str = "", offices: Collection[str] = ()) -> Origin:
    """Where a call came from, by the record's sourceIPAddress and vpcEndpointId.

    offices: addresses, networks or prefixes ("203.0.113.*"), each with a name before "=" or not.
    Source: "CloudTrail record contents" in the AWS CloudTrail user guide: a service's call has
    the service's DNS name, or "AWS Internal".
    """
    if address in ("AWS Internal", "AWS-Internal"):
        return Origin(OriginKind.SERVICE, address, "AWS itself")
    if _SERVICE.fullmatch(address[:200]):
        name = re.sub(r"\.amazonaws\.com(\.cn)?$", "", address)
        return Origin(OriginKind.SERVICE, address, name)
    office = _office_of(address, offices)
    if office is not None:
        return Origin(OriginKind.OFFICE, address, office_name(office))
    if _ENDPOINT.fullmatch(vpc_endpoint[:60]):
        return Origin(OriginKind.ENDPOINT, address, vpc_endpoint)
    found = _single(address)
    if found is None:
        return Origin(OriginKind.OTHER, address)
    kind = OriginKind.PUBLIC
    if any(found in net for net in _PRIVATE if net.version == found.version):
        kind = OriginKind.PRIVATE
    return Origin(kind, address)


def is_office(address: str, offices: Collection[str]) -> bool:
    """Whether an address lies in one of the ranges."""
    return _office_of(address, offices) is not None


def _office_of(address: str, offices: Collection[str]) -> str | None:
    found = _single(address)
    if found is None:
        return None
    for office in offices:
        network = _network(office_range(office))
        if network is not None and network.version == found.version and found in network:
            return office
    return None


def _single(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if len(text) > 45:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if found.version == 6 else None
    return mapped or found


@lru_cache(maxsize=512)
def _network(text: str) -> Network | None:
    """The range that a setting names; None for a mistyped one."""
    parts = text.split(".")
    if text.endswith(".*") and len(parts) <= 4 and all(p.isdigit() for p in parts[:-1]):
        bits = 8 * (len(parts) - 1)
        text = ".".join([*parts[:-1], *["0"] * (5 - len(parts))]) + f"/{bits}"
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


# Not `is_private`: Python counts the ranges of examples to it.
_PRIVATE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
