"""Knows which names and options AWS would refuse. Pure: asks nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address

from trailwatch.errors import ConfigError, LimitExceeded
from trailwatch.event_selectors import wanted_selectors
from trailwatch.site import RETENTIONS, SiteConfig, parse_arn

SHAPES = {
    "bucket": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "3 to 63 small letters, digits, - and ."),
    "log group": (r"[\w./#-]{1,512}", "512 letters, digits and _ - / . #"),
    "role": (r"[\w+=,.@-]{1,64}", "64 letters, digits and _ + = , . @ -"),
    "trail": (
        r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9])*",
        "3 to 128 letters, digits and single - _ . between them",
    ),
    "SNS topic": (r"[\w-]{1,256}", "256 letters, digits, - and _"),
    "metric namespace": (r"(?!AWS/)[\w ./#:-]{1,255}", "255 letters, digits and _ . - / # :"),
}
"""What AWS takes for a name, and how to say it. Source: the API reference of each service."""
MAX_ALARM_NAME = 255
MAX_SELECTOR_VALUES = 500
"""Values in the advanced event selectors of a trail. Source: Quotas in AWS CloudTrail."""


def check_names(config: SiteConfig, detection_ids: Iterable[str]) -> None:
    """Raise ConfigError for a name of ours that its service does not take; adopted names stand.

    An account of "*" stands for any.
    """
    names = {
        "bucket": ("bucket", config.bucket.replace("*", "0" * 12)),
        "log group": ("log_group", config.log_group),
        "role": ("role", config.role),
        "trail": ("trail", config.trail),
        "SNS topic": ("topic", config.topic),
        "metric namespace": ("", config.namespace),
    }
    for what, (kind, name) in names.items():
        if not config.adopted.get(kind) and not _fits(what, name):
            raise ConfigError(
                f"{name!r} is no name for a {what}.",
                f"AWS takes {SHAPES[what][1]}.",
                f"Choose another {'namespace' if not kind else f'prefix than {config.prefix!r}'}.",
            )
    for detection_id in detection_ids:
        name = config.alarm_name(detection_id)
        if len(name) > MAX_ALARM_NAME:
            raise ConfigError(
                f"The alarm of {detection_id[:60]} would have a name of {len(name)} characters.",
                f"CloudWatch takes {MAX_ALARM_NAME}.",
                "Choose a shorter prefix or id.",
            )


def _fits(what: str, name: str) -> bool:
    if not re.fullmatch(SHAPES[what][0], name, re.ASCII):
        return False
    if what == "trail":
        return 3 <= len(name) <= 128 and not _is_address(name)
    return what != "bucket" or not (_is_address(name) or ".." in name)


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except AddressValueError:
        return False
    return True


def check_options(config: SiteConfig) -> None:
    """Raise ConfigError or LimitExceeded for options that AWS would refuse."""
    days = config.retention_days
    if days not in RETENTIONS:
        near = min(RETENTIONS, key=lambda allowed: abs(allowed - days))
        raise ConfigError(
            f"Logs cannot be kept for {days} days.",
            "CloudWatch Logs takes certain numbers of days only.",
            f"The nearest that it takes is {near}.",
        )
    key = parse_arn(config.kms)
    if key is not None and key.region != config.site.region:
        raise ConfigError(
            f"The KMS key {config.kms} is in {key.region}.",
            f"Bucket, log group and topic are in {config.site.region}, and so has to be their key.",
            f"Take a key in {config.site.region}, or let trailwatch make one: --set kms=own",
        )
    values = sum(
        len(listed)
        for selector in wanted_selectors(config)
        for test in selector.get("FieldSelectors", ())
        for name, listed in test.items()
        if name != "Field"
    )
    if values > MAX_SELECTOR_VALUES:
        raise LimitExceeded(
            f"The trail's selectors would have {values} values.",
            f"CloudTrail allows {MAX_SELECTOR_VALUES}.",
            "Name fewer resources in data_events, or prefixes that hold several.",
        )
