"""Knows the detections that a team adds from Slack: their JSON, and the catalogue with them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from trailwatch.detections.catalogue import ALL, OWN, Catalogue
from trailwatch.detections.detection import Detection, DetectionKind, Examples, Severity
from trailwatch.errors import LimitExceeded, NotFound, UsageError
from trailwatch.pattern import PatternError, parse

MOST = 50
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_ID = 60
_LONGEST_TITLE = 100


@dataclass(frozen=True)
class OwnDetection:
    """What a person typed: enough for an alarm. `by` is who added it."""

    id: str
    severity: Severity
    title: str
    pattern: str
    by: str = ""

    def detection(self) -> Detection:
        """The same as an entry of the catalogue; it has no examples to be proved by."""
        return Detection(
            id=self.id,
            title=self.title,
            severity=self.severity,
            kind=DetectionKind.DETECTION,
            pattern=self.pattern,
            why=f"Added by {self.by}." if self.by else "Added by this team.",
            runbook="",
            noise="",
            references=(),
            period=timedelta(minutes=1),
            threshold=1,
            examples=Examples((), ()),
        )


def typed_detection(id_: str, severity: str, title: str, pattern: str, by: str) -> OwnDetection:
    """The detection that these words describe; raises UsageError for what cannot be one."""
    if not _ID.fullmatch(id_) or len(id_) > _LONGEST_ID:
        raise UsageError(
            f"{id_[:80]!r} is no id.", "Lower-case words joined by hyphens, 60 characters at most."
        )
    if severity.upper() not in Severity.__members__:
        raise UsageError(f"{severity[:20]!r} is no severity.", fix="Write P1, P2, P3, P4 or P5.")
    if not 1 <= len(title.strip()) <= _LONGEST_TITLE:
        raise UsageError("The title is missing or longer than 100 characters.")
    try:
        parse(pattern)
    except PatternError as error:
        raise UsageError(
            "CloudWatch Logs refuses this pattern.",
            str(error),
            "Try it with /trailwatch pattern check.",
        ) from error
    return OwnDetection(id_, Severity(severity.upper()), title.strip(), pattern.strip(), by)


def added(
    own: Mapping[str, OwnDetection], new: OwnDetection, ours: Catalogue
) -> dict[str, OwnDetection]:
    """The own detections with one more, or one changed; raises UsageError and LimitExceeded."""
    if new.id in ours:
        raise UsageError(
            f"The catalogue has {new.id!r} already.", fix="Choose another id for your own."
        )
    if new.id not in own and len(own) >= MOST:
        raise LimitExceeded(
            f"There are {MOST} detections of your own already.",
            fix="Keep more of them in a folder: TRAILWATCH_DETECTIONS.",
        )
    return {**own, new.id: new}


def removed(own: Mapping[str, OwnDetection], id_: str) -> dict[str, OwnDetection]:
    """The own detections without one; raises NotFound."""
    if id_ not in own:
        raise NotFound.of("detection added from Slack", id_, own)
    return {name: one for name, one in own.items() if name != id_}


def together(ours: Catalogue, own: Mapping[str, OwnDetection]) -> Catalogue:
    """The catalogue with a team's own; an id that the catalogue came to have later is its."""
    theirs = {id_: one.detection() for id_, one in own.items() if id_ not in ours}
    every = {**ours.detections, **theirs}
    mine = (*ours.packs.get(OWN, ()), *theirs)
    packs = {**ours.packs, ALL: tuple(every)}
    return replace(ours, detections=every, packs={**packs, OWN: mine} if mine else packs)


def to_json(own: Mapping[str, OwnDetection]) -> str:
    """The own detections as JSON text; `from_json` reads it."""
    return json.dumps([[o.id, o.severity.value, o.title, o.pattern, o.by] for o in own.values()])


def from_json(text: str) -> dict[str, OwnDetection]:
    """What `to_json` wrote."""
    return {
        id_: OwnDetection(id_, Severity(severity), title, pattern, by)
        for id_, severity, title, pattern, by in json.loads(text)
    }
