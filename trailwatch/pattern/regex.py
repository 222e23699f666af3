"""AWS's subset of regular expressions, run by RE2 in linear time; it knows no other syntax.

Source: "Using regular expressions" in the Amazon CloudWatch Logs user guide, and recorded answers.
The characters are checked by the lexer; here the escapes, and RE2 refuses what is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import re2

from trailwatch.pattern.syntax import PatternError

# RE2 unrolls counted repetitions, and each costs every character of a message a step. AWS allows
# 1000 a time; this bounds their sum, so that the worst search of the longest line takes seconds.
MAX_REPETITIONS = 2000
MAX_MEMORY = 4 << 20
"""Bytes that one expression may use, its cache of states included."""

_ITEM = re.compile(
    r"""  (?P<escape> \\(?: x[0-9A-Fa-f]{2} | [dDsSwW] | [^A-Za-z0-9] ) )
        | (?P<bad> \\ )
        | (?P<open> \[\^?\]? )
        | (?P<close> \] )
        | \{ (?: (?P<least>[0-9]+) (?P<comma>,?) | , ) (?P<most>[0-9]*) \}
        | . """,
    re.VERBOSE | re.DOTALL,
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def check(source: str, at: int) -> None:
    """Raise PatternError, with this column, unless AWS would compile the expression."""
    try:
        searcher(source)
    except re2.error as error:
        raise PatternError("Failed to compile regular expression.", at) from error


@lru_cache(maxsize=128)
def searcher(source: str) -> Callable[[str], bool]:
    """A function that says whether a text has a match anywhere; raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_MEMORY
    search = re2.compile(_for_re2(source), options).search

    def found(text: str) -> bool:
        return search(_encoded(text)) is not None

    return found


def _for_re2(source: str) -> str:
    """The expression in RE2's words: `{,n}` becomes `{0,n}`; raises re2.error for other escapes."""
    parts: list[str] = []
    in_class = False
    repetitions = 0
    for item in _ITEM.finditer(source):
        text = item.group()
        if item.group("bad"):
            raise re2.error("unknown escape")
        if item.group("open"):
            # A bracket that comes first in a class is one of its characters, else it closes it.
            in_class = not (in_class and text.endswith("]"))
        elif item.group("close"):
            in_class = False
        elif text.startswith("{") and len(text) > 1 and not in_class:
            text, count = _counted(item)
            repetitions += count
        parts.append(text)
    if repetitions > MAX_REPETITIONS:
        raise re2.error("too many repetitions")
    return "".join(parts)


def _counted(item: re.Match[str]) -> tuple[str, int]:
    """A `{...}` in RE2's words, and the copies that it makes of what it repeats."""
    least, most = item.group("least") or "0", item.group("most")
    if item.group("least") and not item.group("comma"):
        return item.group(), int(least)
    if not item.group("least") and not most:
        return item.group(), 0  # {,} repeats nothing: RE2 reads it as text
    return f"{{{least},{most}}}", int(most or least)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is one character to AWS; no pattern can name it.
        return _SURROGATES.sub("\ufffd", text).encode()
