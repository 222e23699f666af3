"""Knows the controls of CIS and Security Hub that ask for a filter and an alarm; it judges none."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from trailwatch.detections import Catalogue, Detection

_CIS = re.compile(r"CIS AWS Foundations ([^:]+): (.+)")
_HUB = re.compile(r"Security Hub (\S+)")


@dataclass(frozen=True, slots=True)
class TextRule:
    """What Prowler wants of a filter's text. `regex` alone decides where there is one."""

    check: str
    """The name of Prowler's check."""
    source: str = ""
    names: tuple[str, ...] = ()
    clauses: tuple[tuple[str, str, str], ...] = ()
    """(field without "$.", "=" or "!=", value)."""
    regex: str = ""

    def accepts(self, text: str) -> bool:
        """Whether the check passes a filter of this text, as far as its text goes."""
        if self.regex:
            return re.search(self.regex, text, re.DOTALL) is not None
        wanted = [_clause("eventName", "=", name) + r"\b" for name in self.names]
        wanted += [_clause(*clause) for clause in self.clauses]
        if self.source:
            wanted.append(_clause("eventSource", "=", self.source))
        return all(re.search(one, text, re.DOTALL) for one in wanted)


@dataclass(frozen=True, slots=True)
class Control:
    """One control: the filter that it prescribes, and what scanners look for in its text."""

    detection: Detection
    """The catalogue's compliance detection: its pattern is the prescribed text, word for word."""
    rule: TextRule

    @property
    def id(self) -> str:
        return self.detection.id

    @property
    def title(self) -> str:
        return self.detection.title

    @property
    def cis(self) -> tuple[tuple[str, str], ...]:
        """(versions of the benchmark, number), e.g. ("1.4 to 5.0", "4.3")."""
        found = map(_CIS.fullmatch, self.detection.references)
        return tuple((match[1], match[2]) for match in found if match)

    @property
    def hub(self) -> str:
        """Security Hub's name of it, e.g. "CloudWatch.1"; "" where it has none."""
        found = map(_HUB.fullmatch, self.detection.references)
        return next((match[1] for match in found if match), "")

    @property
    def number(self) -> str:
        """Its number in CIS 1.4 to 5.0, the versions most in use, e.g. "4.3"."""
        return next((number for versions, number in self.cis if versions == "1.4 to 5.0"), "")


def load_controls(catalogue: Catalogue) -> tuple[Control, ...]:
    """The 15 controls, in the order of their numbers."""
    text = (files("trailwatch.coverage") / "controls.toml").read_text(encoding="utf-8")
    return tuple(
        Control(catalogue[table["detection"]], _rule(table))
        for table in tomllib.loads(text)["control"]
    )


def _rule(table: Mapping[str, Any]) -> TextRule:
    return TextRule(
        table["check"],
        table.get("source", ""),
        tuple(table.get("names", ())),
        tuple((field, operator, value) for field, operator, value in table.get("clauses", ())),
        table.get("regex", ""),
    )


def _clause(field: str, operator: str, value: str) -> str:
    """The regular expression of one clause; the value may stand in quotes or not."""
    return rf"\$\.{re.escape(field)}\s*{operator}\s*.?{re.escape(value)}"
