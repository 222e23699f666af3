"""Writes a parsed pattern as text again, so that reading the text gives the same parsed form.

The text is spaced and quoted for readers; where that would be longer than AWS allows it is written
as tightly as the language permits, which is never longer than any text it could have come from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trailwatch.pattern.lexer import KEYWORDS, NAME, NUMBER, WORD
from trailwatch.pattern.syntax import (
    MAX_LENGTH,
    And,
    Compare,
    Condition,
    Field,
    FieldAnd,
    FieldCondition,
    FieldsForm,
    FieldTest,
    Index,
    Is,
    JsonForm,
    Literal,
    Name,
    NotExists,
    Or,
    RegexForm,
    RegexLiteral,
    Selector,
    Syntax,
    TermsForm,
    Value,
)

_TERM = re.compile(r"[\w.]+")
_ESCAPED = re.compile(r'"|\\(?=["\\]|$)')


def to_text(syntax: Syntax) -> str:
    """The text of a pattern, parsed form in; longer than AWS allows only if it cannot be helped."""
    text = _Printer(tight=False).syntax(syntax)
    return text if len(text) <= MAX_LENGTH else _Printer(tight=True).syntax(syntax)


def condition_text(condition: Condition) -> str:
    """The text of a condition, as it stands between the braces."""
    return _Printer(tight=False).condition(condition)


def selector_text(selector: Selector) -> str:
    """The text of a selector, e.g. `$.userIdentity.type`."""
    text = "$"
    for step in selector.steps:
        if isinstance(step, Index):
            text += f"[{step.index}]"
        elif isinstance(step, Name):
            text += f".{step.name}" if NAME.fullmatch(step.name) else f".['{step.name}']"
        else:
            text += "[*]" if step.bracketed and text != "$" else ".*"
    return text


def value_text(value: Value) -> str:
    """The text of what a pattern compares with; a text is put in quotes."""
    return _Printer(tight=False).value(value)


def quote(text: str) -> str:
    """A text in quotes, with the escapes that it needs."""
    return '"' + _ESCAPED.sub(r"\\\g<0>", text) + '"'


class _Printer:
    """Writes with blanks, quotes and parentheses for readers, or tight: without all it can."""

    def __init__(self, *, tight: bool) -> None:
        self.tight = tight
        self.blank = "" if tight else " "

    def syntax(self, syntax: Syntax) -> str:
        if isinstance(syntax, JsonForm):
            return f"{{{self.blank}{self.condition(syntax.condition)}{self.blank}}}"
        if isinstance(syntax, RegexForm):
            return self.value(syntax.regex)
        if isinstance(syntax, FieldsForm):
            return self._fields(syntax)
        return self._terms(syntax)

    def condition(self, condition: Condition) -> str:
        if isinstance(condition, And | Or):
            operator = "&&" if isinstance(condition, And) else "||"
            joint = f"{self.blank}{operator}{self.blank}"
            return joint.join(self._operand(item, operator) for item in condition.items)
        selector = selector_text(condition.selector)
        if isinstance(condition, Is):
            return f"{selector} IS {condition.kind}"
        if isinstance(condition, NotExists):
            return f"{selector} NOT EXISTS"
        return self._comparison(selector, condition)

    def _operand(self, condition: Condition, operator: str) -> str:
        text = self.condition(condition)
        needed = isinstance(condition, Or) and operator == "&&"
        return f"({text})" if needed or not self.tight else text

    def _comparison(self, left: str, test: Compare | FieldTest) -> str:
        return f"{left}{self.blank}{test.op}{self.blank}{self.value(test.value)}"

    def value(self, value: Value) -> str:
        if isinstance(value, RegexLiteral):
            return f"%{value.source}%"
        if isinstance(value, Literal):
            return value.text if self.tight and _can_stand_bare(value.text) else quote(value.text)
        return value.text

    def _fields(self, form: FieldsForm) -> str:
        entries = [self._field(field) for field in form.fields]
        if form.ellipsis is not None:
            entries.insert(form.ellipsis, "...")
        return f"[{f',{self.blank}'.join(entries)}]"

    def _field(self, field: Field) -> str:
        if field.name is None or field.condition is None:
            return field.name or ""
        return self._field_condition(field.name, field.condition)

    def _field_condition(self, name: str, condition: FieldCondition) -> str:
        if isinstance(condition, FieldTest):
            return self._comparison(name, condition)
        operator = "&&" if isinstance(condition, FieldAnd) else "||"
        joint = f"{self.blank}{operator}{self.blank}"
        return joint.join(self._field_condition(name, item) for item in condition.items)

    def _terms(self, form: TermsForm) -> str:
        others: Sequence[str] = [
            *(f"-{_term(text)}" for text in form.excluded),
            *(f"?{_term(text)}" for text in form.optional),
        ]
        required = " ".join(_term(text) for text in form.required)
        return self.blank.join([required, *others] if required else others)


def _term(text: str) -> str:
    return text if _TERM.fullmatch(text) else quote(text)


def _can_stand_bare(text: str) -> bool:
    """Whether a text is a bare word: neither a number nor a keyword nor the ellipsis."""
    return (
        bool(WORD.fullmatch(text))
        and not NUMBER.fullmatch(text)
        and text != "..."
        and text.upper() not in KEYWORDS - {"TRUE", "FALSE"}
    )
