"""Knows what a rule of the lint is and what it says when it is broken. Judges nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from setup.lint.chain import Item, Place

if TYPE_CHECKING:
    from setup.lint.view import View


class Severity(StrEnum):
    """ERROR: alarms are lost or never come. WARNING: they may be. NOTE: worth knowing.

    The words are SARIF's levels.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True)
class Hit:
    """One place where a rule is broken: the item, its field, and what is the matter with it.

    `mend` and `severity` stand instead of the rule's own where they are given.
    """

    item: Item
    message: str
    field: str = ""
    mend: str = ""
    severity: Severity | None = None


Check = Callable[["View"], Iterator[Hit]]


@dataclass(frozen=True)
class Rule:
    """One rule: its texts are ours, without a full stop in `title`, and whole sentences else.

    `source` names where the fact comes from.
    """

    id: str
    severity: Severity
    title: str
    why: str
    mend: str
    source: str
    check: Check


@dataclass(frozen=True)
class Finding:
    """What a rule says about one item. `message` quotes names that whoever made the item chose."""

    rule: Rule
    severity: Severity
    kind: str
    name: str
    address: str
    place: Place
    message: str
    mend: str

    @property
    def order(self) -> tuple[int, str, str]:
        """Worst first, then by rule and name."""
        return (RANK[self.severity], self.rule.id, self.name)
