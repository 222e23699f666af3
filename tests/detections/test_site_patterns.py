"""The patterns that depend on a site's settings say what the settings say."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.detections import (
    Detection,
    DetectionKind,
    SiteFacts,
    facts_of,
    load_catalogue,
    pattern_at,
    pattern_for,
)
from trailwatch.errors import ConfigError
from trailwatch.pattern import parse
from trailwatch.site import Site, SiteConfig

CATALOGUE = load_catalogue()
OFFICE = CATALOGUE["login-outside-office"]
LARGE = CATALOGUE["large-instance"]
SIZES = ["nano", "micro", "small", "medium", "large", "xlarge"] + [
    f"{n}xlarge" for n in (2, 3, 4, 6, 8, 9, 10, 12, 16, 18, 24, 32, 48, 56, 112)
]


def _outside(offices: list[str], address: str) -> bool:
    record = json.dumps({"eventName": "ConsoleLogin", "sourceIPAddress": address})
    return parse(pattern_for(OFFICE, offices)).matches(record)


def test_without_settings_the_catalogue_speaks() -> None:
    for detection in CATALOGUE:
        assert pattern_for(detection) == detection.pattern


def test_the_walkthroughs_office() -> None:
    assert pattern_for(OFFICE, ["8.8.8.8"]) == (
        '{ ($.eventName = "ConsoleLogin") && ($.sourceIPAddress != "8.8.8.8") }'
    )
    assert not _outside(["8.8.8.8"], "8.8.8.8")
    assert _outside(["8.8.8.8"], "8.8.8.80")


@given(
    st.lists(st.ip_addresses(v=4), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(1, 32), min_size=3, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_networks_are_what_cidr_says(
    bases: list[ipaddress.IPv4Address], lengths: list[int], noise: int
) -> None:
    networks = [
        ipaddress.IPv4Network((base, length), strict=False)
        for base, length in zip(bases, lengths, strict=False)
    ]
    offices = [str(network) for network in networks]
    edges = [network[0] for network in networks] + [network[-1] for network in networks]
    addresses = {ipaddress.IPv4Address(noise), *edges}
    addresses |= {edge + 1 for edge in edges if int(edge) < 2**32 - 1}
    addresses |= {edge - 1 for edge in edges if int(edge)}
    for address in addresses:
        inside = any(address in network for network in networks)
        assert _outside(offices, str(address)) is not inside


def test_ipv6_and_prefixes() -> None:
    assert not _outside(["2001:db8::/32"], "2001:db8::7")
    assert _outside(["2001:db8::/32"], "2001:db80::7")
    assert not _outside(["2001:db8::7"], "2001:db8::7")
    assert not _outside(["198.51.100.*", "203.0.113.0/24"], "198.51.100.9")
    assert _outside(["198.51.100.*", "203.0.113.0/24"], "198.51.10.9")


@pytest.mark.parametrize(
    "office", ["office", "300.1.1.1", "8.8.8.8/24", "8.8.8*", "0.0.0.0/0", "::/0", "2001:db8::/33"]
)
def test_an_address_that_cannot_be_said_is_refused(office: str) -> None:
    with pytest.raises(ConfigError, match="office addresses"):
        pattern_for(OFFICE, [office])


def test_more_networks_than_a_pattern_holds_are_refused() -> None:
    with pytest.raises(ConfigError, match="not one that AWS takes"):
        pattern_for(OFFICE, [f"10.0.0.{n}" for n in range(40)])


@pytest.mark.parametrize("allowed", SIZES)
def test_a_size_above_the_largest_allowed_matches_and_no_other(allowed: str) -> None:
    pattern = parse(pattern_for(LARGE, max_instance_size=allowed))
    for size in [*SIZES, "metal", "metal-24xl"]:
        record = {
            "eventName": "RunInstances",
            "requestParameters": {"instanceType": f"m7i.{size}"},
        }
        above = size not in SIZES or SIZES.index(size) > SIZES.index(allowed)
        assert pattern.matches(json.dumps(record)) is above, size


def test_a_size_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="'huge' is not a size"):
        pattern_for(LARGE, max_instance_size="huge")


def _session(role: str, path: str = "") -> dict[str, object]:
    arn = f"arn:aws:iam::123456789012:role/{path}{role}"
    return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": _issuer(arn, role)}}


def _issuer(arn: str, role: str) -> dict[str, str]:
    return {"type": "Role", "arn": arn, "userName": role}


def _at(detection_id: str, facts: SiteFacts, identity: dict[str, object] | None = None) -> bool:
    """Whether the first example of a detection, done by this identity, matches at a site."""
    detection = CATALOGUE[detection_id]
    record = dict(detection.examples.matches[0])
    if identity is not None:
        record["userIdentity"] = identity
    return parse(pattern_at(detection, facts)).matches(json.dumps(record))


def test_deploy_roles_are_passed_over_and_nobody_else() -> None:
    facts = SiteFacts(
        deploy_roles=("deploy", "AWSReservedSSO_Ops_*", "arn:aws:iam::123456789012:role/ci/build")
    )
    id_ = "role-trust-changed"
    assert not _at(id_, facts, _session("deploy"))
    assert not _at(id_, facts, _session("AWSReservedSSO_Ops_0123456789abcdef"))
    assert not _at(id_, facts, _session("build", "ci/"))
    assert _at(id_, facts, _session("build"))
    assert _at(id_, facts, _session("deployer"))
    assert _at(id_, facts, {"type": "IAMUser", "userName": "deploy"})
    assert _at(id_, facts)


def test_break_glass_roles_are_passed_over_where_an_entry_says_so() -> None:
    facts = SiteFacts(break_glass_roles=("rescue",))
    assert not _at("ssm-session-started", facts, _session("rescue"))
    assert _at("role-trust-changed", facts, _session("rescue"))
    both = SiteFacts(deploy_roles=("deploy",), break_glass_roles=("rescue",))
    assert not _at("ssm-command-sent", both, _session("rescue"))
    assert not _at("ssm-command-sent", both, _session("deploy"))


@pytest.mark.parametrize("detection", CATALOGUE, ids=lambda detection: detection.id)
def test_exemptions_fit_and_are_clean(detection: Detection) -> None:
    facts = SiteFacts(
        deploy_roles=("terraform-deployment", "arn:aws:iam::123456789012:role/ci/github-actions"),
        break_glass_roles=("rescue",),
        bucket="trailwatch-123456789012-us-east-1",
        log_group="/trailwatch/cloudtrail",
        topic="trailwatch-alarms",
    )
    pattern = parse(pattern_at(detection, facts))
    if detection.kind is DetectionKind.COMPLIANCE:
        assert pattern.text == detection.pattern
        return
    assert pattern.lint() == ()
    if detection.id in ("break-glass-role-used", "trail-bucket-changed"):
        return  # their names are other ones at this site
    for record in detection.examples.matches:
        if record["userIdentity"]["type"] != "AssumedRole":
            assert pattern.matches(json.dumps(record)), record["eventName"]
    for record in detection.examples.near_misses:
        assert not pattern.matches(json.dumps(record)), record["eventName"]


@pytest.mark.parametrize(
    "id_",
    [
        "trail-stopped",
        "trail-pipeline-tamper",
        "guardduty-disabled",
        "organization-left",
        "break-glass-role-used",
        "root-password-recovery",
        "root-session-assumed",
        "root-console-login",
    ],
)
def test_nobody_is_exempt_from_what_must_be_heard(id_: str) -> None:
    assert CATALOGUE[id_].exempt == ()


def test_the_pipelines_own_parts_are_named() -> None:
    facts = SiteFacts(bucket="audit-1", log_group="/acme/audit", topic="acme-alarms")
    bucket = parse(pattern_at(CATALOGUE["trail-bucket-changed"], facts))
    record = {"eventSource": "s3.amazonaws.com", "eventName": "PutBucketPolicy"}
    for name, matches in (("audit-1", True), ("audit-12", False), ("old-trail", False)):
        parameters = {"bucketName": name}
        assert bucket.matches(json.dumps({**record, "requestParameters": parameters})) is matches
    weakened = parse(pattern_at(CATALOGUE["pipeline-weakened"], facts))
    topic = "arn:aws:sns:us-east-1:123456789012:acme-alarms"
    for source, event, parameters, matches in (
        ("logs", "PutRetentionPolicy", {"logGroupName": "/acme/audit"}, True),
        ("logs", "PutRetentionPolicy", {"logGroupName": "/trailwatch/cloudtrail"}, False),
        ("sns", "SetTopicAttributes", {"topicArn": topic}, True),
        ("sns", "SetTopicAttributes", {"topicArn": f"{topic}-2"}, False),
        ("sns", "SetSubscriptionAttributes", {"subscriptionArn": f"{topic}:1-2"}, True),
        ("sns", "SetSubscriptionAttributes", {"subscriptionArn": f"{topic}-2:1-2"}, False),
    ):
        text = json.dumps(
            {
                "eventSource": f"{source}.amazonaws.com",
                "eventName": event,
                "requestParameters": parameters,
            }
        )
        assert weakened.matches(text) is matches, text


@pytest.mark.parametrize(
    ("role", "arn", "matches"),
    [
        ("rescue", "arn:aws:iam::123456789012:role/rescue", True),
        ("rescue", "arn:aws:iam::123456789012:role/ops/rescue", True),
        ("rescue", "arn:aws:iam::123456789012:role/no-rescue", False),
        ("rescue*", "arn:aws:iam::123456789012:role/rescue-2", True),
        ("*rescue", "arn:aws:iam::123456789012:role/no-rescue", True),
        ("arn:aws:iam::123456789012:role/ops/rescue", "arn:aws:iam::1:role/ops/rescue", False),
    ],
)
def test_a_break_glass_role_is_told_by_its_name(role: str, arn: str, matches: bool) -> None:
    facts = SiteFacts(break_glass_roles=(role,))
    pattern = parse(pattern_at(CATALOGUE["break-glass-role-used"], facts))
    record = {"eventName": "AssumeRole", "requestParameters": {"roleArn": arn}}
    assert pattern.matches(json.dumps(record)) is matches


@pytest.mark.parametrize(
    ("role", "matches"),
    [("rescue", True), ("arn:aws:iam::123456789012:role/rescue", True), ("rescu", False)],
)
def test_switching_to_a_break_glass_role_in_the_console_is_told(role: str, matches: bool) -> None:
    pattern = parse(
        pattern_at(CATALOGUE["break-glass-role-used"], SiteFacts(break_glass_roles=(role,)))
    )
    arn = "arn:aws:sts::123456789012:assumed-role/rescue/alice"
    record = {"eventName": "SwitchRole", "userIdentity": {"arn": arn}}
    assert pattern.matches(json.dumps(record)) is matches


@pytest.mark.parametrize("role", ["", "*", "a role", 'x"y', "arn:aws:iam::1:role/x", "a/b"])
def test_what_is_no_role_is_refused(role: str) -> None:
    for facts in (SiteFacts(deploy_roles=(role,)), SiteFacts(break_glass_roles=(role,))):
        with pytest.raises(ConfigError, match="is not a role"):
            pattern_at(CATALOGUE["ssm-command-sent"], facts)


def test_a_sites_configuration_says_what_patterns_need() -> None:
    site = Site("acme", "123456789012", "us-east-1")
    config = SiteConfig(site, offices=("198.51.100.7",), deploy_roles=("deploy",), prefix="acme")
    facts = facts_of(config)
    assert facts.offices == ("198.51.100.7",)
    assert facts.deploy_roles == ("deploy",)
    assert (facts.bucket, facts.log_group, facts.topic) == (
        "acme-123456789012-us-east-1",
        "/acme/cloudtrail",
        "acme-alarms",
    )
    assert facts_of(replace(config, site=Site("acme", "", "us-east-1"))).bucket == ""


def test_more_roles_than_a_pattern_holds_are_refused() -> None:
    facts = SiteFacts(deploy_roles=tuple(f"deploy-{n}" for n in range(40)))
    with pytest.raises(ConfigError, match="security-group-opened is not one that AWS takes"):
        pattern_at(CATALOGUE["security-group-opened"], facts)
