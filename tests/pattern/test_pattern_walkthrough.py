"""Lint, explain and edit on the six patterns that a public walkthrough of this pipeline uses."""

from __future__ import annotations

import json

import pytest

from trailwatch.pattern import Rule, parse
from trailwatch.pattern.addresses import network_values
from trailwatch.pattern.edit import exclude, exclusions, include, selector
from trailwatch.pattern.syntax import Literal

OUTSIDE = '{ ($.eventName = ConsoleLogin) && ($.sourceIPAddress != "8.8.8.8") }'
ROOT = '{ ($.eventName = ConsoleLogin) && ($.userIdentity.type = "Root") }'
FAILED = '{ ($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication") }'
DENIED = '{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }'
LARGE = (
    "{ ($.eventName = RunInstances) && (($.requestParameters.instanceType = *.8xlarge) || "
    "($.requestParameters.instanceType = *.4xlarge)) }"
)
CREATED = '{ $.eventName="CreateUser" }'
WALKTHROUGH = [OUTSIDE, ROOT, FAILED, DENIED, LARGE, CREATED]

LOGIN = {
    "eventName": "ConsoleLogin",
    "sourceIPAddress": "203.0.113.9",
    "userIdentity": {"type": "Root"},
    "errorMessage": "Failed authentication",
    "responseElements": {"ConsoleLogin": "Failure"},
}
LAUNCH = {
    "eventName": "RunInstances",
    "sourceIPAddress": "203.0.113.9",
    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/alice"},
    "requestParameters": {"instanceType": "c5.4xlarge"},
    "errorCode": "Client.UnauthorizedOperation",
}
USER = {**LAUNCH, "eventName": "CreateUser", "requestParameters": {"userName": "bob"}}
OBJECT = "The message is one JSON object in which "


def test_lint_tells_of_the_one_that_forgets_most_sizes() -> None:
    assert [text for text in WALKTHROUGH if parse(text).lint()] == [LARGE]
    (found,) = parse(LARGE).lint()
    assert found.rule is Rule.SOME_SIZES
    assert found.why.startswith("Only *.8xlarge and *.4xlarge, of more than a dozen sizes")
    better = parse(found.instead)
    assert better.lint() == ()
    for size, matched in (
        ("large", False), ("2xlarge", False), ("4xlarge", True), ("8xlarge", True),
        ("9xlarge", True), ("16xlarge", True), ("112xlarge", True), ("metal", True),
        ("metal-24xl", True),
    ):  # fmt: skip
        launch = {**LAUNCH, "requestParameters": {"instanceType": f"c5.{size}"}}
        assert better.matches(json.dumps(launch)) is matched, size


@pytest.mark.parametrize(
    ("text", "rule", "instead"),
    [
        (
            OUTSIDE.replace(") }", ' || $.sourceIPAddress != "198.51.100.7") }'),
            Rule.ALWAYS,
            '{ ($.eventName = "ConsoleLogin") && ($.sourceIPAddress != "8.8.8.8") && '
            '($.sourceIPAddress != "198.51.100.7") }',
        ),
        (
            OUTSIDE.replace('"8.8.8.8"', "8.8.8*"),
            Rule.LOOSE_PREFIX,
            '{ ($.eventName = "ConsoleLogin") && ($.sourceIPAddress != "8.8.8.*") }',
        ),
        (
            OUTSIDE.replace("8.8.8.8", "198.51.100.0/24"),
            Rule.CIDR,
            '{ ($.eventName = "ConsoleLogin") && ($.sourceIPAddress != "198.51.100.*") }',
        ),
        (
            ROOT.replace('"Root"', "root"),
            Rule.UNKNOWN_VALUE,
            '{ ($.eventName = "ConsoleLogin") && ($.userIdentity.type = "Root") }',
        ),
        (
            FAILED.replace("errorMessage", "errormessage"),
            Rule.UNKNOWN_FIELD,
            '{ ($.eventName = "ConsoleLogin") && ($.errorMessage = "Failed authentication") }',
        ),
        (
            DENIED.replace(") }", ') || ($.eventName != "HeadBucket") }'),
            Rule.ALWAYS,
            '{ (($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")) && '
            '($.eventName != "HeadBucket") }',
        ),
        (
            DENIED.replace("{ (", "{ ((").replace(
                ") }", ')) && ($.userIdentity.invokedBy != "cloudfront.amazonaws.com") }'
            ),
            Rule.MAY_BE_MISSING,
            '{ (($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")) && '
            "(($.userIdentity.invokedBy NOT EXISTS) || "
            '($.userIdentity.invokedBy != "cloudfront.amazonaws.com")) }',
        ),
        (CREATED.replace("User", "Usr"), Rule.UNKNOWN_EVENT, '{ $.eventName = "CreateUser" }'),
    ],
)
def test_lint_tells_of_the_mistakes_that_are_near(text: str, rule: Rule, instead: str) -> None:
    (found,) = parse(text).lint()
    assert (found.rule, found.instead) == (rule, instead)


EXPLAINED = [
    (OUTSIDE, LOGIN, [
        f"[yes] {OBJECT}all of these hold:",
        '- [yes] eventName is "ConsoleLogin" (found "ConsoleLogin")',
        '- [yes] sourceIPAddress is there and is not "8.8.8.8" (found "203.0.113.9")',
    ]),
    (ROOT, LOGIN, [
        f"[yes] {OBJECT}all of these hold:",
        '- [yes] eventName is "ConsoleLogin" (found "ConsoleLogin")',
        '- [yes] userIdentity.type is "Root" (found "Root")',
    ]),
    (FAILED, LOGIN, [
        f"[yes] {OBJECT}all of these hold:",
        '- [yes] eventName is "ConsoleLogin" (found "ConsoleLogin")',
        '- [yes] errorMessage is "Failed authentication" (found "Failed authentication")',
    ]),
    (DENIED, LAUNCH, [
        f"[yes] {OBJECT}at least one of these holds:",
        '- [yes] errorCode ends with "UnauthorizedOperation" '
        '(found "Client.UnauthorizedOperation")',
        '- [no] errorCode starts with "AccessDenied" (found "Client.UnauthorizedOperation")',
    ]),
    (LARGE, USER, [
        f"[no] {OBJECT}all of these hold:",
        '- [no] eventName is "RunInstances" (found "CreateUser")',
        "- [no] at least one of these holds:",
        '  - [no] requestParameters.instanceType ends with ".8xlarge" '
        "(found nothing)",
        '  - [no] requestParameters.instanceType ends with ".4xlarge" '
        "(found nothing)",
    ]),
    (CREATED, USER, [
        f"[yes] {OBJECT}this holds:",
        '- [yes] eventName is "CreateUser" (found "CreateUser")',
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "event", "lines"), EXPLAINED, ids=[one[0] for one in EXPLAINED])
def test_explain(text: str, event: dict[str, object], lines: list[str]) -> None:
    message = json.dumps(event)
    assert list(parse(text).explain(message).lines()) == lines
    plain = [line.replace("[yes] ", "").replace("[no] ", "") for line in lines]
    assert [line.split(" (found")[0] for line in plain] == list(parse(text).explain().lines())


ARN = selector("$.userIdentity.arn")
DEPLOY = "arn:aws:sts::123456789012:assumed-role/deploy/*"


@pytest.mark.parametrize("text", WALKTHROUGH)
def test_edit(text: str) -> None:
    """Two exclusions added and removed; what has no such field still matches."""
    before = parse(text)
    offices = network_values(["198.51.100.0/24"])
    after = exclude(exclude(before, ARN, [Literal(DEPLOY)]), selector("$.sourceIPAddress"), offices)
    assert f'(($.userIdentity.arn NOT EXISTS) || ($.userIdentity.arn != "{DEPLOY}"))' in after.text
    assert '($.sourceIPAddress != "198.51.100.*")' in after.text
    for event in (LOGIN, LAUNCH, USER):
        message = json.dumps(event)
        assert after.matches(message) is before.matches(message)
        at_office = json.dumps({**event, "sourceIPAddress": "198.51.100.20"})
        assert not after.matches(at_office)
        session = DEPLOY.replace("*", "build-7")
        deploys = json.dumps({**event, "userIdentity": {"type": "AssumedRole", "arn": session}})
        assert not after.matches(deploys)
    again = after
    for exclusion in exclusions(after)[len(exclusions(before)) :]:
        again = include(again, exclusion)
    assert again.equal(before)
    assert parse(str(after)).equal(after)
