"""CloudWatch Logs filter patterns as AWS reads and matches them; it reaches no outside world."""

from trailwatch.pattern.document import Document
from trailwatch.pattern.explain import Clause
from trailwatch.pattern.finding import Lint, Rule
from trailwatch.pattern.pattern import Pattern, parse
from trailwatch.pattern.syntax import MAX_LENGTH, MAX_REGEXES, PatternError

__all__ = [
    "MAX_LENGTH",
    "MAX_REGEXES",
    "Clause",
    "Document",
    "Lint",
    "Pattern",
    "PatternError",
    "Rule",
    "parse",
]
