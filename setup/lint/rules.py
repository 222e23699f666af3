"""Knows every rule of the lint and runs them over a chain. Pure: reads no file and asks no AWS."""

from __future__ import annotations

from collections.abc import Sequence

from setup.lint import rules_alarm, rules_filter, rules_firing, rules_topic, rules_trail
from setup.lint.chain import Chain, Item
from setup.lint.rule import Finding, Hit, Rule, Severity
from setup.lint.view import View

RULES: tuple[Rule, ...] = (
    *rules_trail.RULES,
    *rules_filter.RULES,
    *rules_alarm.RULES,
    *rules_firing.RULES,
    *rules_topic.RULES,
)
KINDS = {
    "Trail": "trail",
    "LogGroup": "log group",
    "MetricFilter": "metric filter",
    "Alarm": "alarm",
    "Composite": "composite alarm",
    "Topic": "SNS topic",
    "Subscription": "SNS subscription",
    "Bucket": "bucket",
}
"""What each part of a chain is called in a sentence."""


def judge(chain: Chain, rules: Sequence[Rule] = RULES) -> tuple[Finding, ...]:
    """What is wrong in a chain, worst first. Never raises for what a chain may hold."""
    view = View(chain)
    addresses = [one.address for part in _parts(chain) for one in part if one.address]
    found = (_finding(rule, hit, addresses) for rule in rules for hit in rule.check(view))
    return tuple(sorted(found, key=lambda one: one.order))


def _parts(chain: Chain) -> tuple[Sequence[Item], ...]:
    return (
        chain.trails,
        chain.groups,
        chain.filters,
        chain.alarms,
        chain.topics,
        chain.subscriptions,
        chain.buckets,
    )


def _finding(rule: Rule, hit: Hit, addresses: Sequence[str]) -> Finding:
    item, message = hit.item, hit.message
    for address in addresses if "(" in message else ():
        message = message.replace(f"({address})", address)  # stands for a name that AWS makes up
    return Finding(
        rule,
        hit.severity or rule.severity,
        kind_of(item),
        item.address if item.name == f"({item.address})" else item.name,
        item.address,
        item.place(hit.field),
        message,
        hit.mend or rule.mend,
    )


def kind_of(item: Item) -> str:
    """What an item is called."""
    return KINDS[type(item).__name__]


def worst(findings: Sequence[Finding]) -> Severity | None:
    """The severity of the worst finding; None for none."""
    return findings[0].severity if findings else None


def rules_table() -> str:
    """The rules as a table in Markdown, for the documentation."""
    rows = ["| rule | severity | what is wrong | why it matters | how to mend it | source |"]
    rows.append("|---|---|---|---|---|---|")
    for rule in RULES:
        cells = (
            f"`{rule.id}`",
            rule.severity.value,
            rule.title,
            rule.why,
            rule.mend,
            rule.source,
        )
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)
