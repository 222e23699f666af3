"""Knows the human behind a session: who began it, and who began theirs. Pure; searches nothing.

A role session's name is the caller's own choice. Who assumed the role stands in the event that
began the session, which is known by the access key that it issued. Source: "CloudTrail
userIdentity element" and "Logging IAM and AWS STS API calls with AWS CloudTrail", AWS guides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from trailwatch.actor import Actor, actor_of, is_single_sign_on
from trailwatch.clock import parse_time, plausible
from trailwatch.record import text_at

MOST_STEPS = 5
"""How many sessions are followed back; AWS lets chains be longer, people seldom do."""
LONGEST_SESSION = timedelta(hours=12)

PEOPLE = frozenset({"IAMUser", "AssumedRole", "IdentityCenterUser", "SAMLUser"})
"""userIdentity.type of people; root is nobody in particular, and machines don't answer."""

_KEY = re.compile(r"[A-Z0-9]{16,128}")
_ARN = re.compile(r"arn:[\w+=,.@:/-]{10,600}")
_NAME = re.compile(r"[\w+=,.@:/-]{1,400}", re.ASCII)
"""What may stand between the quotes of a pattern as it is: no quote, star or backslash."""
_SHARED = re.compile(r"[0-9a-fA-F-]{36}")

Record = Mapping[str, Any]


class Mfa(StrEnum):
    """Whether a second factor was used, as far as a record says."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Who:
    """The human or machine behind an event, as far back as it could be followed.

    `steps` are the roles on the way from the person to the call, the person's first. `how` says
    what the name rests on. `sure` is False where the name is the caller's own choice. `principal`
    names the same caller again and again: the key of their profile.
    """

    name: str
    kind: str
    sure: bool
    how: str
    mfa: Mfa
    principal: str
    steps: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    """The events that began the sessions, the latest first."""

    @property
    def person(self) -> str:
        """The name of a person who surely is behind it; "" for a machine, or a name of choice."""
        return self.name if self.sure and self.kind in PEOPLE and self.name != "unknown" else ""


def who_is(record: Record, issuing: Iterable[Record] = ()) -> Who:
    """Who is behind a record. issuing: events that may have begun its session, or one before."""
    chain = chain_of(record, issuing)
    actor = actor_of(record)
    if text_at(record, "userIdentity", "sessionContext", "sourceIdentity"):
        # STS keeps it through the whole chain, and nobody can change it on the way.
        last: Record = record
    else:
        last = chain[-1] if chain else record
        actor = actor_of(last)
    name, how, sure = actor.name, _how(actor, last, len(chain)), actor.sure
    if actor.kind == "AWSService" and last is not record:
        # Who stands behind it is what the service named the session after: an instance, a task.
        begun = chain[-2] if len(chain) > 1 else record
        name, how = actor_of(begun).name, f"a session that {actor.name} began"
    elif (subject := web_subject(last)) and not actor.sure:
        name, sure = subject, True
    steps = tuple(reversed([role for one in [record, *chain] if (role := role_of(one))]))
    return Who(
        name=name,
        kind=actor.kind,
        sure=sure,
        how=how,
        mfa=_mfa([record, *chain]),
        principal=principal_of(record),
        steps=steps,
        event_ids=tuple(text_at(one, "eventID") for one in chain),
    )


def chain_of(record: Record, candidates: Iterable[Record]) -> tuple[Record, ...]:
    """The events that began the record's session, then its beginner's, and so on."""
    left = list(candidates)
    chain: list[Record] = []
    while len(chain) < MOST_STEPS:
        found = began(chain[-1] if chain else record, left)
        if found is None:
            break
        chain.append(found)
        left = [one for one in left if one is not found]
    return tuple(chain)


def began(record: Record, candidates: Iterable[Record]) -> Record | None:
    """The event that began the session which made a record; None where none of them did.

    By the access key that it issued; else by the session's ARN, the newest within the longest
    session before the call. Where the role is of another account than who assumed it there are
    two such events with one sharedEventID: the one that names the caller is given.
    """
    all_of = [one for one in candidates if one is not record]
    key = access_key(record)
    found = [one for one in all_of if key and issued_key(one) == key]
    if not found:
        found = _by_session(record, all_of)
    if not found:
        return None
    first = found[0]
    shared = text_at(first, "sharedEventID")
    twins = [one for one in all_of if shared and text_at(one, "sharedEventID") == shared]
    return max([first, *twins], key=_tells)


def _by_session(record: Record, candidates: Iterable[Record]) -> list[Record]:
    arn = text_at(record, "userIdentity", "arn")
    at, born = _time(record, "eventTime"), session_began(record)
    if not arn or at is None:
        return []
    fitting = []
    for one in candidates:
        when = _time(one, "eventTime")
        if when is None or text_at(one, "responseElements", "assumedRoleUser", "arn") != arn:
            continue
        issued = issued_key(one)
        if issued and access_key(record):
            continue  # both say which key it was, and it was another
        if born is not None and abs(when - born) > timedelta(seconds=5):
            continue
        if timedelta(0) <= at - when <= LONGEST_SESSION:
            fitting.append((when, one))
    return [one for _, one in sorted(fitting, key=lambda pair: pair[0], reverse=True)]


def _tells(record: Record) -> int:
    """How much an issuing event says of who called."""
    kind = text_at(record, "userIdentity", "type")
    if kind in ("AWSAccount", "AWSService", ""):
        return 0
    return 2 if text_at(record, "userIdentity", "arn") else 1


def access_key(record: Record) -> str:
    """The id of the access key that signed the call, "" where there is none of AWS's form."""
    found = text_at(record, "userIdentity", "accessKeyId")
    return found if _KEY.fullmatch(found) else ""


def issued_key(record: Record) -> str:
    """The id of the access key that an event of STS handed out; "" for any other event."""
    return text_at(record, "responseElements", "credentials", "accessKeyId")


def session_began(record: Record) -> datetime | None:
    """When the session of a record was begun (UTC), where it says so."""
    return _time(record, "userIdentity", "sessionContext", "attributes", "creationDate")


def is_session(record: Record) -> bool:
    """Whether temporary credentials made the call, so that somebody began a session."""
    return text_at(record, "userIdentity", "type") in ("AssumedRole", "FederatedUser")


def issuing_pattern(record: Record) -> str:
    """The filter pattern of the event that began the record's session; "" where none can be had."""
    key, arn = access_key(record), text_at(record, "userIdentity", "arn")
    if not is_session(record):
        return ""
    if key.startswith("ASIA"):
        return f'{{ $.responseElements.credentials.accessKeyId = "{key}" }}'
    if _ARN.fullmatch(arn):
        return f'{{ $.responseElements.assumedRoleUser.arn = "{arn}" }}'
    return ""


def twin_pattern(record: Record) -> str:
    """The filter pattern of an issuing event's twin in the caller's account, where one tells more.

    "" where the event names its caller itself.
    """
    shared = text_at(record, "sharedEventID")
    if not _SHARED.fullmatch(shared) or _tells(record) > 0:
        return ""
    if text_at(record, "userIdentity", "type") != "AWSAccount":
        return ""
    return f'{{ $.sharedEventID = "{shared}" }}'


def session_key(record: Record) -> str:
    """What tells one session from another: who called in it is the same for all of its calls."""
    key, arn = access_key(record), text_at(record, "userIdentity", "arn")
    source = text_at(record, "userIdentity", "sessionContext", "sourceIdentity")
    return " ".join((key, arn or principal_of(record), source))


def session_pattern(record: Record) -> str:
    """The filter pattern of all that the same session, key or principal did; "" for none."""
    key, arn = access_key(record), text_at(record, "userIdentity", "arn")
    if key:
        return f'{{ $.userIdentity.accessKeyId = "{key}" }}'
    if _ARN.fullmatch(arn):
        return f'{{ $.userIdentity.arn = "{arn}" }}'
    return ""


def principal_of(record: Record) -> str:
    """Who a profile is kept for: an ARN, with the name where a role is shared by sure people.

    A name that the caller chose is left out, or everybody would be somebody new each time.
    """
    identity = record.get("userIdentity")
    if not isinstance(identity, Mapping):
        return ""
    actor = actor_of(record)
    role = text_at(identity, "sessionContext", "sessionIssuer", "arn")
    if actor.kind == "AssumedRole":
        if not role:
            role = text_at(identity, "arn").rpartition("/")[0]
        found = f"{role} {actor.name}" if actor.sure else role
    elif actor.kind == "FederatedUser" and role:
        found = role  # of the user who began it
    else:
        found = text_at(identity, "arn") or text_at(identity, "principalId") or actor.name
    return found[:400]


def past_pattern(record: Record, more: Mapping[str, str]) -> str:
    """The filter pattern of all that a record's principal (`principal_of`) did; "" for none.

    more: what must be so besides, by the field's path: {"sourceIPAddress": "203.0.113.9"}.
    """
    terms = {**_principal_terms(record), **more}
    if len(terms) == len(more) or not all(_NAME.fullmatch(v.lstrip("*")) for v in terms.values()):
        return ""
    told = " && ".join(f'$.{path} = "{value}"' for path, value in terms.items())
    return f"{{ {told} }}"


def _principal_terms(record: Record) -> dict[str, str]:
    """What tells a principal's events from others', by the field's path."""
    arn, actor = text_at(record, "userIdentity", "arn"), actor_of(record)
    issuer = "userIdentity.sessionContext.sessionIssuer.arn"
    role = text_at(record, *issuer.split("."))
    if actor.kind == "FederatedUser" and role:
        return {"userIdentity.type": actor.kind, issuer: role}
    if actor.kind != "AssumedRole":
        principal = text_at(record, "userIdentity", "principalId")
        if arn:
            return {"userIdentity.arn": arn}
        return {"userIdentity.principalId": principal} if principal else {}
    if not role:
        return {}
    found = {issuer: role}
    if actor.via.startswith("SSO "):
        found["userIdentity.arn"] = f"*/{actor.name}"
    elif actor.sure:
        found["userIdentity.sessionContext.sourceIdentity"] = actor.name
    return found


def role_of(record: Record) -> str:
    """The name of the role whose session made a call, "" for who has none."""
    if text_at(record, "userIdentity", "type") != "AssumedRole":
        return ""
    issuer = text_at(record, "userIdentity", "sessionContext", "sessionIssuer", "userName")
    parts = text_at(record, "userIdentity", "arn").split("/")
    return issuer or (parts[1] if len(parts) > 2 else "")


def web_subject(record: Record) -> str:
    """Whom a web identity provider vouched for ("repo:example/app:ref:refs/heads/main"), or ""."""
    session = record.get("userIdentity")
    for key in ("sessionContext", "webIdFederationData", "attributes"):
        session = session.get(key) if isinstance(session, Mapping) else None
    if not isinstance(session, Mapping):
        return ""
    named = [value for key, value in session.items() if str(key).rpartition(":")[2] == "sub"]
    return named[0] if named and isinstance(named[0], str) else ""


def mfa_of(record: Record) -> Mfa:
    """Whether a second factor was used, as one record says.

    Unknown for single sign-on, whose own second factor no record of the account shows.
    """
    identity = record.get("userIdentity")
    used = text_at(record, "additionalEventData", "MFAUsed")
    if used == "Yes":
        return Mfa.YES
    if isinstance(identity, Mapping) and is_single_sign_on(identity):
        return Mfa.UNKNOWN  # its sign-ins say "No" always
    if used == "No":
        return Mfa.NO
    said = text_at(record, "userIdentity", "sessionContext", "attributes", "mfaAuthenticated")
    if said in ("true", "false"):
        return Mfa.YES if said == "true" else Mfa.NO
    kind = text_at(record, "userIdentity", "type")
    if kind in ("IAMUser", "Root") and access_key(record).startswith("AKIA"):
        return Mfa.NO  # a long-term key on its own is one factor
    return Mfa.UNKNOWN


def _mfa(chain: Iterable[Record]) -> Mfa:
    """Yes where any step of the chain used one; no where the person's own step says no."""
    found = [mfa_of(one) for one in chain]
    if Mfa.YES in found:
        return Mfa.YES
    return found[-1]


def _how(actor: Actor, record: Record, steps: int) -> str:
    """What the name rests on, in a few words."""
    context = ("userIdentity", "sessionContext")
    kind = actor.kind
    if kind == "AssumedRole" and actor.via.startswith("SSO "):
        how = "single sign-on"
    elif kind == "AssumedRole" and text_at(record, *context, "sourceIdentity"):
        how = "source identity"
    elif kind == "AssumedRole":
        provider = text_at(record, *context, "webIdFederationData", "federatedProvider")
        how = "web identity" if provider else "the session’s name, which the caller chose"
    else:
        how = {
            "Root": "root",
            "IAMUser": "IAM user",
            "WebIdentityUser": "web identity",
            "SAMLUser": "SAML",
            "IdentityCenterUser": "single sign-on",
            "AWSService": "a service of AWS",
            "AWSAccount": "another account",
            "FederatedUser": "federated user",
        }.get(kind, "")
    if steps:
        back = f"{steps} role session{'s' if steps > 1 else ''}"
        how = f"{how}, followed back over {back}" if how else f"followed back over {back}"
    return how


def _time(record: Record, *path: str) -> datetime | None:
    try:
        return plausible(parse_time(text_at(record, *path)))
    except (ValueError, OverflowError):
        return None
