"""Knows how findings are written as SARIF 2.1.0, for code scanning. Pure: writes no file.

Source: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS, and "SARIF
support for code scanning", GitHub docs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from setup.lint.rule import Finding, Rule, Severity
from setup.lint.rules import RULES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SCORES = {Severity.ERROR: "8.0", Severity.WARNING: "5.0", Severity.NOTE: "2.0"}
"""GitHub's security-severity: high, medium and low."""


def sarif(findings: Mapping[str, Sequence[Finding]], version: str) -> dict[str, Any]:
    """One run over several files. `findings` are by the file's path, relative, with slashes."""
    numbers = {rule.id: number for number, rule in enumerate(RULES)}
    results = [
        _result(path, one, numbers[one.rule.id])
        for path, found in findings.items()
        for one in found
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "trailwatch",
                        "semanticVersion": version,
                        "rules": [_rule(one) for one in RULES],
                    }
                },
                "artifacts": [{"location": {"uri": path}} for path in findings],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    text = f"{rule.why} {rule.mend} Source: {rule.source}."
    markdown = f"{rule.why}\n\n**How to mend it.** {rule.mend}\n\n*Source: {rule.source}.*"
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in _words(rule.title)),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": text, "markdown": markdown},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {
            "tags": ["security", "cloudtrail", "monitoring"],
            "precision": "high",
            "problem.severity": _problem(rule.severity),
            "security-severity": _SCORES[rule.severity],
        },
    }


def _words(title: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in title.replace("'s", "s")).split()


def _problem(severity: Severity) -> str:
    return "recommendation" if severity is Severity.NOTE else severity.value


def _result(path: str, one: Finding, number: int) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": path}}
    # GitHub shows nothing without a line; a plan on one line has its first.
    region = {"startLine": one.place.line or 1}
    if one.place.column:
        region["startColumn"] = one.place.column
    physical["region"] = region
    logical = {"name": one.name, "kind": "resource"}
    if one.address:
        logical["fullyQualifiedName"] = one.address
    same = f"{one.rule.id}\n{path}\n{one.address or one.name}\n{one.message}"
    return {
        "ruleId": one.rule.id,
        "ruleIndex": number,
        "level": one.severity.value,
        "message": {"text": f"{one.message} {one.mend}"},
        "locations": [{"physicalLocation": physical, "logicalLocations": [logical]}],
        "partialFingerprints": {"finding/v1": hashlib.sha256(same.encode()).hexdigest()[:32]},
    }
