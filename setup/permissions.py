"""Knows the least IAM policies that setting up and running need. Pure: grants nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from setup import migrate, prerequisites
from setup.change import Action
from setup.pipeline import own_key, pipeline, stray_alarm, stray_filter
from setup.resource import MARK, Need, Resource
from setup.resources.mute_rule import MuteRule
from trailwatch.site import OWN_KEY, SiteConfig

if TYPE_CHECKING:
    from setup.survey import Step

Document = dict[str, Any]

SETUP_ROLE = "trailwatch-setup"


def needed(steps: Sequence[Step]) -> tuple[str, ...]:
    """The IAM actions that these steps need, reading back included, sorted."""
    actions = set()
    for step in steps:
        deletes = step.change.action is Action.DELETE
        phases = ("read", "delete") if deletes else ("read", "write")
        actions |= {action for phase, action, _ in step.resource.permissions if phase in phases}
    return tuple(sorted(actions))


def setup_policy(config: SiteConfig, setup_role: str = SETUP_ROLE) -> Document:
    """The policy for the role that plans, applies and destroys. It may pass one role, to
    CloudTrail only. Source: Service Authorization Reference."""
    needs = [need for resource in _resources(config) for need in resource.permissions]
    outside = prerequisites.needs(config)
    asked = [
        *_measuring(),
        *_finding(config),
        *_checking(config, setup_role),
        *_mutes(config),
        *migrate.needs(config),
        *_left_key(config),
        *outside,
    ]
    return _document([*needs, *asked], config)


def policy_for(needs: Iterable[Need]) -> Document:
    """The policy that grants these needs and no more."""
    return _document(needs)


def run_policy(
    config: SiteConfig, setup_role: str = SETUP_ROLE, others: Sequence[str] = ()
) -> Document:
    """The policy for the running bot: it searches the log group and the archive, and assumes the
    setup role and `others`, the roles of other sites by their ARNs.

    With setup_role "" it is the policy of another site's role, which reads and assumes none.
    """
    site = config.site
    group = site.log_group_arn(config.log_group)
    searches: list[Need] = [
        ("read", "logs:DescribeMetricFilters", group),
        ("read", "logs:FilterLogEvents", group),
        # The filter behind an alarm that others made.
        ("read", "cloudwatch:DescribeAlarms", site.alarm_arn("*")),
        # LookupEvents knows no resources in IAM.
        ("read", "cloudtrail:LookupEvents", "*"),
        ("read", "s3:ListBucket", site.bucket_arn(config.bucket)),
        ("read", "s3:GetObject", f"{site.bucket_arn(config.bucket)}/*"),
        *(("write", "sts:AssumeRole", arn) for arn in others),
    ]
    if "direct" in (config.router, config.beside):
        # What the topic's messages did not tell.
        searches.append(("read", "cloudwatch:DescribeAlarmHistory", site.alarm_arn("*")))
    if "direct" in (config.router, config.beside) and not config.public_url:
        queue = site.arn("sqs", config.queue)
        searches += [
            ("read", "sqs:GetQueueUrl", queue),
            ("write", "sqs:ReceiveMessage", queue),
            ("write", "sqs:DeleteMessage", queue),
        ]
    if setup_role:
        searches.append(("write", "sts:AssumeRole", site.role_arn(setup_role)))
    if config.key:
        # The archive's files; the log group needs no right on the key from those who search it.
        keys = site.key_arn("*") if config.kms == OWN_KEY else config.key
        searches.append(("read", "kms:Decrypt", keys))
    return _document(searches, config)


def setup_trust(principal_arn: str, external_id: str = "") -> Document:
    """The trust policy of the setup role: only the running bot may assume it."""
    statement: dict[str, Any] = {
        "Sid": "OnlyTheBot",
        "Effect": "Allow",
        "Principal": {"AWS": principal_arn},
        "Action": "sts:AssumeRole",
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _resources(config: SiteConfig) -> tuple[Resource, ...]:
    """The pipeline with one filter and one alarm that stand for all of them."""
    return (
        *pipeline(config, ()),
        stray_filter(config, config.alarm_name("*")),
        stray_alarm(config, config.alarm_name("*")),
    )


def _measuring() -> list[Need]:
    """What the estimate of cost reads: the volume of the log group, or the newest events."""
    return [
        ("read", "cloudtrail:LookupEvents", "*"),
        ("read", "cloudwatch:GetMetricStatistics", "*"),
    ]


def _finding(config: SiteConfig) -> list[Need]:
    """What is read of trails, and of filters on their log groups, that others made."""
    site = config.site
    trails = site.trail_arn("*")
    reads = ("GetEventSelectors", "GetInsightSelectors", "GetTrailStatus", "ListTags")
    return [
        ("read", "cloudtrail:DescribeTrails", "*"),
        *(("read", f"cloudtrail:{action}", trails) for action in reads),
        ("read", "logs:DescribeMetricFilters", site.arn("logs", "log-group:*:*")),
        ("read", "sns:GetTopicAttributes", site.topic_arn("*")),
    ]


def _mutes(config: SiteConfig) -> list[Need]:
    """What drift reads of the rules that mute alarms, and what takes our alarms out of them; and
    what mutes ours, which takes the right on the alarm besides that on the rule.
    """
    rules = MuteRule(config.site, "*", ()).permissions
    ours = config.site.alarm_arn(f"{config.prefix}-*")
    return [
        ("read", "cloudwatch:ListAlarmMuteRules", "*"),
        ("write", "cloudwatch:PutAlarmMuteRule", ours),
        *rules,
    ]


def _left_key(config: SiteConfig) -> list[Need]:
    """What is read of a key that was made for the site when it still wanted one."""
    if config.kms == OWN_KEY:
        return []
    return [need for need in own_key(config).permissions if need[0] == "read"]


def _checking(config: SiteConfig, setup_role: str) -> list[Need]:
    """What a plan's checks read: the role's own rights, and subscription filters with regexes."""
    site = config.site
    return [
        ("read", "iam:SimulatePrincipalPolicy", site.role_arn(setup_role)),
        ("read", "logs:DescribeSubscriptionFilters", site.log_group_arn(config.log_group)),
    ]


def _document(needs: Iterable[Need], config: SiteConfig | None = None) -> Document:
    """One statement for each service, set of resources and condition on them."""
    arns_of: dict[str, set[str]] = {}
    for _, action, arn in needs:
        arns_of.setdefault(action, set()).add(arn)
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for action, found in arns_of.items():
        arns = tuple(sorted(found))
        service = "PassRole" if action == "iam:PassRole" else action.split(":")[0]
        condition = json.dumps(_condition(action, arns, config))
        groups.setdefault((service, condition, arns), []).append(action)
    statements = []
    seen: dict[str, int] = {}
    for (service, condition, arns), grouped in sorted(groups.items()):
        seen[service] = seen.get(service, 0) + 1
        number = "" if seen[service] == 1 else str(seen[service])
        statement: dict[str, Any] = {
            "Sid": f"{service[0].upper()}{service[1:]}{number}",
            "Effect": "Allow",
            "Action": sorted(grouped),
            "Resource": list(arns) if len(arns) > 1 else arns[0],
        }
        if bound := json.loads(condition):
            statement["Condition"] = {"StringEquals": bound}
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


def _condition(action: str, arns: Sequence[str], config: SiteConfig | None) -> dict[str, str]:
    """What binds an action besides its resources: to a service, or to keys that are marked.

    A key's ARN is not known before it is made, so that its tag says whose it is. Source: Service
    Authorization Reference.
    """
    if action == "iam:PassRole":
        return {"iam:PassedToService": "cloudtrail.amazonaws.com"}
    if action == "iam:CreateServiceLinkedRole":
        return {"iam:AWSServiceName": "cloudtrail.amazonaws.com"}
    if config is None or not action.startswith("kms:"):
        return {}
    if action in ("kms:CreateKey", "kms:TagResource"):
        return {f"aws:RequestTag/{MARK}": config.site.name}
    if any(arn.endswith(":key/*") for arn in arns) and not action.endswith("Alias"):
        return {f"aws:ResourceTag/{MARK}": config.site.name}
    return {}
