from __future__ import annotations

import pytest

from trailwatch.detections import load_catalogue
from trailwatch.detections.own import (
    MOST,
    added,
    from_json,
    removed,
    to_json,
    together,
    typed_detection,
)
from trailwatch.errors import LimitExceeded, NotFound, UsageError

OURS = load_catalogue()
PATTERN = '{ $.eventName = "DeleteVpnConnection" }'


def test_what_was_added_is_in_the_catalogue_and_comes_back() -> None:
    own = added({}, typed_detection("vpn-deleted", "p2", "VPN deleted", PATTERN, "alice"), OURS)
    assert from_json(to_json(own)) == own
    catalogue = together(OURS, own)
    assert catalogue["vpn-deleted"].pattern == PATTERN
    assert [one.id for one in catalogue.pack("own")] == ["vpn-deleted"]
    assert len(catalogue) == len(OURS) + 1
    assert removed(own, "vpn-deleted") == {}


@pytest.mark.parametrize(
    ("id_", "severity", "title", "pattern", "what"),
    [
        ("VPN", "P2", "t", PATTERN, "no id"),
        ("x" * 61, "P2", "t", PATTERN, "no id"),
        ("vpn", "P9", "t", PATTERN, "no severity"),
        ("vpn", "P2", " ", PATTERN, "title"),
        ("vpn", "P2", "t" * 101, PATTERN, "title"),
        ("vpn", "P2", "t", "{ $.a = }", "refuses this pattern"),
    ],
)
def test_what_cannot_be_one_is_told(
    id_: str, severity: str, title: str, pattern: str, what: str
) -> None:
    with pytest.raises(UsageError) as caught:
        typed_detection(id_, severity, title, pattern, "alice")
    assert what in caught.value.what


def test_limits() -> None:
    one = typed_detection("vpn-deleted", "P2", "t", PATTERN, "alice")
    with pytest.raises(UsageError):
        added({}, typed_detection("root-usage", "P2", "t", PATTERN, "alice"), OURS)
    full = {f"d-{n}": typed_detection(f"d-{n}", "P2", "t", PATTERN, "") for n in range(MOST)}
    with pytest.raises(LimitExceeded):
        added(full, one, OURS)
    assert added(full, typed_detection("d-1", "P1", "t", PATTERN, ""), OURS)["d-1"].severity == "P1"
    with pytest.raises(NotFound):
        removed({}, "vpn-deleted")
