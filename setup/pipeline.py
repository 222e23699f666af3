"""Knows which resources a site's pipeline is made of, in dependency order. Pure: calls nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from setup.actions import alert_tags, incoming_actions
from setup.refusals import check_names, check_options
from setup.resource import MARK, Resource
from setup.resources.alarm import MAX_DESCRIPTION, Alarm
from setup.resources.bucket import Bucket
from setup.resources.incoming_integration import IncomingIntegration
from setup.resources.kms_key import KmsKey
from setup.resources.log_group import LogGroup
from setup.resources.metric_filter import MetricFilter
from setup.resources.queue import Queue
from setup.resources.role import Role
from setup.resources.subscription import Subscription
from setup.resources.topic import Topic
from setup.resources.trail import Trail
from setup.resources.webhook_integration import WebhookIntegration
from trailwatch.detections import Detection, DetectionKind
from trailwatch.errors import ConfigError, LimitExceeded
from trailwatch.event_selectors import wanted_selectors
from trailwatch.site import OWN_KEY, SiteConfig

MAX_FILTERS = 100
MAX_PATTERN = 1024
FIRST = " First: "
"""What stands before what to do first, in an alarm's description."""
LEAST_FIRST = 40
"""Fewer characters of it than this help nobody."""
SNS_PATH = "/v1/json/amazonsns"
WEBHOOK_PATH = "/webhooks/opsgenie"
JSM_WEBHOOK_PATH = "/webhooks/jsm"
DIRECT_PATH = "/webhooks/sns"
JSM_SNS_PATH = "/jsm/ops/integration/v1/json/amazonsns"
"""As for other tools there; that it is so for SNS is inferred, see docs/oncall.md."""


def incoming_key_name(site: str) -> str:
    """The name under which the incoming integration's key is kept."""
    return f"{site}/opsgenie-incoming-key"


def webhook_secret_name(site: str) -> str:
    """The name under which the webhook's secret is kept; older versions of it hold for a while."""
    return f"{site}/opsgenie-webhook-secret"


def jsm_key_name(site: str) -> str:
    """The name under which the key of Jira Service Management's SNS integration is kept."""
    return f"{site}/jsm-incoming-key"


def jsm_secret_name(site: str) -> str:
    """The name under which the secret of Jira Service Management's webhook is kept."""
    return f"{site}/jsm-webhook-secret"


def pipeline(config: SiteConfig, detections: Sequence[Detection]) -> tuple[Resource, ...]:
    """The wanted resources, each after those that it needs.

    Without `router_url` alarms go to the topic only; without `public_url` Opsgenie tells the bot
    nothing. What alarms of others watch already is not doubled. Raises ConfigError and
    LimitExceeded for what AWS would refuse.
    """
    _check(config, detections)
    unwatched = [one for one in detections if one.id not in config.watched]
    return (
        *_storage(config),
        *(metric_filter(config, one) for one in unwatched),
        _topic(config),
        *(alarm(config, one) for one in unwatched),
        *_router(config),
        *_beside(config),
    )


def tags(config: SiteConfig) -> dict[str, str]:
    """The tags of everything that can have some; the mark is among them."""
    return {**config.tags, MARK: config.site.name}


def _storage(config: SiteConfig) -> tuple[Resource, ...]:
    site, own, key = config.site, tags(config), config.key
    return (
        *_key(config),
        Bucket(
            site,
            config.bucket,
            config.trail,
            config.archive_after_days,
            config.expire_after_days,
            own,
            key,
            config.object_lock_days,
            config.organization,
        ),
        LogGroup(site, config.log_group, config.retention_days, own, key),
        Role(site, config.role, config.log_group, own, config.organization),
        Trail(
            site,
            config.trail,
            config.bucket,
            config.log_group,
            config.role,
            config.insights,
            own,
            wanted_selectors(config),
            key,
            config.organization,
        ),
    )


def _key(config: SiteConfig) -> tuple[KmsKey, ...]:
    return (own_key(config),) if config.kms == OWN_KEY else ()


def own_key(config: SiteConfig) -> KmsKey:
    """The key that is made for the site where it wants one of its own."""
    site, own = config.site, tags(config)
    return KmsKey(site, config.kms_alias, config.trail, config.log_group, config.prefix, MARK, own)


def metric_filter(config: SiteConfig, detection: Detection) -> MetricFilter:
    """The metric filter of a detection."""
    return MetricFilter(
        config.site,
        config.alarm_name(detection.id),
        config.log_group,
        detection.pattern,
        config.namespace,
        exact=detection.kind is DetectionKind.COMPLIANCE,
    )


def _topic(config: SiteConfig) -> Topic:
    return Topic(config.site, config.topic, config.prefix, tags(config), config.key)


def alarm(config: SiteConfig, detection: Detection) -> Alarm:
    """The alarm of a detection; its description starts with the severity, as Opsgenie wants."""
    return Alarm(
        config.site,
        config.alarm_name(detection.id),
        config.prefix,
        config.namespace,
        config.topic,
        description(detection),
        detection.period,
        detection.threshold,
        tags(config),
    )


def description(detection: Detection) -> str:
    """What an alarm says: severity, title, why it matters, and what to do first, on one line.

    What to do first gives way where CloudWatch takes no more.
    """
    text = f"[{detection.severity.value}] {detection.title}: {detection.why}"
    first = " ".join(detection.runbook.split())
    room = MAX_DESCRIPTION - len(text) - len(FIRST)
    if not first or room < min(len(first), LEAST_FIRST):
        return text
    return text + FIRST + (first if len(first) <= room else f"{first[: room - 1].rstrip()}…")


def stray_filter(config: SiteConfig, name: str) -> MetricFilter:
    """A metric filter of that name in our log group, fit to be deleted."""
    return MetricFilter(config.site, name, config.log_group, "", config.namespace)


def stray_alarm(config: SiteConfig, name: str) -> Alarm:
    """An alarm of that name, fit to be deleted."""
    minute = timedelta(minutes=1)
    return Alarm(
        config.site, name, config.prefix, config.namespace, config.topic, "", minute, 1, {}
    )


def _router(config: SiteConfig) -> tuple[Resource, ...]:
    if config.router == "direct":
        return direct(config)
    if config.router == "jsm":
        return jsm(config)
    if not config.router_url:
        return ()
    site = config.site
    endpoint = config.router_url.rstrip("/") + SNS_PATH
    key_name = incoming_key_name(site.name)
    incoming = IncomingIntegration(
        f"{config.prefix}-{site.name}-alarms",
        config.router_team,
        incoming_actions(site.name, auto_close=config.auto_close),
        key_name,
        site.topic_arn(config.topic),
        endpoint,
    )
    subscription = Subscription(
        site, f"{config.topic} to Opsgenie", config.topic, endpoint, key_name
    )
    return (incoming, *webhook(config), subscription)


def _beside(config: SiteConfig) -> tuple[Resource, ...]:
    """The way to whoever is told besides, while a site moves."""
    if not config.beside or config.beside == config.router:
        return ()
    return _router(replace(config, router=config.beside))


def direct(config: SiteConfig) -> tuple[Resource, ...]:
    """What brings the topic's messages to the bot itself: by a queue where it has no address."""
    site, name = config.site, f"{config.topic} to trailwatch"
    if config.public_url:
        endpoint = config.public_url.rstrip("/") + DIRECT_PATH
        return (Subscription(site, name, config.topic, endpoint, patient=True),)
    queue = Queue(site, config.queue, config.topic, tags(config))
    return (queue, Subscription(site, f"{config.topic} to the queue", config.topic, queue.arn))


def jsm(config: SiteConfig) -> tuple[Resource, ...]:
    """The topic's subscription to Jira Service Management, and its integrations, unless people
    make them there by hand.

    Raises ConfigError where the settings have none.
    """
    if not config.jsm_url:
        raise ConfigError(
            "There is no Jira Service Management in the settings.",
            "JSM_CLOUD_ID is missing.",
            "Make its integrations and set JSM_CLOUD_ID and the keys, as docs/oncall.md says.",
        )
    endpoint = config.jsm_url.rstrip("/") + JSM_SNS_PATH
    name = f"{config.topic} to Jira Service Management"
    key = jsm_key_name(config.site.name)
    subscription = Subscription(config.site, name, config.topic, endpoint, key)
    return (*_jsm_integrations(config, endpoint), subscription)


def _jsm_integrations(config: SiteConfig, endpoint: str) -> tuple[Resource, ...]:
    if not config.jsm_made:
        return ()
    site = config.site
    incoming = IncomingIntegration(
        f"{config.prefix}-{site.name}-jsm-alarms",
        config.router_team,
        incoming_actions(site.name, auto_close=config.auto_close),
        jsm_key_name(site.name),
        site.topic_arn(config.topic),
        endpoint,
        service="jsm",
    )
    if not config.public_url:
        return (incoming,)
    told = WebhookIntegration(
        f"{config.prefix}-{site.name}-jsm-webhook",
        config.public_url.rstrip("/") + JSM_WEBHOOK_PATH,
        config.router_team,
        alert_tags(site.name),
        jsm_secret_name(site.name),
        service="jsm",
    )
    return (incoming, told)


def other_ways(config: SiteConfig) -> list[tuple[tuple[Resource, ...], Subscription]]:
    """The ways that alarms could take and are not wanted to: the subscription, and what is made
    with it, to be removed once the wanted one stands.
    """
    wanted = {(one.kind, one.name) for one in (*_router(config), *_beside(config))}
    ways = [
        replace(config, router="opsgenie"),
        replace(config, router="direct"),
        replace(config, router="direct", public_url=""),
        *([replace(config, router="jsm")] if config.jsm_url else []),
    ]
    found = []
    for parts in (_router(way) for way in ways):
        ends = [one for one in parts if isinstance(one, Subscription)]
        if ends and (ends[0].kind, ends[0].name) not in wanted:
            found.append((tuple(one for one in parts if one is not ends[0]), ends[0]))
    return found


def webhooks(config: SiteConfig) -> tuple[WebhookIntegration, ...]:
    """Every webhook to the bot that setup makes for a site, of both services while it moves."""
    parts = (*_router(config), *_beside(config))
    return tuple(one for one in parts if isinstance(one, WebhookIntegration))


def webhook(config: SiteConfig) -> tuple[WebhookIntegration, ...]:
    """The webhook to the bot; none where the on-call service or the bot has no address."""
    if config.router != "opsgenie" or not (config.router_url and config.public_url):
        return ()
    return (
        WebhookIntegration(
            f"{config.prefix}-{config.site.name}-webhook",
            config.public_url.rstrip("/") + WEBHOOK_PATH,
            config.router_team,
            alert_tags(config.site.name),
            webhook_secret_name(config.site.name),
        ),
    )


def _check(config: SiteConfig, detections: Sequence[Detection]) -> None:
    """Raise ConfigError or LimitExceeded for what AWS would refuse, as far as the config tells."""
    check_names(config, [one.id for one in detections])
    check_options(config)
    if len(detections) > MAX_FILTERS:
        raise LimitExceeded(
            f"{len(detections)} detections do not fit into one log group.",
            f"CloudWatch Logs allows {MAX_FILTERS} metric filters.",
            "Drop some detections.",
        )
    for one in detections:
        if len(one.pattern) > MAX_PATTERN:
            raise LimitExceeded(
                f"The pattern of {one.id} has {len(one.pattern)} characters.",
                f"CloudWatch Logs allows {MAX_PATTERN}.",
                "Shorten its list of offices or exclusions.",
            )
