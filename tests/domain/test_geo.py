"""Places of addresses, from what a MaxMind file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from trailwatch.errors import ConfigError
from trailwatch.geo import GeoFile, place_of

BERLIN = {"city": {"names": {"en": "Berlin"}}, "country": {"names": {"en": "Germany"}}}


@pytest.mark.parametrize(
    ("record", "place"),
    [
        (BERLIN, "Berlin, Germany"),
        ({"registered_country": {"names": {"en": "Chile"}}}, "Chile"),
        (
            {
                "autonomous_system_number": 64500,
                "autonomous_system_organization": "Example Net",
            },
            "AS64500 Example Net",
        ),
        ({"city": "odd", "country": {"names": ["en"]}}, ""),
        (None, ""),
    ],
)
def test_what_a_record_says(record: object, place: str) -> None:
    assert place_of(record) == place


class Rows:
    """A reader as maxminddb's: it refuses what is no address."""

    def get(self, ip_address: str) -> object:
        if not ip_address[:1].isdigit():
            raise ValueError(f"{ip_address!r} does not appear to be an IPv4 or IPv6 address")
        return BERLIN if ip_address == "198.51.100.23" else None


def test_addresses_have_places_and_services_have_none() -> None:
    geo = GeoFile("any.mmdb", lambda path: Rows())
    assert geo.place("198.51.100.23") == "Berlin, Germany"
    assert geo.place("203.0.113.9") == ""
    assert geo.place("cloudtrail.amazonaws.com") == ""


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "odd.mmdb"
    path.write_bytes(b"no database")
    with pytest.raises(ConfigError, match=r"odd\.mmdb"):
        GeoFile(str(path))
