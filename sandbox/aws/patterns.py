"""Knows how log messages meet filter patterns, with what was parsed kept. Never the language."""

from __future__ import annotations

from functools import lru_cache

from sandbox.aws.protocol import Refusal
from trailwatch.pattern import Document, Pattern, PatternError, parse


@lru_cache(maxsize=512)
def _parsed(text: str) -> Pattern:
    return parse(text)


@lru_cache(maxsize=8192)
def document(message: str) -> Document:
    """A message parsed once for all patterns that ask for it."""
    return Document(message)


def pattern(text: str) -> Pattern:
    """The pattern of a text; raises Refusal with AWS's words where AWS would refuse it."""
    try:
        return _parsed(text)
    except PatternError as error:
        raise Refusal("InvalidParameterException", str(error)) from error
