"""The page's hints and faults, held against what the product and the control understand."""

from __future__ import annotations

import pytest

from handlers.commands.table import COMMANDS
from sandbox.faults import parse_fault
from sandbox.page.panel import FAULTS, HINTS, FaultButton, Hint


@pytest.mark.parametrize("hint", HINTS, ids=lambda h: h.text)
def test_every_hint_is_a_command(hint: Hint) -> None:
    assert hint.text.removeprefix("/trailwatch ") in {c.name for c in COMMANDS}


@pytest.mark.parametrize("button", FAULTS, ids=lambda f: f.title)
def test_every_fault_can_be_asked_for(button: FaultButton) -> None:
    assert parse_fault(button.body).count
