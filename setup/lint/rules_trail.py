"""Knows what goes wrong between CloudTrail and the log group. Reads a chain, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from setup.lint.chain import Item, same
from setup.lint.rule import Hit, Rule, Severity
from setup.lint.view import View

SHORT_DAYS = 90
"""CloudTrail's own event history goes back so far."""
CLASSES = ("INFREQUENT_ACCESS", "DELIVERY")


def no_feed(view: View) -> Iterator[Hit]:
    for group in view.groups:
        if view.feeding(group):
            continue
        trails = view.chain.trails
        if not trails and not view.chain.complete:
            continue
        maybe = [trail for trail in trails if same(trail.log_group, group) is not False]
        elsewhere = [trail for trail in maybe if trail.log_group == group]
        if maybe and not elsewhere:
            continue
        first = next(one for one in view.filters if one.log_group == group)
        count = sum(one.log_group == group for one in view.filters)
        counted = "its metric filter counts" if count == 1 else f"its {count} metric filters count"
        message = f"No trail delivers to the log group {group}: {counted} nothing."
        if elsewhere:
            where = elsewhere[0].group_region
            message += f" The trail {elsewhere[0].name} feeds one of that name in {where}."
        yield Hit(_group_item(view, group, first), message, "log_group")


def _group_item(view: View, group: str, otherwise: Item) -> Item:
    return next((one for one in view.chain.groups if one.name == group), otherwise)


def not_logging(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if trail.logging is False:
            yield Hit(trail, f"The trail {trail.name} is stopped: nothing is recorded.", "logging")


def single_region(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if trail.multi_region is False:
            only = f" ({trail.region})" if trail.region else ""
            message = f"The trail {trail.name} records one region only{only}."
            yield Hit(trail, message, "multi_region")


def no_global_events(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if trail.global_events is False:
            message = f"The trail {trail.name} leaves out IAM, STS and sign-ins."
            yield Hit(trail, message, "global_events")


def no_management(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if trail.management is not None and not trail.management:
            yield Hit(trail, f"The trail {trail.name} records no management events.", "management")


def half_management(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if trail.management == frozenset({"Read"}):
            message = f"The trail {trail.name} records reads only: no change is ever seen."
            yield Hit(trail, message, "management", severity=Severity.ERROR)
        elif trail.management == frozenset({"Write"}):
            message = f"The trail {trail.name} records writes only: denied reads are not seen."
            yield Hit(trail, message, "management")


def no_validation(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if trail.validation is False:
            message = f"The trail {trail.name} writes no digests: changed files go unnoticed."
            yield Hit(trail, message, "validation")


def excluded(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if not trail.excluded:
            continue
        message = f"The trail {trail.name} leaves out {', '.join(trail.excluded)}"
        blind = [
            one.name
            for one in view.filters
            if any(source in (one.pattern or "") for source in trail.excluded)
        ]
        if blind:
            message += f", for which {', '.join(blind)} looks"
        severity = Severity.WARNING if blind else None
        yield Hit(trail, f"{message}.", "excluded", severity=severity)


def no_group(view: View) -> Iterator[Hit]:
    if any(trail.log_group != "" for trail in view.chain.trails):
        return
    for trail in view.chain.trails:
        yield Hit(trail, f"The trail {trail.name} delivers to no log group.", "log_group")


def no_role(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        if trail.log_group and trail.role == "":
            message = f"The trail {trail.name} names no role that may write to {trail.log_group}."
            yield Hit(trail, message, "role")
        elif trail.role and trail.role in view.chain.missing_roles:
            message = f"The role {trail.role} of the trail {trail.name} does not exist."
            yield Hit(trail, message, "role")


def failing(view: View) -> Iterator[Hit]:
    for trail in view.trails:
        for error in trail.delivery_errors:
            yield Hit(trail, f"The trail {trail.name} cannot deliver: {error}.")


def missing_group(view: View) -> Iterator[Hit]:
    if not view.chain.complete:
        return
    here, names = view.chain.region, {one.name for one in view.chain.groups}
    for trail in view.trails:
        elsewhere = here and trail.group_region and trail.group_region != here
        if trail.log_group and trail.log_group not in names and not elsewhere:
            message = f"The trail {trail.name} delivers to {trail.log_group}, which is gone."
            yield Hit(trail, message, "log_group")


def twice(view: View) -> Iterator[Hit]:
    recording = [
        trail
        for trail in view.chain.trails
        if trail.management and trail.multi_region and trail.logging is not False
    ]
    for extra in recording[1:]:
        first = recording[0].name
        yield Hit(extra, f"{extra.name} records the management events that {first} records.")


def short_retention(view: View) -> Iterator[Hit]:
    fed = {trail.log_group for trail in view.trails} | set(view.groups)
    for group in view.chain.groups:
        if group.name in fed and group.retention and group.retention < SHORT_DAYS:
            message = f"The log group {group.name} keeps records for {group.retention} days."
            yield Hit(group, message, "retention")


def wrong_class(view: View) -> Iterator[Hit]:
    for group in view.chain.groups:
        if group.name in view.groups and group.group_class in CLASSES:
            message = f"The log group {group.name} is of the class {group.group_class}."
            yield Hit(group, message, "group_class")


_LOGS = "Sending events to CloudWatch Logs, CloudTrail user guide"
_TRAIL = "CreateTrail, CloudTrail API reference"

RULES = (
    Rule("TW101", Severity.ERROR, "No trail feeds the log group",
         "Metric filters count the records that arrive in their log group; without a trail none "
         "arrive, and every alarm stays OK for ever.",
         "Give the trail this log group and a role that may write to it, or put the filters on "
         "the group that it has.", _LOGS, no_feed),
    Rule("TW102", Severity.ERROR, "The trail is stopped",
         "A stopped trail records nothing, and stopping it is what an intruder does first.",
         "Start it: aws cloudtrail start-logging, or IsLogging / enable_logging true; and look "
         "who stopped it.", "StartLogging, CloudTrail API reference", not_logging),
    Rule("TW103", Severity.ERROR, "The trail records a single region",
         "Whatever happens in any other region is not seen, and an intruder picks a region that "
         "nobody uses.", "Make it a multi-region trail.",
         "Multi-Region trails, CloudTrail user guide; CIS AWS Foundations 3.1", single_region),
    Rule("TW104", Severity.ERROR, "The trail leaves out global services",
         "IAM, STS and sign-ins are global services: users, keys and console logins are not seen.",
         "Include global service events.", _TRAIL, no_global_events),
    Rule("TW105", Severity.ERROR, "The trail records no management events",
         "Sign-ins, IAM, networks and trails themselves are management events: with data events "
         "alone no alarm of this kind can go off.",
         "Add an event selector with management events, read and write.",
         "Logging management events, CloudTrail user guide", no_management),
    Rule("TW106", Severity.WARNING, "The trail records only half of the management events",
         "Unauthorized calls are mostly reads, and changes are writes: filters that count either "
         "miss what the selector leaves out.", "Set the selector's ReadWriteType to All.",
         "PutEventSelectors, CloudTrail API reference", half_management),
    Rule("TW107", Severity.WARNING, "Log file validation is off",
         "Without digests nobody can show that the archive was not changed or thinned out.",
         "Turn log file validation on.",
         "Validating CloudTrail log file integrity; CIS AWS Foundations 3.2", no_validation),
    Rule("TW108", Severity.NOTE, "The trail leaves out a service",
         "KMS and the RDS Data API are left out to save money; filters on their events, such as "
         "disabling a key, then never count.",
         "Record them, unless no filter looks for their events.",
         "Logging management events, CloudTrail user guide", excluded),
    Rule("TW109", Severity.WARNING, "The trail delivers to no log group",
         "Metric filters work on log groups only: an archive in S3 alone sets off no alarm.",
         "Give the trail a log group and a role that may write to it.", _LOGS, no_group),
    Rule("TW110", Severity.ERROR, "The role for the log group is missing",
         "CloudTrail takes this role to write to the log group; without it nothing arrives.",
         "Make a role that cloudtrail.amazonaws.com may assume and that may create streams and "
         "put events there.", "Role policy document for CloudTrail, CloudTrail user guide",
         no_role),
    Rule("TW111", Severity.ERROR, "CloudTrail reports that it cannot deliver",
         "Records that cannot be delivered set off no alarm.",
         "Mend what the error names: the role's policy, the bucket's policy or a key.",
         "GetTrailStatus, CloudTrail API reference", failing),
    Rule("TW112", Severity.ERROR, "The trail's log group is gone",
         "CloudTrail makes no group of its own; what it cannot deliver is lost to the alarms.",
         "Make the log group anew, with its metric filters, and look who deleted it.", _LOGS,
         missing_group),
    Rule("TW113", Severity.NOTE, "Several trails record the same management events",
         "The first copy is free; each further one is billed by the event.",
         "Keep one trail, or leave management events out of the others.",
         "AWS CloudTrail pricing", twice),
    Rule("TW201", Severity.WARNING, "Records are kept for a short time",
         "Whoever looks into an alarm searches this group; CloudTrail's own event history goes "
         "back 90 days.", "Keep them for 90 days at least; 365 is usual.",
         "PutRetentionPolicy, CloudWatch Logs API reference; Event history, CloudTrail user guide",
         short_retention),
    Rule("TW202", Severity.ERROR, "The log group's class has no metric filters",
         "Log groups of the class INFREQUENT_ACCESS or DELIVERY support no metric filters, and "
         "the class cannot be changed later.", "Make a group of the class STANDARD.",
         "Log classes, CloudWatch Logs user guide", wrong_class),
)  # fmt: skip
"""What can be wrong with trails and log groups."""
