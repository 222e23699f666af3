"""Knows what stands beside what is wanted, and the steps between them. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from setup.adopt_merge import owner_of
from setup.adopt_resources import UNSEEN, Adopted, leaving, seeing, take_over
from setup.causes import moved_fields
from setup.change import LABELS, Action, Change, Fields
from setup.clients import Clients
from setup.compare import differing
from setup.cost import Size
from setup.filters import is_ours
from setup.option_notes import blind_notes, idle_notes, office_notes, option_notes
from setup.pipeline import other_ways, own_key, pipeline, stray_alarm, stray_filter
from setup.prerequisites import check_prerequisites
from setup.resource import MARK, Resource
from setup.resources.bucket import Bucket
from setup.resources.metric_filter import MetricFilter
from setup.size import size_of
from setup.unread import unread_notes
from trailwatch.detections import Detection
from trailwatch.errors import AwsError, ConfigError, RouterError
from trailwatch.site import OWN_KEY, SiteConfig

RETAINED = ("bucket", "log_group", "kms_key")
"""The kinds that a destroy leaves unless they are named: they hold the evidence, or its key."""
_WITH = {
    "bucket": ", with what is in it",
    "log_group": ", with what is in it",
    "kms_key": ": what it encrypted cannot be read without it",
}
_SLOWEST = ("webhook_integration", "incoming_integration", "trail", "bucket")


@dataclass(frozen=True)
class Step:
    """A change with the resource that makes it. `change.before` equals `change.after` in every
    field whose difference means nothing."""

    change: Change
    resource: Resource


@dataclass(frozen=True)
class Survey:
    """The steps to what is wanted, in order. `before` and `after` say what is billed; `withheld`
    are changes of adopted things that nobody agreed to."""

    steps: tuple[Step, ...]
    unchanged: int
    before: Size
    after: Size
    notes: tuple[str, ...] = ()
    withheld: tuple[Step, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(step.change for step in self.steps)


@dataclass(frozen=True)
class Standing:
    """A wanted resource and its fields as they stand; None where it doesn't exist."""

    resource: Resource
    fields: dict[str, Any] | None


def survey(config: SiteConfig, detections: Sequence[Detection], clients: Clients) -> Survey:
    """What an apply would do. Raises ProviderError, LimitExceeded, and ConfigError for a resource
    that stands in the way and is not ours."""
    standing = look(config, detections, clients)
    retag = _tags_moved(standing)
    steps = clients.together(*(partial(step_for, config, one, clients, retag) for one in standing))
    found = [step for step in steps if step is not None]
    withheld = [one for one in found if one.change.owner and one.change.kind not in config.touch]
    leaving, unreached = _left_ways(config, standing, clients)
    strays = (*_strays(config, standing, clients), *leaving)
    sizes = _sizes(config, standing, strays, clients)
    notes = (
        *unreached,
        *(_withheld_note(one.change) for one in withheld),
        *_unseen_notes(standing),
        *unread_notes(standing),
        *option_notes([one.change for one in found]),
        *blind_notes(config, detections),
        *office_notes(config, [one.change for one in found]),
        *idle_notes(config),
    )
    return Survey(
        (*(one for one in found if one not in withheld), *(_removal(one) for one in strays)),
        len(standing) - len(found),
        *sizes,
        notes,
        tuple(withheld),
    )


def _withheld_note(change: Change) -> str:
    silent = " Until that is done alarms may stay silent." if moved_fields(change) & _NEEDED else ""
    return (
        f"Left as it is without --touch {change.kind}, for it is not ours ({change.owner}): "
        f"{change.summary()}{silent}"
    )


_NEEDED = frozenset(
    {"logging", "multi_region", "event_selectors", "log_group", "role", "policy", "trust"}
)
"""The fields of adopted things without which a record may never become an alarm."""


def _unseen_notes(standing: Sequence[Standing]) -> tuple[str, ...]:
    return tuple(
        f"The {LABELS[one.resource.kind]} {one.resource.name} may not be looked at, as in another "
        "account: it is used unchecked."
        for one in standing
        if isinstance(one.resource, Adopted) and one.fields == UNSEEN
    )


def survey_destroy(
    config: SiteConfig,
    detections: Sequence[Detection],
    clients: Clients,
    include: Sequence[str] = (),
) -> Survey:
    """What taking the pipeline down would do, in reverse order. What is not ours stays, and so do
    the kinds of RETAINED that `include` does not name. Raises ProviderError."""
    standing = look(config, detections, clients)
    strays = (*_left_key(config, clients), *_strays(config, standing, clients))
    there = [one for one in (*standing, *strays) if one.fields is not None]
    owners = clients.together(*(partial(one.resource.tags, clients) for one in there))
    doomed, notes, steps = [], [], []
    for one, tags in zip(there, owners, strict=True):
        resource = one.resource
        called = f"The {LABELS[resource.kind]} {resource.name}"
        if isinstance(resource, Adopted):
            left = step_for(config, Standing(leaving(resource), one.fields), clients)
            notes.append(f"{called} stays: it is not ours ({owner_of(tags or {})}).")
            steps += [left] if left else []
        elif tags is not None and tags.get(MARK) != config.site.name:
            notes.append(f"{called} stays: it is not marked as ours.")
        elif resource.kind in RETAINED and resource.kind not in include:
            notes.append(f"{called} stays{_WITH[resource.kind]}.")
        else:
            doomed.append(one)
    steps += [_removal(one) for one in doomed]
    order = sorted(steps, key=lambda one: list(LABELS).index(one.change.kind), reverse=True)
    stays = {one.resource.kind for one in there if one not in doomed}
    return Survey(
        tuple(order),
        len(there) - len(order),
        _size_before(standing, strays, clients),
        Size(key="kms_key" in stays),
        tuple(notes),
    )


def look(
    config: SiteConfig, detections: Sequence[Detection], clients: Clients
) -> tuple[Standing, ...]:
    """Every wanted resource as it stands, in pipeline order. Raises ProviderError, ConfigError."""
    wanted = take_over(config, pipeline(config, detections))

    def read(resource: Resource) -> Standing:
        return clients.once((resource.kind, resource.name), lambda: stand(resource, clients))

    # One filter and one alarm first: what they read in bulk answers for all others.
    firsts = {resource.kind: resource for resource in reversed(wanted)}
    lead = sorted(firsts.values(), key=lambda one: one.kind not in _SLOWEST)
    checks: list[Callable[[], object]] = [
        partial(check_account, config, clients),
        partial(check_prerequisites, config, clients),
    ]
    clients.together(*checks, *(partial(read, one) for one in lead))
    return tuple(read(one) for one in wanted)


def stand(resource: Resource, clients: Clients) -> Standing:
    """A resource as it stands. Raises ProviderError."""
    fields = resource.read(clients)
    return Standing(seeing(resource, fields), fields)


def check_account(config: SiteConfig, clients: Clients) -> None:
    """Raises ConfigError where the credentials are those of another account."""
    account = clients.aws.account()
    if account != config.site.account:
        raise ConfigError(
            f"The credentials are for the account {account}.",
            f"The site {config.site.name} is the account {config.site.account}.",
            "Use that account's credentials, or a role in it.",
        )


def step_for(
    config: SiteConfig, one: Standing, clients: Clients, retag: bool = False
) -> Step | None:
    """The step that a resource needs, None for none. `retag`: look at its tags in any case."""
    resource, wanted = one.resource, one.resource.wanted()
    if isinstance(resource, Adopted):
        return _adopted_step(one, clients)
    if one.fields is None:
        return Step(Change(Action.CREATE, resource.kind, resource.name, None, wanted), resource)
    current = dict(one.fields)
    exact = isinstance(resource, MetricFilter) and resource.exact
    untagged = {name: value for name, value in wanted.items() if name != "tags"}
    changed = set(differing(untagged, current, exact_pattern=exact))
    tags: Mapping[str, str] | None = current.get("tags")
    if "tags" in wanted and tags is None and (changed or retag):
        tags = resource.tags(clients) or {}
    if tags is not None:
        current["tags"] = {name: tags[name] for name in wanted["tags"] if name in tags}
        if current["tags"] != wanted["tags"]:
            changed.add("tags")
    if not changed:
        return None
    unmarked = tags is not None and tags.get(MARK) != config.site.name
    if unmarked and not _half_made(resource, current, tags or {}, clients):
        raise _stranger(config, resource, tags or {})
    before = {name: current[name] if name in changed else wanted[name] for name in wanted}
    return Step(Change(Action.UPDATE, resource.kind, resource.name, before, wanted), resource)


def _adopted_step(one: Standing, clients: Clients) -> Step | None:
    """The step for a thing of others: an update that names them, or None. Raises ConfigError
    where it is gone: it is not ours to make anew."""
    resource, wanted, current = one.resource, one.resource.wanted(), one.fields
    called = f"{LABELS[resource.kind]} {resource.name}"
    if current is None:
        raise ConfigError(
            f"The {called} is gone.",
            "It was adopted; trailwatch never made it.",
            "Take down what is left with /trailwatch setup destroy; then adopt another, or let "
            "trailwatch make its own: /trailwatch setup plan --adopt none",
        )
    changed = differing(wanted, current)
    if not changed:
        return None
    before = {name: current[name] if name in changed else wanted[name] for name in wanted}
    owner = owner_of(resource.tags(clients) or {})
    change = Change(Action.UPDATE, resource.kind, resource.name, before, wanted, owner)
    return Step(change, resource)


def _half_made(
    resource: Resource, current: Fields, tags: Mapping[str, str], clients: Clients
) -> bool:
    """Whether it is ours though not marked: a bucket cannot be made and marked in one call."""
    return isinstance(resource, Bucket) and not tags and resource.half_made(clients, current)


def _stranger(config: SiteConfig, resource: Resource, tags: Mapping[str, str]) -> ConfigError:
    called = f"the {LABELS[resource.kind]} {resource.name}"
    owner = tags.get(MARK)
    why = f"it belongs to the site {owner}" if owner else f"it has no tag {MARK}"
    return ConfigError(
        f"{called[0].upper()}{called[1:]} stands in the way and is not ours.",
        f"It differs from what is wanted, and {why}.",
        f"Choose another prefix than {config.prefix}, or tag it {MARK}={config.site.name} "
        "if trailwatch may change it.",
    )


def _tags_moved(standing: Sequence[Standing]) -> bool:
    """Whether the wanted tags changed. The role's come with the role itself and speak for all:
    reading everybody's would cost a call each at every plan. A role of others says nothing."""
    for one in standing:
        if one.resource.kind == "role" and one.fields and "tags" in one.fields:
            tags, wanted = one.fields["tags"], one.resource.wanted()["tags"]
            return any(tags.get(name) != value for name, value in wanted.items())
    return False


def _strays(
    config: SiteConfig, standing: Sequence[Standing], clients: Clients
) -> tuple[Standing, ...]:
    """Our alarms and metric filters that are no longer wanted; alarms first."""
    wanted = {one.resource.name for one in standing if one.resource.kind == "alarm"}
    start = f"{config.prefix}-"
    alarms = [
        stray_alarm(config, name)
        for name, found in sorted(clients.alarms(start).items())
        if name not in wanted and found.get("Namespace") == config.namespace
    ]
    # Another site's prefix may begin like ours: the mark decides.
    marks = clients.together(*(partial(one.tags, clients) for one in alarms))
    ours = [
        one
        for one, tags in zip(alarms, marks, strict=True)
        if (tags or {}).get(MARK) == config.site.name
    ]
    # A filter has no tags: it is whose the alarm of its name is.
    spared = wanted | {one.name for one in alarms if one not in ours}
    filters = [
        stray_filter(config, name)
        for name, found in sorted(clients.metric_filters(config.log_group).items())
        if name.startswith(start) and name not in spared and _is_ours(config, name, found)
    ]
    strays: list[Resource] = [*ours, *filters]
    return tuple(Standing(one, one.read(clients)) for one in strays)


def _left_ways(
    config: SiteConfig, standing: Sequence[Standing], clients: Clients
) -> tuple[tuple[Standing, ...], tuple[str, ...]]:
    """What brings alarms where they are no longer wanted, its subscription last, and notes.

    They go only after the wanted way stands, as removals come last in a plan. Without its
    subscription a way is taken for gone: where the site has always been none is looked for.
    """
    if not any(one.resource.kind == "subscription" for one in standing):
        return (), ()
    found: list[Standing] = []
    notes: list[str] = []
    for parts, subscription in other_ways(config):
        fields = subscription.read(clients)
        # A stranger's, on a topic of theirs, has a key that is not ours.
        if fields is None or fields["keys"] not in ([], ["current"]):
            continue
        try:
            found += [one for one in (stand(part, clients) for part in parts) if one.fields]
        except (RouterError, ConfigError) as error:
            notes.append(f"What {subscription.name} delivered to is left there: {error.what}")
        found.append(Standing(subscription, fields))
    return tuple(found), tuple(notes)


def _left_key(config: SiteConfig, clients: Clients) -> tuple[Standing, ...]:
    """The key that was made for the site when it still wanted one; () too where it may not be
    looked at, as a role without the option's rights may not."""
    if config.kms == OWN_KEY:
        return ()
    key = own_key(config)
    try:
        found = stand(key, clients)
        ours = found.fields is not None and (key.tags(clients) or {}).get(MARK) == config.site.name
    except AwsError as error:
        if error.permission:
            return ()
        raise
    return (found,) if ours else ()


def _is_ours(config: SiteConfig, name: str, found: Mapping[str, Any]) -> bool:
    """Whether a filter may be taken away: a log group of others has filters of others. In our
    own its name is enough."""
    if not config.adopted.get("log_group"):
        return True
    metrics = found.get("metricTransformations", ())
    return any(is_ours(config, name, str(one.get("metricNamespace", ""))) for one in metrics)


def _removal(one: Standing) -> Step:
    resource, fields = one.resource, one.fields
    before: Fields | None = dict(fields) if fields is not None else None
    return Step(Change(Action.DELETE, resource.kind, resource.name, before, None), resource)


def _size_before(
    standing: Sequence[Standing], strays: Sequence[Standing], clients: Clients
) -> Size:
    return size_of(
        [(one.resource, one.fields) for one in (*standing, *strays) if one.fields is not None],
        clients,
    )


def _sizes(
    config: SiteConfig, standing: Sequence[Standing], strays: Sequence[Standing], clients: Clients
) -> tuple[Size, Size]:
    """What is billed before and after an apply. A key of ours that is used no more stays."""
    before = _size_before(standing, strays, clients)
    after = size_of([(one.resource, one.resource.wanted()) for one in standing], clients)
    if before.encrypted and not after.encrypted and _left_key(config, clients):
        return replace(before, key=True), replace(after, key=True)
    return before, after
