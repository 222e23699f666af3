"""Knows others' trail, bucket, log group, role and topic as we use them. Never deletes or tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from setup.adopt_merge import merged, signed, without_ours
from setup.change import Fields
from setup.resource import Resource
from setup.resources.bucket import Bucket
from setup.resources.log_group import LogGroup
from setup.resources.role import POLICY, Role
from setup.resources.subscription import Subscription
from setup.resources.topic import Topic
from setup.resources.trail import Trail
from trailwatch.errors import AwsError
from trailwatch.site import ADOPTABLE, SiteConfig

if TYPE_CHECKING:
    from setup.clients import Clients

T = TypeVar("T")

UNSEEN: Fields = {}
"""The fields of a thing that exists and may not be looked at."""


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """What adopted resources share. `seen`: its fields as they stand; `leaving`: what is wanted
    is that nothing of ours is left in it."""

    seen: Mapping[str, Any] = field(default_factory=dict)
    leaving: bool = False

    def delete(self, clients: Clients) -> None:
        raise AssertionError("an adopted thing is never deleted")


@dataclass(frozen=True, kw_only=True)
class AdoptedTrail(Adopted, Trail):
    """A trail of others. `lent` are the ARNs of our log group and role that it may use: they are
    taken out again when the pipeline goes."""

    lent: tuple[str, ...] = ()

    def wanted(self) -> dict[str, Any]:
        if self.leaving:
            given = {
                name: "" if self.seen.get(name) in self.lent else self.seen.get(name)
                for name in ("log_group", "role")
            }
            return {**self.seen, **given, "tags": {}}
        return merged(self.kind, Trail.wanted(self), self.seen)

    def write(self, clients: Clients, before: Fields | None) -> None:
        wanted, before = self.wanted(), before or {}
        core: dict[str, Any] = {
            argument: wanted[name]
            for name, argument in _TRAIL_ARGUMENTS.items()
            if before.get(name) != wanted[name]
        }
        if _LOGS.keys() & core.keys():
            # CloudTrail takes the two together only.
            core |= {argument: wanted[name] for argument, name in _LOGS.items()}
        if core:
            clients.call("cloudtrail", "UpdateTrail", Name=self.name, **core)
        if before.get("event_selectors") != wanted["event_selectors"]:
            selectors = wanted["event_selectors"]
            advanced = any("FieldSelectors" in one for one in selectors)
            key = "AdvancedEventSelectors" if advanced else "EventSelectors"
            clients.call("cloudtrail", "PutEventSelectors", TrailName=self.name, **{key: selectors})
        if wanted["logging"] and not before.get("logging"):
            clients.call("cloudtrail", "StartLogging", Name=self.name)


_LOGS = {"CloudWatchLogsLogGroupArn": "log_group", "CloudWatchLogsRoleArn": "role"}
_TRAIL_ARGUMENTS = {
    "log_group": "CloudWatchLogsLogGroupArn",
    "role": "CloudWatchLogsRoleArn",
    "multi_region": "IsMultiRegionTrail",
    "global_events": "IncludeGlobalServiceEvents",
    "file_validation": "EnableLogFileValidation",
}


@dataclass(frozen=True, kw_only=True)
class AdoptedBucket(Adopted, Bucket):
    """A bucket of others, maybe of another account. Only a trail of ours needs a word in its
    policy (`for_our_trail`): theirs delivers there already."""

    for_our_trail: bool = True

    def wanted(self) -> dict[str, Any]:
        own = Bucket.wanted(self)
        policy = signed(own["policy"], self.site.name)
        if self.leaving:
            left = without_ours(policy, self.seen.get("policy", {}))
            return {**self.seen, "policy": left, "tags": {}}
        grants = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
        own["policy"] = {**policy, "Statement": grants if self.for_our_trail else []}
        return merged(self.kind, own, self.seen)

    def read(self, clients: Clients) -> dict[str, Any] | None:
        return _if_allowed(lambda: Bucket.read(self, clients))

    def tags(self, clients: Clients) -> dict[str, str] | None:
        return _if_allowed(lambda: Bucket.tags(self, clients))

    def write(self, clients: Clients, before: Fields | None) -> None:
        policy = self.wanted()["policy"]
        if (before or {}).get("policy") == policy:
            return
        if policy:
            self._put(clients, "policy", policy)
        else:
            clients.call("s3", "DeleteBucketPolicy", Bucket=self.name)


@dataclass(frozen=True, kw_only=True)
class AdoptedLogGroup(Adopted, LogGroup):
    """A log group of others: its days are never shortened."""

    def wanted(self) -> dict[str, Any]:
        if self.leaving:
            return {**self.seen, "tags": {}}
        return merged(self.kind, LogGroup.wanted(self), self.seen)

    def write(self, clients: Clients, before: Fields | None) -> None:
        days = self.wanted()["retention_days"]
        if (before or {}).get("retention_days") != days:
            clients.call("logs", "PutRetentionPolicy", logGroupName=self.name, retentionInDays=days)


@dataclass(frozen=True, kw_only=True)
class AdoptedRole(Adopted, Role):
    """A role of others. Only a log group of ours (`for_our_group`) needs a policy in it, which is
    one of its own name beside theirs."""

    for_our_group: bool = True

    def wanted(self) -> dict[str, Any]:
        own = Role.wanted(self)
        own["trust"] = signed(own["trust"], self.site.name)
        if self.leaving:
            seen = self.seen.get("trust", {})
            trust = without_ours(own["trust"], seen) or seen
            return {**self.seen, "trust": trust, "policy": {}, "tags": {}}
        policy = own["policy"] if self.for_our_group else self.seen.get("policy", {})
        return {**merged(self.kind, own, self.seen), "policy": policy}

    def read(self, clients: Clients) -> dict[str, Any] | None:
        found = Role.read(self, clients)
        return found and {name: value for name, value in found.items() if name != "tags"}

    def write(self, clients: Clients, before: Fields | None) -> None:
        if self.wanted()["policy"] or not (before or {}).get("policy"):
            Role.write(self, clients, before)
            return
        clients.call("iam", "DeleteRolePolicy", RoleName=self.name, PolicyName=POLICY)
        Role.write(self, clients, {**(before or {}), "policy": {}})


@dataclass(frozen=True, kw_only=True)
class AdoptedTopic(Adopted, Topic):
    """A topic of others, maybe of another account."""

    def wanted(self) -> dict[str, Any]:
        own = Topic.wanted(self)
        own["policy"] = signed(own["policy"], self.site.name)
        if self.leaving:
            # A topic has a policy always: one of ours alone stays.
            seen = self.seen.get("policy", {})
            policy = without_ours(own["policy"], seen) or seen
            return {**self.seen, "policy": policy, "tags": {}}
        return merged(self.kind, own, self.seen)

    def write(self, clients: Clients, before: Fields | None) -> None:
        policy = self.wanted()["policy"]
        if (before or {}).get("policy") != policy:
            self._set(clients, "Policy", json.dumps(policy))

    def read(self, clients: Clients) -> dict[str, Any] | None:
        return _if_allowed(lambda: Topic.read(self, clients))

    def tags(self, clients: Clients) -> dict[str, str] | None:
        return _if_allowed(lambda: Topic.tags(self, clients))


@dataclass(frozen=True, kw_only=True)
class SharedSubscription(Subscription):
    """Our subscription to a topic of others: theirs may go to the same on-call service, under
    keys that are not ours."""

    def _among(self, clients: Clients, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        same = Subscription._among(self, clients, found)
        if not self.key_secret:
            return same
        key = clients.secrets.get(self.key_secret)
        return [one for one in same if key and _has_key(one, key)]


AnyAdopted = AdoptedTrail | AdoptedBucket | AdoptedLogGroup | AdoptedRole | AdoptedTopic


def take_over(config: SiteConfig, resources: Sequence[Resource]) -> tuple[Resource, ...]:
    """The same resources, those that were adopted as what they are."""
    return tuple(_taken_over(config, one) for one in resources)


def seeing(resource: Resource, seen: Fields | None) -> Resource:
    """The resource, which knows how it stands where what is wanted depends on that."""
    return replace(resource, seen=seen or {}) if isinstance(resource, AnyAdopted) else resource


def leaving(resource: Resource) -> Resource:
    """An adopted resource that wants to be rid of what is ours."""
    return replace(resource, leaving=True) if isinstance(resource, AnyAdopted) else resource


def _taken_over(config: SiteConfig, one: Resource) -> Resource:
    theirs = {kind for kind in ADOPTABLE if config.adopted.get(kind)}
    site = config.site
    if isinstance(one, Subscription) and "topic" in theirs:
        return SharedSubscription(**_parts(one))
    if one.kind not in theirs:
        return one
    match one:
        case Trail():
            own = {
                "log_group": site.log_group_arn(config.log_group),
                "role": site.role_arn(config.role),
            }
            lent = tuple(arn for kind, arn in own.items() if kind not in theirs)
            return AdoptedTrail(**_parts(one), lent=lent)
        case Bucket():
            return AdoptedBucket(**_parts(one), for_our_trail="trail" not in theirs)
        case LogGroup():
            return AdoptedLogGroup(**_parts(one))
        case Role():
            # IAM's calls take the name without its path.
            parts = {**_parts(one), "name": one.name.rpartition("/")[2]}
            return AdoptedRole(**parts, for_our_group="log_group" not in theirs)
        case Topic():
            return AdoptedTopic(**_parts(one))
    return one


def _parts(one: Any) -> dict[str, Any]:
    return {part.name: getattr(one, part.name) for part in fields(one)}


def _if_allowed(read: Callable[[], dict[str, T] | None]) -> dict[str, T] | None:
    """What a read gives; UNSEEN where it is denied, as in another account it may be."""
    try:
        return read()
    except AwsError as error:
        if error.permission:
            return {}
        raise


def _has_key(subscription: Mapping[str, Any], key: str) -> bool:
    query = urlsplit(str(subscription.get("Endpoint", ""))).query
    return parse_qs(query).get("apiKey") == [key]
