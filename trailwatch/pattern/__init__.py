"""CloudWatch Logs filter patterns as AWS reads and matches them; it reaches no outside world.

Where neither the documentation nor recorded answers of AWS say what happens, this is what we chose:
- a `*` in the middle of a text is an ordinary character (lint offers a regular expression);
- in quotes `\\"` is a quote and `\\\\` a backslash, any other backslash stands for itself;
- names in selectors and bare words may hold letters of any script;
- of duplicate keys in a message the last one counts; how deep it is nested does not matter;
- `{,n}` in a regular expression is `{0,n}`; repetitions in one expression add up to 2000 at most;
- a field that is no number satisfies `!=` with a number, and no other comparison with one;
- `{ $.x != * }` is never true; `-` and `?` must be followed by their term without a blank.
"""

from trailwatch.pattern.document import Document
from trailwatch.pattern.explain import Clause
from trailwatch.pattern.finding import Lint, Rule
from trailwatch.pattern.pattern import Pattern, parse
from trailwatch.pattern.syntax import MAX_LENGTH, MAX_REGEX_FILTERS, MAX_REGEXES, PatternError

__all__ = [
    "MAX_LENGTH",
    "MAX_REGEXES",
    "MAX_REGEX_FILTERS",
    "Clause",
    "Document",
    "Lint",
    "Pattern",
    "PatternError",
    "Rule",
    "parse",
]
