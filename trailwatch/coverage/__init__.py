"""How far an account's live filters meet CIS and Security Hub, by meaning and by text; pure."""

from trailwatch.coverage.controls import Control, TextRule, load_controls
from trailwatch.coverage.judge import (
    ControlCoverage,
    Hidden,
    LiveFilter,
    TextVerdict,
    Verdict,
    judge,
)

__all__ = [
    "Control",
    "ControlCoverage",
    "Hidden",
    "LiveFilter",
    "TextRule",
    "TextVerdict",
    "Verdict",
    "judge",
    "load_controls",
]
