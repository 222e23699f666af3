"""Knows what would make an apply fail: rights that are missing, quotas that are full. Reads only.

Sources: SimulatePrincipalPolicy, IAM API reference; PutMetricFilter, CloudWatch Logs API
reference; Quotas in AWS CloudTrail; PutMetricAlarm, CloudWatch API reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from setup.change import Action
from setup.permissions import policy_for
from setup.resource import Need
from trailwatch.errors import AwsError, LimitExceeded
from trailwatch.pattern import PatternError, parse
from trailwatch.site import SiteConfig, parse_arn

if TYPE_CHECKING:
    from setup.clients import Clients
    from setup.survey import Step

MAX_FILTERS = 100
NEARLY_ALL_FILTERS = 90
MAX_REGEX_FILTERS = 5
MAX_REGEXES = 2
MAX_TRAILS = 5
MAX_DESCRIPTION = 1024
MAX_ACTIONS = 5
PASSED_TO = "cloudtrail.amazonaws.com"


@dataclass(frozen=True)
class Checks:
    """What was found before anything is made.

    missing: the IAM actions that the caller lacks; grant: the policy that would add them, as
    JSON text; unchecked: why rights could not be checked, "" where they were; warnings: what an
    apply may stumble over, one sentence or two each.
    """

    missing: tuple[str, ...] = ()
    grant: str = ""
    unchecked: str = ""
    warnings: tuple[str, ...] = ()


NO_CHECKS = Checks()
"""Nothing was found, or nothing was to be checked."""


def check(config: SiteConfig, steps: Sequence[Step], clients: Clients) -> Checks:
    """Check rights and quotas for these steps.

    Raises LimitExceeded for what AWS would refuse for good, and AwsError where a quota's count
    cannot be read; rights that cannot be asked for are told in `unchecked`.
    """
    if not steps:
        return Checks()
    warnings = [*check_quotas(config, steps, clients), *_losses(steps, clients)]
    needs, unchecked = _missing(steps, clients)
    return Checks(
        missing=tuple(sorted({action for _, action, _ in needs})),
        grant=json.dumps(policy_for(needs), indent=1) if needs else "",
        unchecked=unchecked,
        warnings=tuple(warnings),
    )


# Rights


def needs_of(steps: Sequence[Step]) -> tuple[Need, ...]:
    """What the steps need, once for each kind of resource: one alarm's ARN stands for all."""
    found: dict[tuple[str, str], dict[str, Need]] = {}
    seen: dict[tuple[str, str], str] = {}
    for step in steps:
        deletes = step.change.action is Action.DELETE
        phases = ("read", "delete") if deletes else ("read", "write")
        key = (step.change.kind, phases[1])
        if seen.setdefault(key, step.change.name) != step.change.name:
            continue
        mine = found.setdefault(key, {})
        for need in step.resource.permissions:
            if need[0] in phases:
                mine[f"{need[1]} {need[2]}"] = need
    return tuple(dict.fromkeys(need for needs in found.values() for need in needs.values()))


def _missing(steps: Sequence[Step], clients: Clients) -> tuple[list[Need], str]:
    """What the caller may not do, and why that could not be found out."""
    needs = needs_of(steps)
    try:
        principal = clients.aws.principal()
        if parse_arn(principal) is None or ":iam::" not in principal:
            return [], f"the credentials are those of {principal}, whose rights IAM doesn't tell"
        if principal.endswith(":root"):
            return [], "the credentials are those of the account's root user"
        arns = list(dict.fromkeys(arn for _, _, arn in needs))
        answers = clients.together(
            *(
                partial(_simulate, clients, principal, arn, [n for n in needs if n[2] == arn])
                for arn in arns
            )
        )
    except AwsError as error:
        return [], error.what.rstrip(".") + (f": {error.why}" if error.why else "")
    denied = [need for found, _ in answers for need in found]
    unsure = sorted({key for _, keys in answers for key in keys})
    return denied, f"the caller's policies depend on {', '.join(unsure)}" if unsure else ""


def _simulate(
    clients: Clients, principal: str, arn: str, needs: Sequence[Need]
) -> tuple[list[Need], set[str]]:
    """Those of the needs on this ARN that are denied, and the condition keys that decide."""
    by_action = {need[1]: need for need in needs}
    arguments: dict[str, Any] = {
        "PolicySourceArn": principal,
        "ActionNames": sorted(by_action),
        "ResourceArns": [arn],
    }
    if "iam:PassRole" in by_action:
        arguments["ContextEntries"] = [
            {
                "ContextKeyName": "iam:PassedToService",
                "ContextKeyValues": [PASSED_TO],
                "ContextKeyType": "string",
            }
        ]
    denied, unsure = [], set()
    for result in clients.pages(
        "iam", "SimulatePrincipalPolicy", "EvaluationResults", "Marker", **arguments
    ):
        if result.get("EvalDecision") == "allowed":
            continue
        keys = _context_keys(result)
        if keys and result.get("EvalDecision") == "implicitDeny":
            unsure |= keys
        elif result.get("EvalActionName") in by_action:
            denied.append(by_action[result["EvalActionName"]])
    return denied, unsure


def _context_keys(result: Mapping[str, Any]) -> set[str]:
    """The condition keys that a simulation was not given; "*" lists them outside."""
    specific = result.get("ResourceSpecificResults") or ()
    missing = [result, *specific]
    return {str(key) for one in missing for key in one.get("MissingContextValues") or ()}


# Quotas


def check_quotas(config: SiteConfig, steps: Sequence[Step], clients: Clients) -> tuple[str, ...]:
    """Raise LimitExceeded for what does not fit; gives what will hardly fit, in sentences.

    Strangers' filters and trails count: the quota is the log group's and the Region's.
    """
    _lengths(steps)
    filters = [step for step in steps if step.change.kind == "metric_filter"]
    warnings = []
    if any(step.change.action is not Action.DELETE for step in filters):
        there = clients.metric_filters(config.log_group)
        warnings += _filters(config, filters, there)
        _regexes(config, filters, there, clients)
    if any(s.change.kind == "trail" and s.change.action is Action.CREATE for s in steps):
        warnings += _trails(config, clients)
    return tuple(warnings)


def _lengths(steps: Sequence[Step]) -> None:
    for step in steps:
        change, after = step.change, step.change.after or {}
        length = len(str(after.get("description", "")))
        if change.kind == "alarm" and length > MAX_DESCRIPTION:
            raise LimitExceeded(
                f"The description of the alarm {change.name} has {length} characters.",
                f"CloudWatch allows {MAX_DESCRIPTION}.",
                "Shorten the detection's title or its reason.",
            )
        for name in ("alarm_actions", "ok_actions", "insufficient_data_actions"):
            if len(after.get(name, ())) > MAX_ACTIONS:
                raise LimitExceeded(
                    f"The alarm {change.name} would have {len(after[name])} actions in {name}.",
                    f"CloudWatch allows {MAX_ACTIONS} for each state.",
                    "Remove an action from the alarm, or let the topic serve several receivers.",
                )


def _filters(config: SiteConfig, steps: Sequence[Step], there: Mapping[str, Any]) -> list[str]:
    made = {s.change.name for s in steps if s.change.action is Action.CREATE} - there.keys()
    gone = {s.change.name for s in steps if s.change.action is Action.DELETE} & there.keys()
    most, after = len(there) + len(made), len(there) + len(made) - len(gone)
    strangers = sum(not name.startswith(f"{config.prefix}-") for name in there)
    why = f"CloudWatch Logs allows {MAX_FILTERS} in a log group, and {strangers} are not ours."
    if after > MAX_FILTERS:
        raise LimitExceeded(
            f"The log group {config.log_group} would have {after} metric filters.",
            why,
            f"Drop {after - MAX_FILTERS} or more detections (--drop), or delete metric filters "
            "of others that nobody needs.",
        )
    if most > MAX_FILTERS:
        raise LimitExceeded(
            f"The log group {config.log_group} would have {most} metric filters for a while.",
            f"New ones are made before old ones go. {why}",
            "Do it in two plans: first drop what goes (--drop), then add what comes (--add).",
        )
    if after >= NEARLY_ALL_FILTERS:
        return [f"The log group will have {after} of {MAX_FILTERS} metric filters."]
    return []


def _regexes(
    config: SiteConfig, steps: Sequence[Step], there: Mapping[str, Any], clients: Clients
) -> None:
    changed = {step.change.name for step in steps}
    wanted = 0
    for step in steps:
        number = regexes_in(str((step.change.after or {}).get("pattern", "")))
        wanted += bool(number)
        if number > MAX_REGEXES:
            raise LimitExceeded(
                f"The pattern of {step.change.name} has {number} regular expressions.",
                f"CloudWatch Logs allows {MAX_REGEXES} in a pattern.",
                "Say it with fewer, or as two detections.",
            )
    if not wanted:
        return
    others = [str(one.get("filterPattern", "")) for n, one in there.items() if n not in changed]
    others += _subscription_patterns(config, clients)
    taken = sum(bool(regexes_in(pattern)) for pattern in others)
    if wanted + taken > MAX_REGEX_FILTERS:
        raise LimitExceeded(
            f"The log group {config.log_group} would have {wanted + taken} filters with regular "
            "expressions.",
            f"CloudWatch Logs allows {MAX_REGEX_FILTERS} in a log group, subscription filters "
            f"and those of others included; {taken} stand.",
            "Write some patterns without %…%, or drop detections that have one.",
        )


def _subscription_patterns(config: SiteConfig, clients: Clients) -> list[str]:
    """Those of the subscription filters; none where they may not be read: AWS then counts."""
    try:
        found = clients.find(
            "logs",
            "DescribeSubscriptionFilters",
            ("ResourceNotFoundException",),
            logGroupName=config.log_group,
        )
    except AwsError as error:
        if error.permission:
            return []
        raise
    filters = (found or {}).get("subscriptionFilters", ())
    return [str(one.get("filterPattern", "")) for one in filters]


def regexes_in(pattern: str) -> int:
    """How many regular expressions a pattern has; 0 for one that cannot be read."""
    try:
        return parse(pattern).uses_regex
    except PatternError:
        return 0


def _trails(config: SiteConfig, clients: Clients) -> list[str]:
    found: Iterable[Mapping[str, Any]] = clients.call("cloudtrail", "DescribeTrails")["trailList"]
    names = sorted(str(one.get("Name", "")) for one in found)
    if len(names) >= MAX_TRAILS:
        raise LimitExceeded(
            f"There is no room for the trail {config.trail} in {config.site.region}.",
            f"CloudTrail allows {MAX_TRAILS} trails in a Region, those of other Regions and of "
            f"the organization that reach it included; there are: {', '.join(names)}.",
            "Delete a trail that nobody needs, or let trailwatch use one that stands.",
        )
    if len(names) == MAX_TRAILS - 1:
        return [f"This is the last of the {MAX_TRAILS} trails that a Region may have."]
    return []


# What is lost


def _losses(steps: Sequence[Step], clients: Clients) -> list[str]:
    """What nobody can bring back once these steps are done."""
    lost = []
    for step in steps:
        change = step.change
        if change.action is not Action.DELETE:
            continue
        if change.kind == "bucket":
            lost.append(
                f"The bucket {change.name} is emptied and deleted for good: "
                f"{_objects(change.name, clients)}. The archive of records cannot be brought back."
            )
        if change.kind == "log_group":
            lost.append(
                f"The log group {change.name} is deleted with every record in it, for good."
            )
    return lost


def _objects(bucket: str, clients: Clients) -> str:
    """How much is in a bucket, as far as one call tells."""
    try:
        page = clients.call("s3", "ListObjectVersions", Bucket=bucket, MaxKeys=1000)
    except AwsError as error:
        return f"how much is in it could not be read ({error.code})"
    number = len(page.get("Versions", ())) + len(page.get("DeleteMarkers", ()))
    if page.get("IsTruncated"):
        return f"more than {number:,} versions of objects are in it"
    if not number:
        return "it is empty"
    return "one version of an object is in it" if number == 1 else f"{number:,} versions are in it"
