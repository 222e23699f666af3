"""Knows how help looks, given the table of commands. Never knows a command itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.blocks import kit
from handlers.blocks.kit import Block, Message, Word, code, esc, plain

_TOPICS = 30
_COMMANDS = 24
"""Of two blocks each, as Slack takes fifty in a message."""


@dataclass(frozen=True)
class Usage:
    """A command as help shows it. `usage` and `example` are without the leading /trailwatch."""

    name: str
    usage: str
    example: str
    role: str
    summary: str


def help_overview(usages: Sequence[Usage], slash: str = "/trailwatch") -> Message:
    """All commands in one message, by their first word, one line each."""
    topics = _by_topic(usages)
    blocks: list[Block] = [kit.section(":satellite_antenna: *What trailwatch understands*")]
    for topic, group in topics[:_TOPICS]:
        items = [_line(usage, slash) for usage in group]
        title = [kit.words((plain(topic, 40), "bold"))] if len(group) > 1 else []
        blocks.append(kit.rich_text(*title, kit.listing(items)))
    footer = f"{code(f'{slash} help TOPIC')} shows examples · every change is in the audit log"
    blocks.append(kit.context(footer))
    names = ", ".join(esc(usage.name, 40) for usage in usages)
    return kit.message(f"trailwatch understands: {names}. {slash} help TOPIC explains one.", blocks)


def help_topic(topic: str, usages: Sequence[Usage], slash: str = "/trailwatch") -> Message:
    """The commands of one topic with an example each. `usages` are those of the topic alone."""
    blocks: list[Block] = [kit.section(f":bulb: *Help*: {code(topic, 60)}")]
    for usage in usages[:_COMMANDS]:
        blocks.append(
            kit.rich_text(
                kit.words((f"{slash} {plain(usage.usage, 200)}", "code")),
                kit.words(plain(usage.summary, 500)),
                kit.words(("For example: ", "italic"), (_typed(usage.example, slash), "code")),
            )
        )
        blocks.append(kit.context(f"needs the role {esc(usage.role, 20)}"))
    lines = " ".join(
        f"{slash} {esc(usage.usage, 200)}: {esc(usage.summary, 300)}" for usage in usages
    )
    return kit.message(f"Help on {esc(topic, 60)}. {lines}", blocks)


def _by_topic(usages: Sequence[Usage]) -> list[tuple[str, list[Usage]]]:
    """Commands that share their first word stand together, in the table's order."""
    found: dict[str, list[Usage]] = {}
    for usage in usages:
        found.setdefault(usage.name.partition(" ")[0], []).append(usage)
    return list(found.items())


def _line(usage: Usage, slash: str) -> list[Word]:
    role: Word = (f"  ({plain(usage.role, 20)})", "italic") if usage.role != "viewer" else ""
    return [(f"{slash} {plain(usage.usage, 120)}", "code"), f"  {plain(usage.summary, 200)}", role]


def _typed(example: str, slash: str) -> str:
    shown = plain(example, 200)
    return shown if shown.startswith(slash) else f"{slash} {shown}"
