"""The patterns of detections at a site, by what it says of itself; it knows no more of a site.

Without settings each detection has the pattern of the catalogue. For `login-outside-office` that
is 0.0.0.0 as the only office, an address that no login has, so that every login is outside; for
`large-instance` 4xlarge; the pipeline's own parts are those whose name holds "trail".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trailwatch.address import office_range
from trailwatch.detections.detection import Detection, DetectionKind, Exempt
from trailwatch.detections.instance_sizes import DEFAULT_MAX_INSTANCE_SIZE, larger_than
from trailwatch.errors import ConfigError
from trailwatch.pattern import PatternError, edit, parse
from trailwatch.pattern.addresses import AddressError, excluding
from trailwatch.pattern.printing import value_text
from trailwatch.pattern.syntax import Literal
from trailwatch.site import SiteConfig

OUTSIDE_OFFICE = "login-outside-office"
LARGE_INSTANCE = "large-instance"
BREAK_GLASS = "break-glass-role-used"
DEFAULT_OFFICES = ("0.0.0.0",)  # noqa: S104 - nobody binds to it; nobody logs in from it

_ROLE_NAME = re.compile(r"\*?[A-Za-z0-9_+=,.@-]{1,64}\*?")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}\*?")
_ISSUER = "$.userIdentity.sessionContext.sessionIssuer"
_OURS = '"*trail*"'


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What patterns may depend on.

    offices: addresses (`198.51.100.7`), networks (`198.51.100.0/24`) or prefixes (`198.51.100.*`)
    from which people log in. largest_instance: the largest size of EC2 instance allowed, e.g.
    `large`, `4xlarge`. Roles: names (`deploy`), names with a star at an end
    (`AWSReservedSSO_Admin_*`) or ARNs. bucket, log_group, topic: the names of the pipeline's own.
    """

    offices: tuple[str, ...] = ()
    largest_instance: str = DEFAULT_MAX_INSTANCE_SIZE
    deploy_roles: tuple[str, ...] = ()
    break_glass_roles: tuple[str, ...] = ()
    bucket: str = ""
    log_group: str = ""
    topic: str = ""

    def roles(self, exempt: Sequence[Exempt]) -> tuple[str, ...]:
        """The roles whose events do not count for a detection."""
        found = {
            Exempt.DEPLOY_ROLES: self.deploy_roles,
            Exempt.BREAK_GLASS_ROLES: self.break_glass_roles,
        }
        return tuple(dict.fromkeys(role for one in exempt for role in found[one]))


def facts_of(config: SiteConfig) -> SiteFacts:
    """What a site's configuration says to patterns.

    The bucket is named after the account, so it is unknown while the account's id is.
    """
    return SiteFacts(
        offices=tuple(office_range(office) for office in config.offices),
        largest_instance=config.largest_instance,
        deploy_roles=config.deploy_roles,
        break_glass_roles=config.break_glass_roles,
        bucket=config.bucket if config.site.account else "",
        log_group=config.log_group,
        topic=config.topic,
    )


def pattern_for(
    detection: Detection,
    offices: Sequence[str] = (),
    max_instance_size: str = DEFAULT_MAX_INSTANCE_SIZE,
) -> str:
    """The pattern at a site of which only offices and sizes are known; see `pattern_at`."""
    return pattern_at(detection, SiteFacts(tuple(offices), max_instance_size))


def pattern_at(detection: Detection, facts: SiteFacts) -> str:
    """The filter pattern of a detection at a site.

    Compliance texts never change. Raises ConfigError for a setting that cannot be used or a
    pattern longer than AWS allows.
    """
    if detection.kind is DetectionKind.COMPLIANCE:
        return detection.pattern
    try:
        text = _own_parts(_base(detection, facts), facts)
        return _without_roles(text, facts.roles(detection.exempt))
    except (PatternError, edit.EditError) as error:
        raise ConfigError(
            f"The pattern of {detection.id} is not one that AWS takes.",
            str(error)[-200:],
            "Give fewer or shorter roles, or fewer or larger office networks.",
        ) from error


def outside_offices(offices: Sequence[str]) -> str:
    """The pattern of a console login from anywhere else; raises ConfigError for a bad address."""
    try:
        tests = excluding("$.sourceIPAddress", offices)
    except AddressError as error:
        raise ConfigError(
            "The office addresses cannot be used.",
            str(error),
            "Write an address, a network like 198.51.100.0/24, or a prefix like 198.51.100.*.",
        ) from error
    return (
        " && ".join(['{ ($.eventName = "ConsoleLogin")', *(f"({test})" for test in tests)]) + " }"
    )


def assumed(roles: Sequence[str]) -> str:
    """The pattern of a session of one of these roles being begun; raises ConfigError.

    Programs and single sign-on call STS; switching to a role in the console is SwitchRole of
    the sign-in service, whose userIdentity is the session.
    """
    wanted, switched = [], []
    for role in map(_checked, roles):
        name = role.rsplit("/", 1)[-1]
        session = name if name.startswith("*") else f"*/{name}"
        session = session if name.endswith("*") else f"{session}/*"
        wanted.append(f"($.requestParameters.roleArn = {value_text(Literal(_as_arn(role)))})")
        switched.append(f"($.userIdentity.arn = {value_text(Literal(session))})")
    return (
        f'{{ (($.eventName = "AssumeRole*") && ({" || ".join(wanted)})) || '
        f'(($.eventName = "SwitchRole") && ({" || ".join(switched)})) }}'
    )


def _base(detection: Detection, facts: SiteFacts) -> str:
    """The pattern before anything is excluded from it."""
    if detection.id == OUTSIDE_OFFICE and facts.offices:
        text = outside_offices(facts.offices)
    elif detection.id == LARGE_INSTANCE:
        text = larger_than(facts.largest_instance)
    elif detection.id == BREAK_GLASS and facts.break_glass_roles:
        text = assumed(facts.break_glass_roles)
    else:
        return detection.pattern
    parse(text)
    return text


def _own_parts(text: str, facts: SiteFacts) -> str:
    """The pattern with the names of the pipeline's own parts in place of a guess at them."""
    names = {
        "bucketName": facts.bucket,
        "logGroupName": facts.log_group,
        "topicArn": facts.topic and f"*:{facts.topic}",
        "subscriptionArn": facts.topic and f"*:{facts.topic}:*",
    }
    for field, name in names.items():
        if name:
            start = f"$.requestParameters.{field} = "
            text = text.replace(f"{start}{_OURS}", f"{start}{value_text(Literal(name))}")
    return text


def _without_roles(text: str, roles: Sequence[str]) -> str:
    """The pattern that passes over sessions of these roles, and still counts everybody else."""
    if not roles:
        return text
    checked = [_checked(role) for role in roles]
    field = "userName"
    if any(role.startswith("arn:") for role in checked):
        # One field for all of them: each further one costs a tenth of what a pattern may have.
        field, checked = "arn", [_as_arn(role) for role in checked]
    values = [Literal(role) for role in checked]
    return edit.exclude(parse(text), edit.selector(f"{_ISSUER}.{field}"), values).text


def _as_arn(role: str) -> str:
    """What the ARN of a role looks like that is named by its name."""
    return role if role.startswith(("arn:", "*")) else f"*/{role}"


def _checked(role: str) -> str:
    if _ROLE_NAME.fullmatch(role) or _ROLE_ARN.fullmatch(role):
        return role
    raise ConfigError(
        f"{role!r} is not a role.",
        fix="Write a role's name, a name with a star at an end, or arn:aws:iam::ACCOUNT:role/NAME.",
    )
