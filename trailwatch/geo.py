"""Knows where an address is, from a file in MaxMind's format. Asks no service, sends nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from trailwatch.errors import ConfigError

LONGEST = 80


class Reader(Protocol):
    """What maxminddb's reader does. Source: maxminddb's documentation, "Usage"."""

    def get(self, ip_address: str) -> object: ...


class GeoFile:
    """Places of addresses by a file such as GeoLite2-City, -Country or -ASN. Safe for threads."""

    def __init__(self, path: str, opened: Callable[[str], Reader] | None = None) -> None:
        """Raises ConfigError where the file cannot be read, or nothing is installed to read it."""
        if opened is None:
            try:
                opened = importlib.import_module("maxminddb").open_database
            except ImportError as error:
                raise ConfigError(
                    f"{path} cannot be read: maxminddb is not installed.",
                    fix="Install it (pip install maxminddb), or leave TRAILWATCH_MAXMIND_FILE out.",
                ) from error
        try:
            self._reader = opened(path)
        except (OSError, ValueError, RuntimeError) as error:
            # maxminddb's InvalidDatabaseError is a RuntimeError.
            raise ConfigError(f"{path} cannot be read as a MaxMind file.", str(error)) from error

    def place(self, address: str) -> str:
        """ "Berlin, Germany" or "AS64500 Example Net"; "" where the file has none of it."""
        try:
            found = self._reader.get(address)
        except (ValueError, RuntimeError):
            return ""  # a service's name, an address of another family, a torn file
        return place_of(found)


def nowhere(address: str) -> str:
    """The place of any address without a file."""
    return ""


def place_of(found: object) -> str:
    """What a record of the file says in a few words. Source: MaxMind's "GeoIP2 databases"."""
    city = _name(found, "city")
    country = _name(found, "country") or _name(found, "registered_country")
    number = _at(found, "autonomous_system_number")
    owner = _at(found, "autonomous_system_organization")
    parts = [part for part in (city, country) if part]
    net = f"AS{number}" if isinstance(number, int) else ""
    if isinstance(owner, str) and owner:
        net = f"{net} {owner}".strip()
    return ", ".join([*parts, *([net] if net else [])])[:LONGEST]


def _name(found: object, key: str) -> str:
    names = _at(_at(found, key), "names")
    name = _at(names, "en")
    return name if isinstance(name, str) else ""


def _at(found: object, key: str) -> Any:
    return found.get(key) if isinstance(found, Mapping) else None
