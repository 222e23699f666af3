"""Knows what a person may change of a site, how it is written, shown and kept. Never stores it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trailwatch.address import office_range
from trailwatch.detections.instance_sizes import larger_than
from trailwatch.errors import ConfigError, UsageError
from trailwatch.pattern.addresses import AddressError, excluding
from trailwatch.site import ADOPTABLE, OWN_KEY, RETENTIONS, SiteConfig

CHOICE = ("pack", "add", "drop")
"""Fields of a SiteConfig that choose detections; they have options of their own."""
TAKEN = ("adopted", "watched")
"""Fields that name what others made and the site uses."""
ROUTERS = ("opsgenie", "jsm", "direct")
EVENT_TYPES = ("All", "ReadOnly", "WriteOnly")
MOST_DAYS = 36_500

_YES = ("yes", "y", "true", "on", "1")
_NO = ("no", "n", "false", "off", "0")
_NONE = ("", "none", "-")
_ROLE = re.compile(r"\*?[\w+=.@-]{1,64}\*?|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]{1,512}\*?")
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_DATA = re.compile(
    r"s3(:[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s,;]*)?)?|lambda(:[\w-]{1,64})?"
    r"|dynamodb(:[\w.-]{3,255})?"
)


@dataclass(frozen=True)
class Option:
    """One thing to choose. `read` takes text and raises ValueError that says what is allowed."""

    name: str
    """The field of SiteConfig."""
    read: Callable[[str], Any]
    allowed: str
    example: str
    about: str

    def shown(self, config: SiteConfig) -> str:
        """Its value in a config as a person writes it."""
        return text_of(getattr(config, self.name))


def text_of(value: Any) -> str:
    """A value of an option as a person writes it; "none" for an empty one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return str(value) or "none"


def _yes(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError("must be yes or no")


def _days(text: str) -> int:
    if re.fullmatch(r"\d{1,6}", text) and int(text) <= MOST_DAYS:
        return int(text)
    raise ValueError(f"must be a number of days, 0 to {MOST_DAYS}")


def _retention(text: str) -> int:
    days = _days(text)
    if days in RETENTIONS:
        return days
    near = min(RETENTIONS, key=lambda allowed: abs(allowed - days))
    raise ValueError(
        f"must be one of {', '.join(map(str, RETENTIONS))}, as CloudWatch Logs takes no other; "
        f"the nearest is {near}"
    )


def _parts(text: str) -> tuple[str, ...]:
    if text.lower() in _NONE:
        return ()
    return tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))


def _offices(text: str) -> tuple[str, ...]:
    offices = _parts(text)
    try:
        if offices:
            excluding("$.sourceIPAddress", [office_range(office) for office in offices])
    except AddressError as error:
        raise ValueError(
            "must be addresses, networks like 198.51.100.0/24 or prefixes like 198.51.100.*, each "
            "with a name before it (berlin=198.51.100.7) or not: "
            f"{error}"
        ) from error
    return offices


def _size(text: str) -> str:
    try:
        larger_than(text)
    except ConfigError as error:
        raise ValueError(error.fix.replace("Write", "must be").rstrip(".")) from error
    return text


def _roles(text: str) -> tuple[str, ...]:
    roles = _parts(text)
    for role in roles:
        if not _ROLE.fullmatch(role):
            raise ValueError(
                f"{role!r} is no role: write its name, a name with a star at an end, "
                "or arn:aws:iam::ACCOUNT:role/NAME"
            )
    return roles


def _kms(text: str) -> str:
    if text.lower() in _NONE:
        return ""
    if text.lower() == OWN_KEY:
        return OWN_KEY
    if _KEY.fullmatch(text):
        return text
    raise ValueError(
        f"must be none, {OWN_KEY}, or a key's ARN, arn:aws:kms:REGION:ACCOUNT:key/ID (no alias)"
    )


def _data_events(text: str) -> tuple[str, ...]:
    wanted = _parts(text)
    for one in wanted:
        if not _DATA.fullmatch(one):
            raise ValueError(
                f"{one!r} must be s3, s3:BUCKET, s3:BUCKET/PREFIX, lambda, lambda:FUNCTION, "
                "dynamodb or dynamodb:TABLE"
            )
    return wanted


def _event_type(text: str) -> str:
    for known in EVENT_TYPES:
        if text.lower() == known.lower():
            return known
    raise ValueError(f"must be {', '.join(EVENT_TYPES[:-1])} or {EVENT_TYPES[-1]}")


def _router(text: str) -> str:
    if text.lower() in ROUTERS:
        return text.lower()
    raise ValueError(f"must be {', '.join(ROUTERS[:-1])} or {ROUTERS[-1]}")


def _beside(text: str) -> str:
    return "" if text.lower() in _NONE else _router(text)


def _organization(text: str) -> str:
    if text.lower() in _NONE:
        return ""
    if re.fullmatch(r"o-[a-z0-9]{10,32}", text):
        return text
    raise ValueError("must be none or the organization's id, o- and 10 to 32 letters or digits")


# fmt: off
OPTIONS: tuple[Option, ...] = (
    Option("retention_days", _retention, "days that CloudWatch Logs takes", "400",
           "How long the log group keeps records that can be searched"),
    Option("archive_after_days", _days, "days; 0 is never", "90",
           "When files of the archive move to S3 Glacier Instant Retrieval"),
    Option("expire_after_days", _days, "days; 0 is never", "2557",
           "When files of the archive are deleted"),
    Option("object_lock_days", _days, "days; 0 is no lock", "365",
           "How long files of the archive can be neither deleted nor overwritten "
           "(S3 Object Lock, governance mode); it cannot be switched off again, and 0 leaves a "
           "bucket as it is"),
    Option("kms", _kms, "none, own, or a key's ARN", "own",
           "Encrypts the archive, the log group, the trail's files and the topic: with a key that "
           "is made for it (own), or with one that you have"),
    Option("insights", _yes, "yes, no", "no",
           "Whether CloudTrail Insights looks for unusual rates of calls and of errors"),
    Option("exclude_kms", _yes, "yes, no", "yes",
           "Leaves out the events of AWS KMS, which are many where much is encrypted"),
    Option("exclude_rds_data", _yes, "yes, no", "yes",
           "Leaves out the events of the RDS Data API, which are many where it is used"),
    Option("data_events", _data_events, "none, or a list of s3, s3:BUCKET, s3:BUCKET/PREFIX, "
           "lambda, lambda:FUNCTION, dynamodb, dynamodb:TABLE", "s3:payroll/2026/,lambda",
           "Data events to record besides: each costs, and there may be very many"),
    Option("data_events_type", _event_type, "All, ReadOnly, WriteOnly", "WriteOnly",
           "Which data events"),
    Option("organization", _organization, "none, or an organization's id", "o-a1b2c3d4e5",
           "Records all accounts of the organization; only from its management account"),
    Option("offices", _offices, "addresses, networks, prefixes, each with a name before it or not",
           "berlin=203.0.113.0/24,198.51.100.7",
           "Where logins come from, for login-outside-office; shown by name"),
    Option("largest_instance", _size, "a size of EC2 instances", "8xlarge",
           "The largest EC2 size that is no alarm, for large-instance"),
    Option("deploy_roles", _roles, "roles: names, names with a star at an end, ARNs", "deploy,ci-*",
           "Roles that deploy: their work is no alarm where a detection says so"),
    Option("break_glass_roles", _roles, "roles: names, names with a star at an end, ARNs",
           "break-glass", "Roles for emergencies: their use is an alarm"),
    Option("router", _router, "opsgenie, jsm, direct", "direct",
           "Who is told of alarms: Opsgenie, Jira Service Management (jsm), or the bot alone, by "
           "the topic itself (direct)"),
    Option("beside", _beside, "none, opsgenie, jsm, direct", "direct",
           "Who is told of alarms besides, while a site moves from one to the other"),
    Option("auto_close", _yes, "yes, no", "no",
           "Whether an alarm's return to OK closes its alert; that may hide events"),
)
# fmt: on
BY_NAME = {option.name: option for option in OPTIONS}


def written(text: str) -> dict[str, str]:
    """The options in a text such as "kms=own, offices=203.0.113.7,198.51.100.7; insights=no".

    A comma or semicolon ends a value only where another NAME= follows, or the text ends, so that
    lists need no quotes. Raises UsageError for a text without "=", and for a name given twice.
    """
    found: dict[str, str] = {}
    for part in re.split(r"[,;\s]+(?=[A-Za-z_-]+\s*=)", text.strip().rstrip(",; ")):
        name, equals, value = part.partition("=")
        name = name.strip().lower().replace("-", "_")
        if _is_office(found, name, value):
            found["offices"] += f",{name}={value.strip()}"
            continue
        if not equals or not name:
            raise UsageError(
                f"{part[:60]!r} sets nothing.",
                fix="Write NAME=VALUE, such as retention_days=400; several with commas between.",
            )
        if name in found:
            raise UsageError(f"{name} is given twice.", fix="Give each option once.")
        found[name] = value.strip()
    return found


def _is_office(found: dict[str, str], name: str, value: str) -> bool:
    """Whether NAME=VALUE goes on with a list of offices: "offices=berlin=203.0.113.7,rome=…"."""
    if "offices" not in found or next(reversed(found)) != "offices" or name in BY_NAME:
        return False
    return re.fullmatch(r"[0-9A-Fa-f.:*/]+([,\s]+[0-9A-Fa-f.:*/]+)*", value.strip()) is not None


def changed(config: SiteConfig, options: Mapping[str, str]) -> SiteConfig:
    """The config with these options, given as text; raises UsageError with what is allowed."""
    values = {}
    for name, text in options.items():
        option = BY_NAME.get(name)
        if option is None:
            raise _unknown(name)
        try:
            values[name] = option.read(text.strip())
        except ValueError as error:
            why = f"It {error}." if str(error).startswith("must") else f"{error}."
            raise UsageError(
                f"{name} cannot be {text[:80]!r}.", why, f"Example: {name}={option.example}"
            ) from error
    new = replace(config, **values)
    _fits(new)
    return new


def kept(config: SiteConfig, template: SiteConfig | None = None) -> dict[str, Any]:
    """What is stored of a config, as JSON: the choice of detections, and options by name.

    With a `template` options that are as in it are left out: they go on following the settings.
    What one plan alone may touch is kept without a template only: for that plan, not for the site.
    """
    options = {
        option.name: _json(getattr(config, option.name))
        for option in OPTIONS
        if template is None or getattr(config, option.name) != getattr(template, option.name)
    }
    taken = {
        name: dict(getattr(config, name))
        for name in TAKEN
        if template is None or getattr(config, name) != getattr(template, name)
    }
    touch = {"touch": list(config.touch)} if template is None and config.touch else {}
    return {**{name: _json(getattr(config, name)) for name in CHOICE}, **options, **taken, **touch}


def differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[tuple[str, str, str], ...]:
    """What differs between two results of `kept`: name, old and new value as people write them."""
    names = [*CHOICE, *BY_NAME, *TAKEN, "touch"]
    rows = [(name, _written(before.get(name)), _written(after.get(name))) for name in names]
    return tuple((name, old, new) for name, old, new in rows if old != new)


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return text_of(tuple(f"{name}={text}" for name, text in value.items() if text))
    if isinstance(value, list):
        return text_of(tuple(map(str, value)))
    return text_of("" if value is None else value)


def restored(template: SiteConfig, body: Mapping[str, Any]) -> SiteConfig:
    """The template with what `kept` gave laid over it.

    What an older or newer version wrote is taken as far as it is known here: missing names stay
    as in the template, and so does what cannot be read.
    """
    values: dict[str, Any] = {}
    if isinstance(body.get("pack"), str):
        values["pack"] = body["pack"]
    for name in ("add", "drop"):
        values[name] = tuple(map(str, body.get(name) or ()))
    for name in TAKEN:
        if isinstance(body.get(name), dict):
            values[name] = {str(key): str(text) for key, text in body[name].items()}
    values["touch"] = tuple(kind for kind in body.get("touch") or () if kind in ADOPTABLE)
    for option in OPTIONS:
        if option.name not in body:
            continue
        stored = body[option.name]
        given = tuple(map(str, stored)) if isinstance(stored, list) else stored
        try:
            values[option.name] = option.read(text_of(given))
        except ValueError:
            continue
    return replace(template, **values)


def options_table() -> str:
    """The table of options for the documentation, as Markdown."""
    rows = ["| option | allowed | example | what it is for |", "|---|---|---|---|"]
    rows += [
        f"| `{one.name}` | {one.allowed} | `{one.name}={one.example}` | {one.about} |"
        for one in OPTIONS
    ]
    return "\n".join(rows) + "\n"


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _unknown(name: str) -> UsageError:
    if name in CHOICE:
        return UsageError(f"{name} is not set with --set.", fix=f"Write --{name} instead.")
    near = difflib.get_close_matches(name, BY_NAME, n=2, cutoff=0.55)
    fix = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(BY_NAME)}."
    return UsageError(f"There is no option {name[:60]!r}.", fix=fix)


def _fits(config: SiteConfig) -> None:
    """Raise UsageError for options that contradict each other."""
    archive, expire = config.archive_after_days, config.expire_after_days
    if expire and archive and expire <= archive:
        raise UsageError(
            f"expire_after_days={expire} does not fit archive_after_days={archive}.",
            "S3 deletes files only after it has moved them.",
            "Let files expire later, or set archive_after_days=0.",
        )
    if expire and config.object_lock_days > expire:
        raise UsageError(
            f"expire_after_days={expire} does not fit object_lock_days={config.object_lock_days}.",
            "A file that is locked does not go away before its time.",
            "Let files expire later than their lock.",
        )
