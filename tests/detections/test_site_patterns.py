"""The patterns that depend on a site's settings say what the settings say."""

from __future__ import annotations

import ipaddress
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.detections import load_catalogue, pattern_for
from trailwatch.errors import ConfigError
from trailwatch.pattern import parse

CATALOGUE = load_catalogue()
OFFICE = CATALOGUE["login-outside-office"]
LARGE = CATALOGUE["large-instance"]
SIZES = ["nano", "micro", "small", "medium", "large", "xlarge"] + [
    f"{n}xlarge" for n in (2, 3, 4, 6, 8, 9, 10, 12, 16, 18, 24, 32, 48, 56, 112)
]


def _outside(offices: list[str], address: str) -> bool:
    record = json.dumps({"eventName": "ConsoleLogin", "sourceIPAddress": address})
    return parse(pattern_for(OFFICE, offices)).matches(record)


def test_without_settings_the_catalogue_speaks() -> None:
    for detection in CATALOGUE:
        assert pattern_for(detection) == detection.pattern


def test_the_walkthroughs_office() -> None:
    assert pattern_for(OFFICE, ["8.8.8.8"]) == (
        '{ ($.eventName = "ConsoleLogin") && ($.sourceIPAddress != "8.8.8.8") }'
    )
    assert not _outside(["8.8.8.8"], "8.8.8.8")
    assert _outside(["8.8.8.8"], "8.8.8.80")


@given(
    st.lists(st.ip_addresses(v=4), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(1, 32), min_size=3, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_networks_are_what_cidr_says(
    bases: list[ipaddress.IPv4Address], lengths: list[int], noise: int
) -> None:
    networks = [
        ipaddress.IPv4Network((base, length), strict=False)
        for base, length in zip(bases, lengths, strict=False)
    ]
    offices = [str(network) for network in networks]
    edges = [network[0] for network in networks] + [network[-1] for network in networks]
    addresses = {ipaddress.IPv4Address(noise), *edges}
    addresses |= {edge + 1 for edge in edges if int(edge) < 2**32 - 1}
    addresses |= {edge - 1 for edge in edges if int(edge)}
    for address in addresses:
        inside = any(address in network for network in networks)
        assert _outside(offices, str(address)) is not inside


def test_ipv6_and_prefixes() -> None:
    assert not _outside(["2001:db8::/32"], "2001:db8::7")
    assert _outside(["2001:db8::/32"], "2001:db80::7")
    assert not _outside(["2001:db8::7"], "2001:db8::7")
    assert not _outside(["198.51.100.*", "203.0.113.0/24"], "198.51.100.9")
    assert _outside(["198.51.100.*", "203.0.113.0/24"], "198.51.10.9")


@pytest.mark.parametrize(
    "office", ["office", "300.1.1.1", "8.8.8.8/24", "8.8.8*", "0.0.0.0/0", "::/0", "2001:db8::/33"]
)
def test_an_address_that_cannot_be_said_is_refused(office: str) -> None:
    with pytest.raises(ConfigError, match="office addresses"):
        pattern_for(OFFICE, [office])


def test_more_networks_than_a_pattern_holds_are_refused() -> None:
    with pytest.raises(ConfigError, match="not one that AWS takes"):
        pattern_for(OFFICE, [f"10.0.0.{n}" for n in range(40)])


@pytest.mark.parametrize("allowed", SIZES)
def test_a_size_above_the_largest_allowed_matches_and_no_other(allowed: str) -> None:
    pattern = parse(pattern_for(LARGE, max_instance_size=allowed))
    for size in [*SIZES, "metal", "metal-24xl"]:
        record = {
            "eventName": "RunInstances",
            "requestParameters": {"instanceType": f"m7i.{size}"},
        }
        above = size not in SIZES or SIZES.index(size) > SIZES.index(allowed)
        assert pattern.matches(json.dumps(record)) is above, size


def test_a_size_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="'huge' is not a size"):
        pattern_for(LARGE, max_instance_size="huge")
