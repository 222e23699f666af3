"""Knows what a site is and how its ARNs follow from its names. Never asks AWS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The days that PutRetentionPolicy takes, CloudWatch Logs API reference."""
OWN_KEY = "own"
"""The value of SiteConfig.kms that asks for a KMS key of the pipeline's own."""
ADOPTABLE = ("trail", "bucket", "log_group", "role", "topic")
"""The kinds of resources that may be taken over from others as they stand."""
PARTITION_OF_PREFIX = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def partition_of(region: str) -> str:
    """The partition that a region code belongs to ("aws", "aws-cn", "aws-us-gov")."""
    for prefix, partition in PARTITION_OF_PREFIX.items():
        if region.startswith(prefix):
            return partition
    return "aws"


@dataclass(frozen=True)
class Site:
    """One AWS account and home region that trailwatch watches."""

    name: str
    account: str
    """Twelve digits."""
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        """An ARN in this site; region and account are left empty where the service has none."""
        where = self.region if region else ""
        who = self.account if account else ""
        return f"arn:{self.partition}:{service}:{where}:{who}:{resource}"

    def bucket_arn(self, name: str) -> str:
        return f"arn:{self.partition}:s3:::{name}"

    def log_group_arn(self, name: str) -> str:
        """Ends in ":*", as CloudTrail wants it."""
        return self.arn("logs", f"log-group:{name}:*")

    def role_arn(self, name: str) -> str:
        return self.arn("iam", f"role/{name}", region=False)

    def trail_arn(self, name: str) -> str:
        return self.arn("cloudtrail", f"trail/{name}")

    def topic_arn(self, name: str) -> str:
        """An ARN is given back as it is: an adopted topic may belong to another account."""
        return name if name.startswith("arn:") else self.arn("sns", name)

    def key_arn(self, key: str) -> str:
        """The ARN of a KMS key by its id, or of its alias ("alias/..."); an ARN is given back."""
        if key.startswith("arn:"):
            return key
        return self.arn("kms", key if key.startswith("alias/") else f"key/{key}")

    @property
    def logs_principal(self) -> str:
        """CloudWatch Logs as a principal of policies: it has one for each Region."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"logs.{self.region}.{suffix}"

    def alarm_arn(self, name: str) -> str:
        return self.arn("cloudwatch", f"alarm:{name}")


@dataclass(frozen=True)
class SiteConfig:
    """What is wanted in a site. Names of resources follow from `prefix`.

    Durations of storage are days. `public_url` is where the on-call service reaches the bot.
    """

    site: Site
    pack: str = "walkthrough"
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    prefix: str = "trailwatch"
    retention_days: int = 365
    archive_after_days: int = 90
    expire_after_days: int = 0
    """0 keeps the archive for ever."""
    insights: bool = True
    offices: tuple[str, ...] = ()
    largest_instance: str = "4xlarge"
    deploy_roles: tuple[str, ...] = ()
    break_glass_roles: tuple[str, ...] = ()
    namespace: str = "Trailwatch"
    public_url: str = ""
    router: str = "opsgenie"
    """Who is told of alarms: "opsgenie", "jsm", or "direct" for nobody but the bot itself."""
    beside: str = ""
    """Who is told besides, while the site moves from one to the other."""
    jsm_url: str = ""
    """Jira Service Management's API; "" where the settings have none."""
    jsm_made: bool = False
    """Whether setup makes its integrations; else people do by hand."""
    router_url: str = "https://api.opsgenie.com"
    router_team: str = ""
    auto_close: bool = False
    """Whether an alarm's return to OK closes its alert; off, since that may hide events."""
    kms: str = ""
    """"" encrypts as AWS does by itself; "own" with a key that is made; else a key's ARN."""
    object_lock_days: int = 0
    """How long a file of the archive cannot be deleted or changed; 0 has no object lock."""
    exclude_kms: bool = False
    exclude_rds_data: bool = False
    data_events: tuple[str, ...] = ()
    """What else is recorded: "s3", "s3:bucket/prefix", "lambda:name", "dynamodb:table", ..."""
    data_events_type: str = "All"
    """All, ReadOnly or WriteOnly."""
    organization: str = ""
    """The id of the organization whose accounts the trail covers; "" covers this one alone."""
    tags: dict[str, str] = field(default_factory=dict)
    adopted: dict[str, str] = field(default_factory=dict)
    """What is not ours and used all the same: names by kind (ADOPTABLE); a role's name with its
    path, a topic of another account as its ARN. "" says that our own was preferred."""
    watched: dict[str, str] = field(default_factory=dict)
    """Detections that alarms of others watch already: ids, and the names of those alarms."""
    touch: tuple[str, ...] = ()
    """The kinds of adopted things that one plan may change, as agreed to; never kept."""

    @property
    def bucket(self) -> str:
        own = f"{self.prefix}-{self.site.account}-{self.site.region}"
        return self.adopted.get("bucket") or own

    @property
    def log_group(self) -> str:
        return self.adopted.get("log_group") or f"/{self.prefix}/cloudtrail"

    @property
    def role(self) -> str:
        return self.adopted.get("role") or f"{self.prefix}-cloudtrail-to-logs"

    @property
    def trail(self) -> str:
        return self.adopted.get("trail") or self.prefix

    @property
    def kms_alias(self) -> str:
        """The alias of the key that is made with `kms` = "own"."""
        return f"alias/{self.prefix}"

    @property
    def key(self) -> str:
        """What encrypts: the alias of our own key, an existing key's ARN, or "" for none."""
        return self.kms_alias if self.kms == OWN_KEY else self.kms

    @property
    def topic(self) -> str:
        return self.adopted.get("topic") or f"{self.prefix}-alarms"

    @property
    def queue(self) -> str:
        """The queue that holds alarms for a bot without a public address."""
        return f"{self.prefix}-alarms"

    def alarm_name(self, detection_id: str) -> str:
        """The metric filter and the alarm of a detection share this name."""
        return f"{self.prefix}-{detection_id}"

    def detection_id(self, alarm_name: str) -> str | None:
        """The detection that an alarm's name stands for; None for an alarm that isn't ours."""
        for detection_id, name in self.watched.items():
            if name == alarm_name:
                return detection_id
        start = f"{self.prefix}-"
        return alarm_name[len(start) :] if alarm_name.startswith(start) else None


_ARN = re.compile(
    r"^arn:(?P<partition>[\w-]+):(?P<service>[\w-]+):(?P<region>[\w-]*):"
    r"(?P<account>\d*):(?P<resource>.+)$"
)


@dataclass(frozen=True)
class Arn:
    """The parts of an ARN."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(text: str) -> Arn | None:
    """The parts of an ARN, or None where the text isn't one."""
    match = _ARN.match(text)
    return Arn(**match.groupdict()) if match else None


def site_of_alarm(alarm_arn: str, sites: Sequence[SiteConfig]) -> SiteConfig:
    """The site that an alarm belongs to: by account, Region and the longest prefix of its name.

    Where none fits it is the first of `sites`. An account that is "" is not known yet and may be
    any that no other site has.
    """
    arn = parse_arn(alarm_arn)
    if arn is None or arn.service != "cloudwatch":
        return sites[0]
    name = arn.resource.removeprefix("alarm:")

    def fit(config: SiteConfig) -> tuple[bool, bool, int]:
        ours = len(config.prefix) if config.detection_id(name) is not None else 0
        return config.site.account == arn.account, config.site.region == arn.region, ours

    possible = [one for one in sites if one.site.account in ("", arn.account)]
    return max(possible, key=fit, default=sites[0])
