"""A filter pattern that is ready to test messages; how it is read and tested is known elsewhere."""

from __future__ import annotations

from trailwatch.pattern.document import Document
from trailwatch.pattern.explain import Clause, explain
from trailwatch.pattern.fields import extractor
from trailwatch.pattern.finding import Lint
from trailwatch.pattern.lint import lint
from trailwatch.pattern.match import Matcher, matcher
from trailwatch.pattern.parse import parse_syntax
from trailwatch.pattern.printing import to_text
from trailwatch.pattern.syntax import FieldsForm, RegexLiteral, Syntax, values


class Pattern:
    """A parsed CloudWatch Logs filter pattern; immutable, equal where the texts are."""

    __slots__ = ("_extract", "_match", "syntax", "text", "uses_regex")

    def __init__(self, text: str, syntax: Syntax) -> None:
        self.text = text
        """The pattern as it was written."""
        self.syntax = syntax
        """Its parsed form."""
        self.uses_regex = sum(isinstance(value, RegexLiteral) for value, _ in values(syntax))
        """How many regular expressions it holds (AWS allows 2, and 5 filters that hold any)."""
        self._extract = extractor(syntax) if isinstance(syntax, FieldsForm) else None
        self._match: Matcher = (
            matcher(syntax)
            if not isinstance(syntax, FieldsForm)
            else lambda document: self.extract(document) is not None
        )

    def matches(self, message: str | bytes | Document) -> bool:
        """Whether AWS would count this message: the raw text of a log event. Never raises.

        A `Document` is parsed once for all the patterns that it is given to.
        """
        return self._match(Document.of(message))

    def extract(self, message: str | bytes | Document) -> dict[str, str] | None:
        """The fields as TestMetricFilter names them (`$name`, `$3`), None where nothing matches.

        Patterns that are not space-delimited extract nothing: {} for a match.
        """
        document = Document.of(message)
        if self._extract is not None:
            return self._extract(document.message)
        return {} if self._match(document) else None

    def equal(self, other: Pattern) -> bool:
        """Whether both have the same parsed form: blanks, quotes and needless parentheses aside."""
        return self.syntax == other.syntax

    def lint(self, regex_filters_left: int | None = None) -> tuple[Lint, ...]:
        """What AWS accepts here but nobody means, by column, each with what to write instead.

        regex_filters_left: how many more filters with a regular expression the log group may
        have (AWS allows 5); None if that is not known.
        """
        return lint(self.text, self.syntax, regex_filters_left)

    def explain(self, message: str | bytes | Document | None = None) -> Clause:
        """What the pattern asks for in English, clause by clause; given a message, what holds."""
        return explain(self.syntax, None if message is None else Document.of(message))

    def __str__(self) -> str:
        """The pattern written anew from its parsed form; reading it gives the same form."""
        return to_text(self.syntax)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"parse({self.text!r})"


def parse(text: str) -> Pattern:
    """The pattern that this text is; raises PatternError with AWS's own message and a column."""
    return Pattern(text, parse_syntax(text))
