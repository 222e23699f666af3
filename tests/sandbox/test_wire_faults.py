from __future__ import annotations

from typing import Any

import pytest

from sandbox.faults import BadFault, parse_fault


@pytest.mark.parametrize(
    "body",
    [
        {"target": "nobody"},
        {"target": "slack", "status": "abc"},
        {"target": "slack", "status": 7},
        {"target": "slack", "rate": 7},
        {"target": "slack", "count": -1},
        {"target": "slack", "retry_after": "soon"},
        {"target": "slack", "colour": "red"},
    ],
)
def test_a_fault_that_cannot_be_is_told(body: dict[str, Any]) -> None:
    with pytest.raises(BadFault) as caught:
        parse_fault(body)
    assert "must be" in str(caught.value) or "unknown keys" in str(caught.value)


def test_faults_in_both_spellings() -> None:
    assert parse_fault({"target": "slack", "status": 429, "retry_after": 2}).retry_after == 2
    assert parse_fault({"target": "slack", "lost": True}).kind == "lost"
    assert parse_fault({"target": "slack", "status": "lost", "late": 3}).late == 3
