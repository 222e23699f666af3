"""Knows one example of each answer of `coverage`, all invented. See handlers.samples."""

from __future__ import annotations

from handlers.blocks.coverage import coverage_message
from handlers.blocks.kit import Message
from trailwatch.coverage import LiveFilter, judge, load_controls
from trailwatch.detections import load_catalogue

_TUNED = (
    '{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS) '
    '&& ($.eventType != "AwsServiceEvent") && ($.awsRegion != "eu-*") }'
)
_OFF = ("The actions of the alarm vpc-changes are off.",)


def messages() -> dict[str, Message]:
    """Every answer by a name of its own."""
    catalogue = load_catalogue()
    controls = load_controls(catalogue)
    whole = [LiveFilter(one.id, "trail", one.pattern) for one in catalogue.pack("cis")]
    broken = [
        LiveFilter("root-usage", "trail", _TUNED),
        LiveFilter("vpc-changes", "trail", catalogue["vpc-changes"].pattern, problems=_OFF),
        *(one for one in whole if one.name not in ("root-usage", "vpc-changes", "nacl-changes")),
    ]
    note = "audit feeds /audit/records in eu-west-1; not looked at there."
    return {
        "coverage": coverage_message("production", judge(controls, whole), ()),
        "coverage-gaps": coverage_message("production", judge(controls, broken), (note,)),
    }
