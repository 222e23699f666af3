"""Knows drift: what stands otherwise than it was set up, how bad that is, and what mends it.

Reads only. Drift is the plan that nobody asked for; alarms that somebody mutes are drift, too,
though no plan would touch them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from setup.causes import moved_fields
from setup.change import LABELS, Action, Change, Fields
from setup.clients import Clients
from setup.compare import differing
from setup.cost import Size
from setup.resources.mute_rule import MuteRule, ends, muted_by, rules
from setup.resources.subscription import UNFILTERED
from setup.survey import Standing, Step, Survey, look, step_for, survey
from setup.unread import unread, unread_notes
from setup.watched import watched_faults
from trailwatch.detections import Detection
from trailwatch.errors import AwsError, ConfigError
from trailwatch.site import RETENTIONS, SiteConfig


class Severity(StrEnum):
    LOUD = "loud"
    """The account is watched less than it should be, or its evidence is in danger."""
    NORMAL = "normal"
    QUIET = "quiet"


LOUD = {
    "kms_key": ("state", "policy"),
    "bucket": ("policy", "public_access_block"),
    "log_group": ("kms_key",),
    "role": ("policy", "trust"),
    "trail": (
        *("logging", "multi_region", "event_selectors", "global_events", "log_group", "role"),
        *("bucket", "organization"),
    ),
    "metric_filter": ("pattern", "metrics"),
    "alarm": (
        *("actions_enabled", "alarm_actions", "metric", "namespace", "dimensions", "statistic"),
        *("threshold", "comparison", "missing_data", "datapoints_to_alarm", "period"),
        "evaluation_periods",
    ),
    "mute_rule": ("mutes",),
    "topic": ("policy",),
    "queue": ("policy", "encrypted"),
    "subscription": (
        *("confirmed", "keys", "endpoint", "topic", "protocol", "filter_policy", "raw_delivery"),
    ),
    "incoming_integration": ("enabled", "actions", "notifications", "key"),
    "webhook_integration": ("enabled", "url", "token", "alert_filter"),
}
"""The fields of each kind whose change is loud. That a resource is gone is loud always."""
BORN = {"subscription": {"filter_policy": UNFILTERED, "raw_delivery": False}}
QUIET = ("tags", "description", "ok_actions", "insufficient_data_actions")

WORDS = {
    ("trail", "logging"): "is stopped: nothing is recorded",
    ("trail", "multi_region"): "records its own region only",
    ("trail", "global_events"): "doesn't record global services such as IAM",
    ("trail", "event_selectors"): "records other events than were chosen",
    ("trail", "file_validation"): "doesn't sign its files any more",
    ("trail", "log_group"): "doesn't deliver to the log group that is watched",
    ("trail", "role"): "delivers to the log group with another role",
    ("trail", "bucket"): "delivers to another bucket",
    ("trail", "insights"): "has other Insights than were chosen",
    ("trail", "organization"): "records other accounts than were chosen",
    ("trail", "kms_key"): "encrypts its files with another key, or none",
    ("metric_filter", "pattern"): "matches other events than it should",
    ("metric_filter", "metrics"): "counts into another metric or value",
    ("alarm", "actions_enabled"): "is disabled: it tells nobody",
    ("alarm", "alarm_actions"): "is detached: it doesn't tell the topic",
    ("alarm", "ok_actions"): "doesn't tell the topic when it is over",
    ("alarm", "statistic"): "looks at another statistic, and may never go off",
    ("alarm", "threshold"): "goes off at another threshold",
    ("alarm", "missing_data"): "treats missing data otherwise",
    ("alarm", "metric"): "watches another metric",
    ("alarm", "namespace"): "watches another metric",
    ("mute_rule", "mutes"): "silences alarms of ours",
    ("topic", "kms_key"): "is encrypted with another key, or none",
    ("topic", "policy"): "has another policy: alarms may not reach it, or strangers may",
    ("subscription", "confirmed"): "is pending: nothing is delivered",
    ("subscription", "filter_policy"): "has a filter policy: alarms that it drops reach nobody",
    ("subscription", "raw_delivery"): "delivers raw: unsigned, and no alarm to what expects SNS's",
    ("subscription", "retries"): "tries for another time where it cannot deliver",
    ("log_group", "retention_days"): "keeps events for another time",
    ("log_group", "kms_key"): "is encrypted with another key, or none",
    ("bucket", "policy"): "has another policy",
    ("bucket", "public_access_block"): "is not closed to the public",
    ("bucket", "encryption"): "is encrypted otherwise",
    ("bucket", "versioning"): "keeps no versions",
    ("bucket", "lifecycle"): "keeps its files for another time",
    ("bucket", "object_lock"): "locks its files for another time, or not at all",
    ("role", "policy"): "may do something else than write to the log group",
    ("role", "trust"): "may be taken by somebody else than CloudTrail",
    ("incoming_integration", "enabled"): "is off: no alarm becomes an alert",
    ("incoming_integration", "notifications"): "is silenced: nobody is called",
    ("incoming_integration", "actions"): "has other actions: alarms may not become alerts",
    ("webhook_integration", "enabled"): "is off: trailwatch hears of no alert",
    ("webhook_integration", "url"): "tells another address than trailwatch's",
    ("webhook_integration", "token"): "has another secret: trailwatch refuses it",
    ("kms_key", "state"): "is disabled or to be deleted: what it encrypts can't be read",
    ("kms_key", "policy"): "has another policy",
    ("kms_key", "rotation"): "is not rotated",
}
"""What a changed field means, after the name of the resource."""
GONE = {
    "trail": "is gone: nothing is recorded",
    "log_group": "is gone, with the events in it: no alarm can go off",
    "metric_filter": "is gone: its alarm can't go off",
    "alarm": "is gone: nobody is told",
    "topic": "is gone: no alarm reaches anybody",
    "queue": "is gone: no alarm becomes an alert",
    "subscription": "is gone: no alarm becomes an alert",
    "incoming_integration": "is gone: no alarm becomes an alert",
    "webhook_integration": "is gone: trailwatch hears of no alert",
}


@dataclass(frozen=True)
class Drifted:
    """One resource that stands otherwise than it was set up.

    `change` puts it back: its `before` is how it stands. `blocked` says why no plan can, else "".
    `until`: when it ends by itself. `option`: the choice that would take it as it is now, as
    `setup plan --set` has it.
    """

    change: Change
    severity: Severity
    what: str
    blocked: str = ""
    until: datetime | None = None
    option: str = ""
    ids: tuple[str, ...] = ()
    """How events name it, where that is not its name: a key's ARN and id."""

    @property
    def key(self) -> str:
        return self.change.key

    @property
    def fingerprint(self) -> str:
        """The same as long as it stands in the same way."""
        change = self.change
        whole = [change.action.value, change.before, change.after, self.blocked]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Found:
    """What a look at the pipeline found. `unseen`: the kinds that could not be looked at, of which
    nothing new is known; `notes` say so. `wanted`: the keys of all that is to stand now. `unread`:
    the fields that could not be read of one that was, by its key."""

    items: tuple[Drifted, ...]
    as_wanted: int
    notes: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def blind_to(self, change: Change) -> bool:
        """Whether this look could not tell that the drift, which `change` mends, is over."""
        moved = moved_fields(change)
        return change.kind in self.unseen or (
            bool(moved) and moved <= set(self.unread.get(change.key, ()))
        )


def find(config: SiteConfig, detections: Sequence[Detection], clients: Clients) -> Found:
    """All drift, loud first, each kind in pipeline order. Raises ProviderError and ConfigError."""
    clients = clients.fresh()
    steps, blocked, as_wanted = _steps(config, detections, clients)
    notes: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    try:
        mutes = _mutes(config, detections, clients)
    except AwsError as error:
        # Elder roles may not list them, and not every partition has them.
        mutes, unseen = [], ("mute_rule",)
        notes = (f"Whether alarms are muted is not known: {error.what}",)
    notes = (*notes, *watched_faults(config, detections, clients))
    items = [_drifted(step.change) for step in steps]
    items += [_drifted(change, why) for change, why in blocked]
    items += [_drifted(step.change, until=end) for step, end in mutes]
    items = [_with_ids(one, clients) for one in items]
    order = list(Severity)
    items.sort(key=lambda one: (order.index(one.severity), _place(one.change.kind)))
    standing = look(config, detections, clients)
    wanted = tuple(f"{one.resource.kind}:{one.resource.name}" for one in standing)
    notes = (*notes, *unread_notes(standing))
    return Found(tuple(items), as_wanted, notes, unseen, wanted, unread(standing))


def wished_since(
    found: Found, applied: Mapping[str, Fields | None], before: Collection[str] | None
) -> Found:
    """The same without what stands as it was applied, but is wished otherwise since.

    A new version or other settings are nobody's tampering: the next plan brings them. `applied`:
    by key, how the newest apply left each resource; `before`: the keys of what was to stand at the
    last look, None where there was none.
    """
    left = [one for one in found.items if not _wished(one.change, applied, before)]
    number = len(found.items) - len(left)
    if not number:
        return found
    many = "1 resource awaits" if number == 1 else f"{number} resources await"
    note = f"{many} a plan, as what is wanted has changed: /trailwatch setup plan"
    kept = {one.key for one in left}
    absent = {one.key for one in found.items if one.change.action is Action.CREATE} - kept
    wanted = tuple(key for key in found.wanted if key not in absent)
    return replace(found, items=tuple(left), notes=(*found.notes, note), wanted=wanted)


def _wished(
    change: Change, applied: Mapping[str, Fields | None], before: Collection[str] | None
) -> bool:
    if change.kind == "mute_rule":
        return False
    last = applied.get(change.key)
    if change.action is Action.CREATE:
        return last is None and before is not None and change.key not in before
    # Applied before these fields were known it had them as AWS makes one.
    last = last and {**BORN.get(change.kind, {}), **last}
    return last is not None and not differing(last, change.before or {}, exact_pattern=True)


def survey_restore(
    config: SiteConfig,
    detections: Sequence[Detection],
    clients: Clients,
    keys: Sequence[str],
) -> Survey:
    """The steps that put these resources ("kind:name") back, in that order, and no other."""
    steps, _, as_wanted = _steps(config, detections, clients)
    if any(key.startswith("mute_rule:") for key in keys):
        steps = [*steps, *(step for step, _ in _mutes(config, detections, clients))]
    chosen = {step.change.key: step for step in steps}
    ordered = tuple(chosen[key] for key in keys if key in chosen)
    return Survey(ordered, as_wanted, Size(), Size())


def _steps(
    config: SiteConfig, detections: Sequence[Detection], clients: Clients
) -> tuple[Sequence[Step], list[tuple[Change, str]], int]:
    """The steps of a plan; a resource that a plan refuses to touch doesn't hide the others."""
    try:
        found = survey(config, detections, clients)
    except ConfigError:
        steps: list[Step] = []
        blocked: list[tuple[Change, str]] = []
        standing = look(config, detections, clients)
        for one in standing:
            try:
                step = step_for(config, one, clients)
            except ConfigError as error:
                blocked.append((_unmade(one), f"{error.why} {error.fix}".strip()))
                continue
            if step and step.change.owner and step.change.kind not in config.touch:
                blocked.append((step.change, _not_ours(step.change)))
            elif step:
                steps.append(step)
        return steps, blocked, len(standing) - len(steps) - len(blocked)
    withheld = [(one.change, _not_ours(one.change)) for one in found.withheld]
    return found.steps, withheld, found.unchanged


def _not_ours(change: Change) -> str:
    return (
        f"It is not ours ({change.owner}), so nobody agreed to change it: "
        f"/trailwatch setup plan --touch {change.kind} asks."
    )


def _unmade(one: Standing) -> Change:
    """The change that would put a resource back, though no plan makes it."""
    kind, name, wanted = one.resource.kind, one.resource.name, one.resource.wanted()
    if one.fields is None:
        return Change(Action.CREATE, kind, name, None, wanted)
    moved = differing(wanted, one.fields)
    before = {name: one.fields[name] if name in moved else wanted[name] for name in wanted}
    return Change(Action.UPDATE, kind, name, before, wanted)


def _mutes(
    config: SiteConfig, detections: Sequence[Detection], clients: Clients
) -> list[tuple[Step, datetime | None]]:
    """The rules that silence our alarms with the steps that take them off, and when they end."""
    ours = {config.alarm_name(one.id) for one in detections}
    listed = clients.once("mute_rules", lambda: rules(clients))
    found = []
    for rule in listed:
        names = muted_by(rule)
        hit = tuple(name for name in names if name in ours)
        if not hit:
            continue
        others = tuple(name for name in names if name not in ours)
        resource = MuteRule(config.site, str(rule["Name"]), hit, others)
        action = Action.UPDATE if others else Action.DELETE
        after = {"mutes": list(others)} if others else None
        change = Change(action, resource.kind, resource.name, {"mutes": names}, after)
        found.append((Step(change, resource), ends(rule)))
    return found


def _drifted(change: Change, blocked: str = "", until: datetime | None = None) -> Drifted:
    return Drifted(change, severity_of(change), words_of(change), blocked, until, option_of(change))


def _with_ids(one: Drifted, clients: Clients) -> Drifted:
    if one.change.kind != "kms_key":
        return one
    arn = clients.key_arn(one.change.name)
    return replace(one, ids=(arn, arn.rpartition("/")[2])) if arn else one


def severity_of(change: Change) -> Severity:
    """How bad it is that this change would be needed."""
    if change.action is Action.CREATE or change.kind == "mute_rule":
        return Severity.LOUD
    if change.action is Action.DELETE:
        return Severity.QUIET
    moved = moved_fields(change)
    if moved & set(LOUD.get(change.kind, ())):
        return Severity.LOUD
    return Severity.QUIET if moved <= set(QUIET) else Severity.NORMAL


def words_of(change: Change) -> str:
    """What has become of the resource, to be said after its name."""
    if change.action is Action.CREATE:
        return GONE.get(change.kind, "is gone")
    if change.kind == "mute_rule":
        muted = sorted(
            set((change.before or {})["mutes"]) - set((change.after or {}).get("mutes", ()))
        )
        shown = ", ".join(muted[:3]) + (f" and {len(muted) - 3} more" if len(muted) > 3 else "")
        return f"silences {shown}"
    if change.action is Action.DELETE:
        return "is not wanted: nobody set it up"
    moved = moved_fields(change)
    loud = [name for name in LOUD.get(change.kind, ()) if name in moved]
    for name in (*loud, *sorted(moved)):
        if (change.kind, name) in WORDS:
            more = len(moved) - 1
            return WORDS[change.kind, name] + (f", and {more} more" if more else "")
    return f"has other {', '.join(sorted(moved)).replace('_', ' ')}"


def option_of(change: Change) -> str:
    """The option that would make what stands the wish, where that is one's to choose."""
    if change.kind != "log_group" or change.action is not Action.UPDATE:
        return ""
    days = (change.before or {}).get("retention_days")
    if moved_fields(change) != {"retention_days"} or days not in RETENTIONS:
        return ""
    return f"retention_days={days}"


def _place(kind: str) -> int:
    kinds = list(LABELS)
    return kinds.index(kind) if kind in kinds else len(kinds)
