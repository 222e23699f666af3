"""The catalogue of detections; it reaches no outside world."""

from trailwatch.detections.catalogue import Catalogue, load_catalogue, read_catalogue
from trailwatch.detections.detection import (
    Detection,
    DetectionKind,
    Examples,
    Exempt,
    Severity,
)
from trailwatch.detections.reader import parse_detection
from trailwatch.detections.site_patterns import SiteFacts, facts_of, pattern_at, pattern_for

__all__ = [
    "Catalogue",
    "Detection",
    "DetectionKind",
    "Examples",
    "Exempt",
    "Severity",
    "SiteFacts",
    "facts_of",
    "load_catalogue",
    "parse_detection",
    "pattern_at",
    "pattern_for",
    "read_catalogue",
]
