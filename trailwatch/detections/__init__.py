"""The catalogue of detections; it reaches no outside world."""

from trailwatch.detections.catalogue import Catalogue, load_catalogue, parse_detection
from trailwatch.detections.detection import Detection, DetectionKind, Examples, Severity
from trailwatch.detections.site_patterns import pattern_for

__all__ = [
    "Catalogue",
    "Detection",
    "DetectionKind",
    "Examples",
    "Severity",
    "load_catalogue",
    "parse_detection",
    "pattern_for",
]
