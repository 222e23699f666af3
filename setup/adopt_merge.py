"""Knows how what we want is laid over what others made: adds and widens, never takes away. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from setup.change import Fields
from setup.resource import MARK

OWN_SID = "Trailwatch"
"""What the Sids of our statements in the policies of others begin with."""
MOST_SELECTORS = 5
"""Event selectors of a trail. Source: Quotas in AWS CloudTrail."""
NOBODY = "nobody says whose it is"

_TOOLS = {
    "terraform": "Terraform",
    "opentofu": "OpenTofu",
    "pulumi": "Pulumi",
    "cloudformation": "CloudFormation",
    "cdk": "AWS CDK",
    "terragrunt": "Terragrunt",
    "crossplane": "Crossplane",
    "ansible": "Ansible",
    "serverless": "Serverless Framework",
}
_OWNING_TAGS = ("managed", "provision", "createdby", "terraform", "pulumi", "iac", "owner", "tool")


def owner_of(tags: Mapping[str, str]) -> str:
    """Who a thing seems to belong to by its tags, in words; NOBODY where no tag tells."""
    if MARK in tags:
        return f"the site {tags[MARK]} of trailwatch"
    stack = tags.get("aws:cloudformation:stack-name")
    if stack:
        return f"the CloudFormation stack {stack}"
    for key, value in sorted(tags.items()):
        plain = "".join(sign for sign in key.lower() if sign.isalnum())
        if not any(word in plain for word in _OWNING_TAGS):
            continue
        for word, tool in _TOOLS.items():
            if word in value.lower() or (word in plain and value.lower() not in ("false", "no")):
                return f"{tool} (tag {key}={value})"
    for key in ("Owner", "owner", "team", "Team"):
        if tags.get(key):
            return f"{tags[key]} (tag {key})"
    return NOBODY


def merged(kind: str, wanted: Fields, seen: Fields) -> dict[str, Any]:
    """What an adopted thing is to become, from what we would want of our own.

    Where no rule says otherwise a field stays as it is seen. Tags of ours are not put.
    """
    out: dict[str, Any] = {}
    for name, value in wanted.items():
        rule = _RULES.get((kind, name))
        if name == "tags":
            out[name] = {}
        elif name not in seen:
            out[name] = value
        else:
            out[name] = rule(value, seen[name]) if rule else seen[name]
    return out


def longest(wanted: int, seen: int) -> int:
    """Days of retention: never shortened; 0 keeps for ever."""
    return 0 if 0 in (wanted, seen) else max(wanted, seen)


def either(wanted: bool, seen: bool) -> bool:
    return wanted or seen


def theirs_or_ours(wanted: Any, seen: Any) -> Any:
    return seen or wanted


# Policies


def signed(policy: Mapping[str, Any], site: str) -> dict[str, Any]:
    """A policy of ours whose Sids say so, as its statements go into a policy of others; those of
    two sites are told apart."""
    start = OWN_SID + "".join(sign for sign in site.title() if sign.isalnum() and sign.isascii())
    statements = [{**one, "Sid": f"{start}{one.get('Sid', '')}"} for one in _statements(policy)]
    return {**policy, "Statement": statements}


def merged_policy(wanted: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    """Their policy with the statements of our signed one, found again by their Sids. One that
    theirs grants or denies already is not added."""
    statements = _statements(seen)
    ours = {one["Sid"]: one for one in _statements(wanted)}
    kept = [ours.pop(one["Sid"]) if one.get("Sid") in ours else one for one in statements]
    added = [one for one in ours.values() if not any(covers(theirs, one) for theirs in kept)]
    if not added and kept == statements:
        return dict(seen)
    return {"Version": "2012-10-17", **seen, "Statement": [*kept, *added]}


def without_ours(wanted: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    """Their policy without the statements of our signed one; {} where nothing is left."""
    statements = _statements(seen)
    ours = {one["Sid"] for one in _statements(wanted)}
    left = [one for one in statements if one.get("Sid") not in ours]
    if len(left) == len(statements):
        return dict(seen)
    return {**seen, "Statement": left} if left else {}


def covers(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Whether a statement applies wherever ours would, with the same effect."""
    negated = ("NotPrincipal", "NotAction", "NotResource")
    if theirs.get("Effect") != ours.get("Effect") or any(name in theirs for name in negated):
        return False
    return (
        _principals(theirs.get("Principal"), ours.get("Principal"))
        and _all_like(_lower(ours.get("Action")), _lower(theirs.get("Action")))
        and _all_like(_many(ours.get("Resource", "*")), _many(theirs.get("Resource", "*")))
        and _conditions(theirs.get("Condition") or {}, ours.get("Condition") or {})
    )


def _principals(theirs: Any, ours: Any) -> bool:
    if theirs == "*" or (isinstance(theirs, Mapping) and "*" in _many(theirs.get("AWS"))):
        return True
    if not isinstance(theirs, Mapping) or not isinstance(ours, Mapping):
        return False
    return all(set(_many(who)) <= set(_many(theirs.get(kind))) for kind, who in ours.items())


def _conditions(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Whether each of their tests is one of ours, or a wider one."""
    own = {
        _condition_key(key): _many(values)
        for tests in ours.values()
        for key, values in tests.items()
    }
    return all(
        operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool")
        and _condition_key(key) in own
        and _all_like(own[_condition_key(key)], _many(values))
        for operator, tests in theirs.items()
        for key, values in tests.items()
    )


def _condition_key(key: str) -> str:
    # SNS's default policy names the account so.
    lower = key.lower()
    return "aws:sourceaccount" if lower == "aws:sourceowner" else lower


def _all_like(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    return all(any(fnmatchcase(one, pattern) for pattern in theirs) for one in ours)


def _statements(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = policy.get("Statement", [])
    return [dict(one) for one in ([found] if isinstance(found, Mapping) else found)]


def _lower(value: Any) -> list[str]:
    return [text.lower() for text in _many(value)]


def _many(value: Any) -> list[str]:
    if value is None:
        return []
    values = value if isinstance(value, list | tuple) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


# Event selectors


def widened(
    wanted: Sequence[Mapping[str, Any]], seen: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Their selectors, so that all management events are recorded, reading and writing.

    Sources that ours excludes too may stay excluded. What else they record stays.
    Source: PutEventSelectors, CloudTrail API reference.
    """
    may_lack = excluded(wanted)
    if not seen or any(_whole(one, may_lack) for one in seen):
        return [dict(one) for one in seen]
    if any("FieldSelectors" in one for one in seen):
        fields = [{"Field": "eventCategory", "Equals": ["Management"]}]
        return [*map(dict, seen), {"Name": "trailwatch management", "FieldSelectors": fields}]
    whole = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "ExcludeManagementEventSources": sorted(may_lack & excluded(seen)),
        "DataResources": [],
    }
    for number, one in enumerate(seen):
        # Widening one with data events would record, and bill, more of those.
        if one.get("IncludeManagementEvents") and not one.get("DataResources"):
            return [*map(dict, seen[:number]), whole, *map(dict, seen[number + 1 :])]
    if len(seen) < MOST_SELECTORS:
        return [*map(dict, seen), whole]
    first = {**whole, "DataResources": list(seen[0].get("DataResources", ()))}
    return [first, *map(dict, seen[1:])]


def excluded(selectors: Iterable[Mapping[str, Any]]) -> set[str]:
    """The sources of management events that these selectors leave out."""
    out: set[str] = set()
    for one in selectors:
        out.update(one.get("ExcludeManagementEventSources", ()))
        for test in one.get("FieldSelectors", ()):
            if test.get("Field") == "eventSource":
                out.update(test.get("NotEquals", ()))
    return out


def records_all(selectors: Iterable[Mapping[str, Any]]) -> bool:
    """Whether all management events are recorded, reading and writing; a trail without selectors
    records them, as none were chosen."""
    chosen = list(selectors)
    return not chosen or any(_whole(one, set()) for one in chosen)


def _whole(selector: Mapping[str, Any], may_lack: set[str]) -> bool:
    if "FieldSelectors" not in selector:
        return (
            bool(selector.get("IncludeManagementEvents"))
            and selector.get("ReadWriteType") == "All"
            and set(selector.get("ExcludeManagementEventSources", ())) <= may_lack
        )
    tests = {test["Field"]: test for test in selector["FieldSelectors"]}
    if "Management" not in tests.get("eventCategory", {}).get("Equals", ()):
        return False
    others = set(tests) - {"eventCategory"}
    only_sources = others <= {"eventSource"} and set(tests.get("eventSource", {})) <= {
        "Field",
        "NotEquals",
    }
    return only_sources and excluded([selector]) <= may_lack


_RULES: Mapping[tuple[str, str], Callable[[Any, Any], Any]] = {
    ("trail", "log_group"): theirs_or_ours,
    ("trail", "role"): theirs_or_ours,
    ("trail", "multi_region"): either,
    ("trail", "global_events"): either,
    ("trail", "file_validation"): either,
    ("trail", "logging"): either,
    ("trail", "event_selectors"): widened,
    ("bucket", "policy"): merged_policy,
    ("log_group", "retention_days"): longest,
    ("role", "trust"): merged_policy,
    ("topic", "policy"): merged_policy,
}
"""By kind and field: (what we want, what is seen) -> what it is to become."""
