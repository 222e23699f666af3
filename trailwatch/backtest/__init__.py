"""What detections would have found and told in an archive of CloudTrail; it asks no service.

`run` goes through pieces of an archive (trailwatch.search.archive lists them) with all cores and
yields a Progress after each; `Progress.result()` is the Backtest so far.
"""

from trailwatch.backtest.alarms import Raised, Simulation, simulate
from trailwatch.backtest.engine import Engine, Match, Scan
from trailwatch.backtest.piece import Piece, Problem
from trailwatch.backtest.result import Backtest, Found, Share
from trailwatch.backtest.run import Progress, run
from trailwatch.backtest.subject import Subject, subject_of

__all__ = [
    "Backtest",
    "Engine",
    "Found",
    "Match",
    "Piece",
    "Problem",
    "Progress",
    "Raised",
    "Scan",
    "Share",
    "Simulation",
    "Subject",
    "run",
    "simulate",
    "subject_of",
]
