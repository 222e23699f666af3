"""The page's hints and faults, held against what the product and the control understand."""

from __future__ import annotations

import pytest

from handlers.commands.table import COMMANDS
from sandbox.faults import parse_fault
from sandbox.page.panel import HINTS, SERVICES, FaultButton, Hint, faults, first_steps


@pytest.mark.parametrize("hint", HINTS, ids=lambda h: h.text)
def test_every_hint_is_a_command(hint: Hint) -> None:
    assert hint.text.removeprefix("/trailwatch ") in {c.name for c in COMMANDS}


FAULTS = {button.title: button for router in SERVICES for button in faults(router)}


@pytest.mark.parametrize("button", FAULTS.values(), ids=FAULTS)
def test_every_fault_can_be_asked_for(button: FaultButton) -> None:
    assert parse_fault(button.body).count


@pytest.mark.parametrize("router", SERVICES)
def test_hints_of_what_to_try_and_faults_name_what_is_there(router: str) -> None:
    words = [word for step in first_steps(router) for word in step.words]
    titles = [button.title for button in faults(router)]
    said = " ".join([*words, *titles])
    for other, name in SERVICES.items():
        assert not name or (name in said) is (other == router)
    assert ("topic that tells the bot" in said) is (router == "direct")
    targets = {str(button.body["target"]) for button in faults(router)}
    assert ("sns" in targets) is (router == "direct")
    typed = [word for word in words if word.startswith("/trailwatch ")]
    assert typed == ["/trailwatch setup plan"] and "Apply" in words and "Acknowledge" in words
