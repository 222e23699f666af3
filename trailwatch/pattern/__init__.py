"""CloudWatch Logs filter patterns as AWS reads and matches them; it reaches no outside world."""

from trailwatch.pattern.document import Document
from trailwatch.pattern.pattern import Pattern, parse
from trailwatch.pattern.syntax import MAX_LENGTH, MAX_REGEXES, PatternError

__all__ = ["MAX_LENGTH", "MAX_REGEXES", "Document", "Pattern", "PatternError", "parse"]
