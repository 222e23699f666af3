"""Knows which trail of others could serve a site, and what adopting it takes along. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from setup.adopt_merge import NOBODY, excluded, owner_of, records_all
from setup.clients import Clients
from setup.cost import BYTES_PER_EVENT, CENT, COPY_100K
from setup.filters import filters_on, ours_on, topics_of
from setup.resource import MARK
from setup.volume import gigabytes
from trailwatch.errors import AwsError, NotFound, UsageError
from trailwatch.site import ADOPTABLE, SiteConfig, parse_arn

YES = ("yes", "all", "found")
NONE = ("none", "no", "own")
_GONE = ("TrailNotFoundException", "TrailNotFound")
_KINDS = {name.replace("_", ""): name for name in ADOPTABLE}


@dataclass(frozen=True)
class FoundTrail:
    """A trail that is not ours. `hindrance` says why it cannot be used here, "" where it can;
    `faults` are what our pipeline would want otherwise of it."""

    name: str
    account: str
    region: str
    bucket: str
    log_group: str
    """The name of the log group here that it feeds, "" for none."""
    role: str
    """The role for that, with its path."""
    kms: str
    owner: str = NOBODY
    organization: bool = False
    hindrance: str = ""
    faults: tuple[str, ...] = ()

    @property
    def brings(self) -> dict[str, str]:
        """What is adopted with it: names by kind."""
        parts = {"trail": self.name, "bucket": self.bucket}
        logs = {"log_group": self.log_group, "role": self.role} if self.log_group else {}
        return {**parts, **logs}

    @property
    def said(self) -> str:
        """What it is, in some words: whose, what it does, and what it lacks."""
        feeds = f"feeds {self.log_group}" if self.log_group else "feeds no log group"
        whole = "; records the whole organization" if self.organization else ""
        lacks = f"; {'; '.join(self.faults)}" if self.faults else ""
        return f"{self.owner}; {feeds}{whole}{lacks}"


def find_trails(config: SiteConfig, clients: Clients) -> tuple[FoundTrail, ...]:
    """The trails that record this account and are not this site's, the best first.

    One call for all of them, one for their tags, and two for each that could be used here. Raises
    AwsError.
    """
    answer = clients.call("cloudtrail", "DescribeTrails", includeShadowTrails=True)
    listed = [one for one in answer.get("trailList", ()) if one.get("TrailARN")]
    tags = _tags_of(config, listed, clients)
    others = [one for one in listed if tags.get(one["TrailARN"], {}).get(MARK) != config.site.name]
    found = clients.together(
        *(partial(_trail, config, one, tags.get(one["TrailARN"], {}), clients) for one in others)
    )
    return tuple(sorted(found, key=_rank))


def _rank(trail: FoundTrail) -> tuple[bool, bool, int, str]:
    return bool(trail.hindrance), not trail.log_group, len(trail.faults), trail.name


def _tags_of(
    config: SiteConfig, listed: Sequence[Mapping[str, Any]], clients: Clients
) -> dict[str, dict[str, str]]:
    """The tags of the trails whose home is here, by ARN; ListTags takes 20 of one Region."""
    here = [one["TrailARN"] for one in listed if not _elsewhere(config, one)]
    if not here:
        return {}
    found = clients.call("cloudtrail", "ListTags", ResourceIdList=here[:20])
    return {
        one["ResourceId"]: {tag["Key"]: tag.get("Value", "") for tag in one.get("TagsList", ())}
        for one in found.get("ResourceTagList", ())
    }


def _elsewhere(config: SiteConfig, one: Mapping[str, Any]) -> str:
    """Why a trail cannot be used here; "" where it can."""
    arn = parse_arn(str(one["TrailARN"]))
    account = arn.account if arn else ""
    home = str(one.get("HomeRegion", config.site.region))
    if account != config.site.account:
        return (
            f"it belongs to the account {account}: filters and alarms can only stand where its "
            "log group is, so make that account a site"
        )
    if home != config.site.region:
        return f"its home is {home}: make that the site's region to use it"
    return ""


def _trail(
    config: SiteConfig, one: Mapping[str, Any], tags: Mapping[str, str], clients: Clients
) -> FoundTrail:
    arn = parse_arn(str(one["TrailARN"]))
    group = parse_arn(str(one.get("CloudWatchLogsLogGroupArn", "")))
    role = parse_arn(str(one.get("CloudWatchLogsRoleArn", "")))
    trail = FoundTrail(
        name=str(one["Name"]),
        account=arn.account if arn else "",
        region=str(one.get("HomeRegion", config.site.region)),
        bucket=str(one.get("S3BucketName", "")),
        log_group=group.resource.removeprefix("log-group:").removesuffix(":*") if group else "",
        role=role.resource.removeprefix("role/") if role else "",
        kms=str(one.get("KmsKeyId", "")),
        owner=_owner(str(one["Name"]), tags),
        organization=bool(one.get("IsOrganizationTrail")),
        hindrance=_elsewhere(config, one),
    )
    if trail.hindrance:
        return trail
    if group and (group.account, group.region) != (config.site.account, config.site.region):
        why = f"its log group is in {group.account or 'another account'}, {group.region}"
        return replace(trail, hindrance=f"{why}: make that a site")
    status, selectors = clients.together(
        lambda: clients.find("cloudtrail", "GetTrailStatus", _GONE, Name=trail.name) or {},
        lambda: clients.find("cloudtrail", "GetEventSelectors", _GONE, TrailName=trail.name) or {},
    )
    return replace(trail, faults=tuple(_faults(one, status, selectors)))


def _owner(name: str, tags: Mapping[str, str]) -> str:
    owner = owner_of(tags)
    if owner == NOBODY and name.startswith("aws-controltower"):
        return "AWS Control Tower, by its name"
    return owner


def _faults(
    one: Mapping[str, Any], status: Mapping[str, Any], answer: Mapping[str, Any]
) -> list[str]:
    """What is amiss with a trail. Source: DescribeTrails, GetTrailStatus, GetEventSelectors."""
    selectors = answer.get("AdvancedEventSelectors") or answer.get("EventSelectors") or []
    faults = []
    if not status.get("IsLogging"):
        faults.append("it is stopped")
    if not one.get("IsMultiRegionTrail"):
        faults.append("it records one region only")
    if not records_all(selectors):
        left_out = sorted(excluded(selectors))
        what = f"the events of {', '.join(left_out)}" if left_out else "some management events"
        faults.append(f"it leaves out {what}")
    if not one.get("LogFileValidationEnabled"):
        faults.append("its files cannot be validated")
    error = status.get("LatestCloudWatchLogsDeliveryError")
    if error:
        faults.append(f"its delivery to the log group fails ({str(error)[:80]})")
    return faults


# What a plan says of it


def offers(config: SiteConfig, clients: Clients, now: datetime) -> tuple[str, ...]:
    """What a plan for a fresh site says of the trails that are there: how to adopt one, and what
    a second one costs. Nothing where somebody has decided. Raises AwsError."""
    if "trail" in config.adopted:
        return ()
    try:
        trails = find_trails(config, clients)
    except AwsError as error:
        if error.permission:
            return (f"Whether there is a trail already could not be seen: {error.what}",)
        raise
    notes = []
    usable = [one for one in trails if not one.hindrance]
    if usable:
        best = usable[0]
        more = f" {len(usable) - 1} more could be adopted by name." if len(usable) > 1 else ""
        cost = _second_cost(best, clients, now)
        notes.append(
            f"There is a trail already, {best.name}: --adopt yes uses it, and so does "
            "setup import, which looks at its filters too, rather than pay for a second one "
            f"({cost}); --adopt none says to have both. It is: {best.said}.{more}"
        )
    useless = [one for one in trails if one.hindrance]
    notes += [f"The trail {one.name} is no use here: {one.hindrance}." for one in useless[:3]]
    return tuple(notes)


def _second_cost(trail: FoundTrail, clients: Clients, now: datetime) -> str:
    price = f"${COPY_100K} for each 100,000 management events"
    volume = gigabytes(trail.log_group, clients, now) if trail.log_group else None
    if volume is None:
        return price
    usd = (volume * 1_000_000_000 / BYTES_PER_EVENT / 100_000 * COPY_100K).quantize(CENT)
    return f"{price}, about ${usd} a month here"


# What a person decides


def asked(text: str) -> dict[str, str] | None:
    """What "yes", "none" or "trail=NAME,topic=NAME" asks to adopt: names by kind, {} for nothing,
    None for all that is found. Raises UsageError."""
    plain = text.strip().lower()
    if plain in YES:
        return None
    if plain in NONE:
        return {}
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        word, equals, name = part.partition("=")
        kind = _KINDS.get(word.strip().lower().replace("-", "").replace("_", ""))
        if not kind or not equals or not name.strip():
            raise UsageError(
                f"{part[:60]!r} is nothing to adopt.",
                fix=f"Write yes, none, or KIND=NAME with a kind of {', '.join(ADOPTABLE)}.",
            )
        found[kind] = name.strip()
    return found


def touched(text: str) -> tuple[str, ...]:
    """The kinds that "trail,topic" agrees to change; raises UsageError."""
    kinds = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        kind = _KINDS.get(part.lower().replace("-", "").replace("_", ""))
        if kind is None:
            raise UsageError(f"{part[:60]!r} is no kind.", fix=f"There are {', '.join(ADOPTABLE)}.")
        kinds.append(kind)
    return tuple(dict.fromkeys(kinds))


def adopting(config: SiteConfig, text: str, clients: Clients) -> SiteConfig:
    """The config with what was asked for (see `asked`) adopted, and what comes with it.

    Raises UsageError, also where filters of ours would be left behind on another log group,
    NotFound for a name that nothing has, and AwsError.
    """
    new = _adopting(config, asked(text), clients)
    if new.log_group != config.log_group and ours_on(config, config.log_group, clients):
        raise UsageError(
            f"The pipeline stands on the log group {config.log_group}.",
            "Another trail has another log group: what stands would be left behind.",
            "Take it down first: /trailwatch setup destroy",
        )
    return new


def _adopting(config: SiteConfig, wanted: dict[str, str] | None, clients: Clients) -> SiteConfig:
    if wanted == {}:
        return replace(config, adopted=dict.fromkeys(ADOPTABLE, ""), watched={})
    trails = find_trails(config, clients)
    if wanted is None:
        best = next((one for one in trails if not one.hindrance), None)
        if best is None:
            raise NotFound("There is no trail to adopt.", fix="Leave --adopt out.")
        return replace(config, adopted={**best.brings, **_topic_of(config, best, clients)})
    brought: dict[str, str] = {}
    if "trail" in wanted:
        brought = _chosen(wanted["trail"], trails).brings
    for kind, name in wanted.items():
        if brought.get(kind, name) not in (name, _last(name)) and kind != "trail":
            raise UsageError(
                f"The trail {brought['trail']} uses the {kind} {brought[kind]}, not {name}.",
                "An adopted trail goes on delivering where it delivers.",
            )
        if kind not in brought:
            brought[kind] = _existing(config, kind, name, clients)
    rest = {} if "trail" in wanted else {k: v for k, v in config.adopted.items() if v}
    return replace(config, adopted={**rest, **brought})


def _chosen(name: str, trails: Sequence[FoundTrail]) -> FoundTrail:
    for one in trails:
        if one.name in (name, _last(name)):
            if one.hindrance:
                raise UsageError(f"The trail {one.name} cannot be adopted: {one.hindrance}.")
            return one
    raise NotFound.of("trail", name, [one.name for one in trails])


def _last(arn: str) -> str:
    return arn.rpartition("/")[2] if arn.startswith("arn:") else arn


def _existing(config: SiteConfig, kind: str, name: str, clients: Clients) -> str:
    """The name to keep of a thing that a person named; raises NotFound where it is not there. One
    that may not be looked at is taken at the person's word."""
    plain = _plain(config, kind, name)
    try:
        found = _look(config, kind, plain, clients)
    except AwsError as error:
        # HeadBucket's answer has no body, and so no code but this.
        if not error.permission and error.code != "403":
            raise
        return plain
    if found is None:
        raise NotFound(f"There is no {kind.replace('_', ' ')} {name!r}.")
    return found


def _plain(config: SiteConfig, kind: str, name: str) -> str:
    """The name in an ARN: of a role with its path; a topic of another account stays an ARN."""
    arn = parse_arn(name)
    if arn is None:
        return name
    if kind == "topic":
        return name.removeprefix(config.site.topic_arn(""))
    return arn.resource.removeprefix("log-group:").removeprefix("role/").removesuffix(":*")


def _look(config: SiteConfig, kind: str, name: str, clients: Clients) -> str | None:
    if kind == "bucket":
        gone = ("404", "NoSuchBucket")
        return name if clients.find("s3", "HeadBucket", gone, Bucket=name) is not None else None
    if kind == "log_group":
        groups = clients.call("logs", "DescribeLogGroups", logGroupNamePrefix=name)
        names = [one["logGroupName"] for one in groups.get("logGroups", ())]
        return name if name in names else None
    if kind == "role":
        gone = ("NoSuchEntity", "NoSuchEntityException")
        role = clients.find("iam", "GetRole", gone, RoleName=name.rpartition("/")[2])
        if role is None:
            return None
        return str(role["Role"].get("Path", "/")).lstrip("/") + str(role["Role"]["RoleName"])
    arn = config.site.topic_arn(name)
    gone = ("NotFound", "NotFoundException")
    return name if clients.find("sns", "GetTopicAttributes", gone, TopicArn=arn) else None


def _topic_of(config: SiteConfig, trail: FoundTrail, clients: Clients) -> dict[str, str]:
    """The topic that alarms on the trail's log group tell, where there are some."""
    if not trail.log_group:
        return {}
    topic = topics_of(config.site, filters_on(trail.log_group, clients))
    return {"topic": topic} if topic else {}
