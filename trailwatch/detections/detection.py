"""What a detection is: a filter pattern with all that a person needs around it; it runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

CloudTrailRecord = Mapping[str, Any]


class Severity(StrEnum):
    """How much an alarm matters, in the words of Opsgenie: P1 is critical, P5 informational."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class DetectionKind(StrEnum):
    """Why a detection has the pattern that it has."""

    COMPLIANCE = "compliance"
    """The exact text that scanners demand: never edited, tuning makes a sibling."""
    DETECTION = "detection"
    """A text of our own, which may be tuned."""


class Exempt(StrEnum):
    """Principals of a site whose events a detection passes over, by the site's settings."""

    DEPLOY_ROLES = "deploy_roles"
    """Roles that deploy infrastructure and code."""
    BREAK_GLASS_ROLES = "break_glass_roles"
    """Roles for emergencies, whose every use `break-glass-role-used` tells."""


@dataclass(frozen=True, slots=True)
class Examples:
    """CloudTrail records that the pattern matches, and near misses that it must not match."""

    matches: tuple[CloudTrailRecord, ...]
    near_misses: tuple[CloudTrailRecord, ...]


@dataclass(frozen=True, slots=True)
class Detection:
    """One entry of the catalogue.

    The alarm goes off when `threshold` or more events match within one `period`.
    """

    id: str
    title: str
    severity: Severity
    kind: DetectionKind
    pattern: str
    """The filter pattern; for the detections that `site_patterns` knows, the one of its default."""
    why: str
    """Why it matters, in one sentence."""
    runbook: str
    """What to do first."""
    noise: str
    """What sets it off without harm, and how to tune that."""
    references: tuple[str, ...]
    """Controls and techniques, e.g. "CIS AWS Foundations 4.3", "MITRE ATT&CK T1078.004"."""
    period: timedelta
    threshold: int
    examples: Examples
    exempt: tuple[Exempt, ...] = ()
    """Whose events do not count, once the site names them."""
