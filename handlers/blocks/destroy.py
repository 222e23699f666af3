"""Knows the modal that asks for a site's name before its pipeline is taken down. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.kit import Block, code, count, esc, label
from setup.change import LABELS

if TYPE_CHECKING:
    from setup.plan import Plan

CALLBACK = "plan.destroy"
NAME = "site_name"
INCLUDE = "include"

_GOES = {
    "bucket": "emptied first: every object and every version in it, for good",
    "log_group": "with every record in it, for good",
    "kms_key": "scheduled for deletion; what it encrypted cannot be read without it",
}


def destroy_view(plan: Plan, stays: Sequence[str], response_url: str) -> Block:
    """The modal for a plan that destroys. `stays`: the kinds that it leaves and could include."""
    opened = {"about": plan.id, "response_url": response_url if len(response_url) < 2000 else ""}
    goes = count(len(plan.changes), "resource")
    blocks: list[Block] = [
        kit.section(
            f":warning: This deletes {goes} in {code(plan.site, 60)}: no alarm of it fires any "
            "more. What stands is compared once more before."
        ),
        *(kit.section(f":warning: {esc(warning, 500)}") for warning in plan.checks.warnings[:5]),
        {
            "type": "input",
            "block_id": NAME,
            "label": kit.plain_text(f"Type {label(plan.site, 60)} to confirm", 150),
            "element": {
                "type": "plain_text_input",
                "action_id": NAME,
                "placeholder": kit.plain_text("the site's name", 100),
            },
        },
    ]
    if stays:
        blocks.append(_include(stays))
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": kit.plain_text("Take it down", 24),
        "submit": kit.plain_text("Destroy", 24),
        "close": kit.plain_text("Not now", 24),
        "private_metadata": json.dumps(opened),
        "blocks": blocks,
    }


def _include(stays: Sequence[str]) -> Block:
    options = [
        {
            "text": kit.plain_text(f"the {LABELS.get(kind, kind)}", 75),
            "description": kit.plain_text(_GOES.get(kind, "for good"), 75),
            "value": kind,
        }
        for kind in stays[:10]
    ]
    return {
        "type": "input",
        "block_id": INCLUDE,
        "optional": True,
        "label": kit.plain_text("Delete as well (a new plan is made, which asks again)", 150),
        "element": {"type": "checkboxes", "action_id": INCLUDE, "options": options},
    }
