"""Knows one example of each message of adopting and importing, invented. See handlers.samples."""

from __future__ import annotations

from dataclasses import replace

from handlers.blocks.imports import import_message, import_written
from handlers.blocks.kit import Message
from handlers.blocks.plan import plan_message
from handlers.samples_plans import UPDATE
from setup.adopt import FoundTrail
from setup.change import Action, Change
from setup.filters import FoundAlarm, FoundFilter
from setup.imports import Found
from setup.watched import Watched
from trailwatch.site import Site, SiteConfig

_TOPIC = "arn:aws:sns:eu-west-1:123456789012:corp-security"
_TRAIL = FoundTrail(
    name="corp-trail",
    account="123456789012",
    region="eu-west-1",
    bucket="corp-trail-logs",
    log_group="/corp/trail",
    role="service-role/corp-trail-to-logs",
    kms="arn:aws:kms:eu-west-1:123456789012:key/0f0e0d0c-1111-2222-3333-444455556666",
    owner="Terraform (tag managed-by=terraform)",
    faults=("its files cannot be validated",),
)
_ORGANIZATION = FoundTrail(
    name="organization",
    account="111122223333",
    region="us-east-1",
    bucket="org-logs",
    log_group="",
    role="",
    kms="",
    hindrance="it belongs to the account 111122223333",
)
_ROOT = FoundFilter(
    "RootUsage",
    '{ $.userIdentity.type = "Root" }',
    "CIS",
    "RootUsage",
    (FoundAlarm("corp-RootUsage", (_TOPIC,)),),
)
_POLICY = FoundFilter("PolicyChanges", "{ $.eventName = PutRolePolicy }", "CIS", "PolicyChanges")
_ADOPTED = {**_TRAIL.brings, "topic": "corp-security"}
_CONFIG = SiteConfig(
    Site("prod", "123456789012", "eu-west-1"),
    adopted=_ADOPTED,
    watched={"root-usage": "corp-RootUsage"},
)
FOUND = Found(
    _CONFIG,
    _TRAIL,
    (_ORGANIZATION,),
    (
        Watched("root-usage", _ROOT, "corp-RootUsage", late=True),
        Watched("iam-policy-changes", _POLICY, lack="it has no alarm"),
    ),
    (FoundFilter("OurOwnThing", "{ $.eventName = Thing }", "Corp", "Thing"),),
    (
        *((f"adopted {kind}", "", name) for kind, name in _ADOPTED.items()),
        ("watched root-usage", "", "corp-RootUsage"),
        ("retention_days", "365", "731"),
    ),
    ("3 alarms tell arn:aws:sns:eu-west-1:123456789012:pager; that stays.",),
)
NOTHING = Found(replace(_CONFIG, adopted={}, watched={}), None, (), (), (), ())
THEIRS = replace(
    UPDATE,
    changes=(
        Change(
            Action.UPDATE,
            "trail",
            "corp-trail",
            {"logging": False, "multi_region": False},
            {"logging": True, "multi_region": True},
            _TRAIL.owner,
        ),
    ),
    notes=(
        f"Left as it is without --touch topic, for it is not ours ({_TRAIL.owner}): Change policy "
        "of the SNS topic corp-security.",
    ),
)


def messages() -> dict[str, Message]:
    """Every such message by a name of its own."""
    return {
        "import": import_message(FOUND, "prod:1", "alice"),
        "import-nothing": import_message(NOTHING, "prod:2", "alice"),
        "import-written": import_written("prod", _ADOPTED, 1, "alice"),
        "plan-theirs": plan_message(THEIRS, "alice"),
    }
